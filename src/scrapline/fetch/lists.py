"""Split lists that come in with photos: checked against them, then laid into data/splits."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scrapline import paths
from scrapline.data.splitting import SPLITS, read_lists
from scrapline.system.errors import ScraplineError


@dataclass(frozen=True)
class Lists:
    """Lists to be: `name` is their folder in data/splits, `lines` is split -> sorted `class/file`."""

    name: str
    lines: dict[str, list[str]]

    @property
    def place(self) -> Path:
        """Where they go."""
        return paths.SPLIT_LISTS / self.name

    def check_same(self) -> None:
        """Raise ScraplineError where other lists of this name are there already."""
        if not self.place.exists():
            return
        try:
            same = read(self.place).lines == self.lines
        except ScraplineError:
            same = False
        if not same:
            raise ScraplineError(
                f"{self.place} holds other lists: replace them with --replace, or give yours a new name"
            )

    def check_present(self, files: Iterable[str]) -> None:
        """Raise ScraplineError where a list names a file that is not among `files`."""
        absent = sorted({line for lines in self.lines.values() for line in lines}.difference(files))
        if absent:
            raise ScraplineError(
                f"the lists for {self.place} name {len(absent)} photos that are not there, the first `{absent[0]}`: "
                "a line is <class>/<file>; mend the lists, or fetch all the photos"
            )

    def write(self, folder: Path) -> None:
        """Write train.txt, val.txt and test.txt."""
        folder.mkdir(exist_ok=True)
        for split, lines in self.lines.items():
            content = "".join(f"{line}\n" for line in lines)
            (folder / f"{split}.txt").write_text(content, encoding="utf-8", newline="\n")


def read(folder: Path) -> Lists:
    """The lists in a folder, under the folder's name; ScraplineError where they are missing or overlap."""
    split_of = read_lists(folder)
    lines = {split: sorted(line for line, where in split_of.items() if where == split) for split in SPLITS}
    return Lists(folder.resolve().name, lines)
