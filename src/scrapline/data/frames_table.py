"""What is known of the frames in a folder beside their class: which show the same, and how often each comes by."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scrapline.data import user_tables
from scrapline.system.errors import ScraplineError

_NAME = ".frames.csv"  # hidden, so that whoever lists the folder's photos finds photos
_COLUMNS = ("frame", "group", "stands_for")


@dataclass(frozen=True)
class KnownFrame:
    """A frame's group, and of how many photos it is one of those chosen to show."""

    group: str
    stands_for: float


def write_frames_table(folder: Path, rows: Iterable[tuple[str, str, float]]) -> None:
    """Write the table: the frame's path in the folder, its group, how many photos it stands for."""
    with (folder / _NAME).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([_COLUMNS, *rows])


def read_frames_table(folder: Path) -> dict[str, KnownFrame]:
    """Each listed frame; none where there is no table. Raises ScraplineError for a damaged one."""
    known = {}
    for line in user_tables.read(folder / _NAME, _COLUMNS, ("frame",)).lines:
        try:
            stands_for = float(line.fields["stands_for"])
        except ValueError:
            stands_for = 0.0
        if not 0 < stands_for < float("inf"):
            raise ScraplineError(f"{line.where}: `stands_for` must be a number above 0: run `dvc repro prepare`")
        known[line.fields["frame"]] = KnownFrame(line.fields["group"] or line.fields["frame"], stands_for)
    return known
