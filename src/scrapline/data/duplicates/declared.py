"""Pairs of photos that a person declared the same or different, in data/splits/pairs.csv."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scrapline.data import user_tables
from scrapline.data.user_tables import Line, Table
from scrapline.system.errors import ScraplineError

_VERDICTS = ("same", "different")


@dataclass(frozen=True)
class Declared:
    """Pairs of image_ids, the smaller first."""

    same: frozenset[tuple[str, str]] = frozenset()
    different: frozenset[tuple[str, str]] = frozenset()


def read_pairs(path: Path) -> Table:
    """The file's lines; ScraplineError where one has no such verdict."""
    table = user_tables.read(path, ("first", "second", "verdict"), ("first", "second"))
    for line in table.lines:
        if line.fields["verdict"] not in _VERDICTS:
            raise ScraplineError(f"{line.where}: verdict `{line.fields['verdict']}` is not `same` or `different`")
    return table


def declared(table: Table, image_id: Callable[[Line, str], str | None]) -> Declared:
    """The pairs. `image_id` leads from a line's name for a photo to its id, to None for a quarantined one.

    Raises ScraplineError for a photo paired with itself, and for a pair declared both.
    """
    said: dict[tuple[str, str], str] = {}
    for line in table.lines:
        first, second = (image_id(line, line.fields[column]) for column in table.photos)
        if first is None or second is None:
            continue
        if first == second:
            raise ScraplineError(f"{line.where}: names one photo twice")
        pair = min(first, second), max(first, second)
        if said.setdefault(pair, line.fields["verdict"]) != line.fields["verdict"]:
            raise ScraplineError(f"{line.where}: the pair is declared both same and different: take one line out")
    return Declared(*(frozenset(pair for pair, verdict in said.items() if verdict == each) for each in _VERDICTS))
