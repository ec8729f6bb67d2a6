"""A folder of frames, which come along again and again."""

from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any, Self

from scrapline.cli.console import info
from scrapline.cli.text import printable
from scrapline.data.frames_table import read_frames_table
from scrapline.data.imaging import IMAGE_SUFFIXES
from scrapline.data.names import nfc, visible
from scrapline.line.feeds.frame import Frame
from scrapline.line.feeds.mix import item_rng, mixed
from scrapline.system.errors import ScraplineError


def find_frames(folder: Path, classes: list[str], *, strict: bool = False) -> list[Path]:
    """The frames `<class>/<file>` in a folder, mixed by file name so that the classes alternate as on a belt.

    Where there are none: the pictures that lie in the folder itself, sorted, of which nobody knows the class. A class
    that is not the model's is said on the console. Raises ScraplineError where there are no frames, and if `strict`
    where their class is not the model's, or unknown.
    """
    found = _pictures(folder, "*/*")
    if not found and not strict:
        found = _pictures(folder, "*")
    elif foreign := sorted({class_of(path) for path in found} - set(classes)):
        if strict:
            raise ScraplineError(f"{folder} holds class `{foreign[0]}`, which the model does not know: run `dvc repro`")
        names = ", ".join(f"`{name}`" for name in foreign)
        info(f"{folder}: the model does not know {names}, so that no such item can be recognised")
    if not found:
        raise ScraplineError(
            f"{folder} holds no frames: put pictures there, in a folder for each class if you know them; "
            "data/test_frames is filled by `dvc repro prepare` (or `dvc pull`)"
        )
    return sorted(found, key=lambda path: (path.name, path.parent.name))


def class_of(path: Path) -> str:
    """The class that a frame's folder names, as any table can hold it."""
    return printable(nfc(path.parent.name))


class Folder:
    """The frames of a folder in turn, or at random by a mix: class -> share, of which each class comes as often.

    Where `prepare` has laid the frames out, a table beside them says which are of one group, and how often each class
    comes in the test split, which is then the mix. Any other frame is a group of its own. The frame of an item depends
    on the seed and the item's number alone. ScraplineError for what `find_frames` refuses, for a mix that the folder
    cannot give, and for a damaged table.
    """

    waits = False
    ahead = True

    def __init__(
        self,
        path: Path,
        classes: list[str],
        *,
        seed: int = 0,
        mix: dict[str, float] | None = None,
        strict: bool = False,
    ) -> None:
        self._path = path
        self._frames = find_frames(path, classes, strict=strict)
        self._by_class: defaultdict[str, list[Path]] = defaultdict(list)
        if self._frames[0].parent != path:
            for frame in self._frames:
                self._by_class[class_of(frame)].append(frame)
        self._seed = seed
        self._known = read_frames_table(path)
        self._told = {frame: self._labels(frame) for frame in self._frames}
        self._mix_of = "as asked" if mix else "as in the test split" if self._known else "as in the folder"
        mix = mix or self._stood_for()
        self._mix = mixed(mix, self._by_class, str(path)) if mix else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def take(self, number: int, due_s: float) -> Frame:
        """The frame of item `number`; one that cannot be read has no bytes, which the line finds unreadable."""
        path = self._pick(number)
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        name, true_class, group = self._told[path]
        return Frame(name, data, true_class, group)

    def facts(self) -> dict[str, Any]:
        """How many frames there are of which class, and how they are mixed."""
        return {
            "kind": "folder",
            "path": str(self._path),
            "frames": len(self._frames),
            "classes": {name: len(self._by_class[name]) for name in sorted(self._by_class)} or None,
            "mix": self._mix_of,
            "shares": {name: round(share, 6) for name, share in sorted(self._mix.shares.items())}
            if self._mix
            else None,
        }

    def _labels(self, frame: Path) -> tuple[str, str, str]:
        """A frame's name, true class if known, and group."""
        name = printable(frame.relative_to(self._path).as_posix())
        known = self._known.get(nfc(name))
        return name, class_of(frame) if self._by_class else "", known.group if known else name

    def _stood_for(self) -> dict[str, float]:
        """How many photos of the test split each class's frames stand for; nothing where no table says so."""
        shares: defaultdict[str, float] = defaultdict(float)
        for name, frames in self._by_class.items():
            for frame in frames:
                known = self._known.get(nfc(printable(frame.relative_to(self._path).as_posix())))
                shares[name] += known.stands_for if known else 0.0
        return {name: share for name, share in shares.items() if share > 0}

    def _pick(self, number: int) -> Path:
        if self._mix is None:
            return self._frames[number % len(self._frames)]
        rng = item_rng(self._seed, number)
        frames = self._by_class[self._mix.draw(rng)]
        return frames[rng.integers(len(frames))]


def _pictures(folder: Path, pattern: str) -> list[Path]:
    return [
        path
        for path in folder.glob(pattern)
        if path.suffix.lower() in IMAGE_SUFFIXES
        and visible(PurePosixPath(path.relative_to(folder).as_posix()))
        and path.is_file()
    ]
