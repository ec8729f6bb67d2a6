"""Which level of a folder tree holds the class folders."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from scrapline.data.class_names import check_class_names
from scrapline.system.errors import ScraplineError


@dataclass(frozen=True)
class Layout:
    """`files` are `class/file` below the level `top`; `ignored` counts the files that lie in no class folder."""

    top: PurePosixPath
    files: list[str]
    ignored: int

    @property
    def counts(self) -> dict[str, int]:
        """Files per class, sorted by name."""
        return dict(sorted(Counter(file.partition("/")[0] for file in self.files).items()))


def find_classes(files: Sequence[str], where: str) -> Layout:
    """Step down through folders that stand alone until there are two or more side by side: those are the classes.

    `files` are relative paths. Raises ScraplineError where no level has two folders with files in them, where they
    are a train/test division instead of classes, or where a name would not work as a class.
    """
    inside = [PurePosixPath(file).parts for file in files]
    depth = 0
    while len(folders := {parts[depth] for parts in inside if len(parts) > depth + 1}) == 1:
        inside = [parts for parts in inside if len(parts) > depth + 1]
        depth += 1
    if not folders:
        raise ScraplineError(
            f"{where} has no level with two or more class folders that hold photos: lay it out as <class>/<photo>"
        )
    check_class_names(sorted(folders), where)
    kept = ["/".join(parts[depth:]) for parts in inside if len(parts) > depth + 1]
    top = PurePosixPath(*inside[0][:depth])
    return Layout(top, kept, ignored=len(files) - len(kept))
