"""What a person wrote about single photos: pairs that are the same or different, pins, and groups."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

from scrapline.data.duplicates.declared import Declared, declared, read_pairs
from scrapline.data.own_groups import OwnGroups, read_table
from scrapline.data.pins import Pin, pins_by_id, read_pins
from scrapline.data.sources import Source
from scrapline.data.user_tables import Line, Table, unknown
from scrapline.params import Data
from scrapline.paths import PAIRS, PINS, SPLIT_LISTS
from scrapline.prepare.quality import Photo, Rejected


@dataclass(frozen=True)
class Handwritten:
    """The tables of data/splits and the rule of `data.group`; empty where there is none."""

    pairs: Table
    pins: Table
    groups: OwnGroups

    def check(self, source: Source) -> None:
        """Raise ScraplineError for a path that the source has not, before any photo is read."""
        tables = [table for table in (self.pairs, self.pins, self.groups.table) if table is not None and table.lines]
        if not tables and not self.groups.given:
            return
        paths = {item.path for item in source.items()}
        for table in tables:
            table.check(paths, ids=table is not self.groups.table)
        self.groups.check(paths)


def read_handwritten(data: Data) -> Handwritten:
    """Read it all. Raises ScraplineError for what is wrong in a table itself."""
    pattern, file = (data.group.pattern, data.group.file) if data.group else (None, None)
    table = read_table(SPLIT_LISTS / file) if file is not None else None
    return Handwritten(read_pairs(PAIRS), read_pins(PINS), OwnGroups(pattern, table))


@dataclass(frozen=True)
class Resolved:
    """The tables by image_id, once every photo is read; `photos` holds byte-identical ones too."""

    written: Handwritten
    photos: list[Photo]
    rejected: list[Rejected]

    @cached_property
    def pairs(self) -> Declared:
        """What is declared of pairs; those with a quarantined photo have no effect."""
        return declared(self.written.pairs, self._image_id)

    @cached_property
    def pins(self) -> dict[str, Pin]:
        """The pin of each photo that has one."""
        return pins_by_id(self.written.pins, self._image_id)

    @cached_property
    def own(self) -> dict[str, tuple[str, ...]]:
        """The user's groups of each photo that has any: several where byte-identical photos are in several."""
        group = self.written.groups.of(photo.source_path for photo in self.photos)
        found: defaultdict[str, set[str]] = defaultdict(set)
        for photo in self.photos:
            if photo.source_path in group:
                found[photo.image_id].add(group[photo.source_path])
        return {image_id: tuple(sorted(groups)) for image_id, groups in found.items()}

    @cached_property
    def _ids(self) -> dict[str, str | None]:
        named: dict[str, str | None] = {entry.source_path: None for entry in self.rejected}
        named |= {photo.source_path: photo.image_id for photo in self.photos}
        return named | {photo.image_id: photo.image_id for photo in self.photos}

    def _image_id(self, line: Line, name: str) -> str | None:
        if name not in self._ids:
            raise unknown(line, name)
        return self._ids[name]
