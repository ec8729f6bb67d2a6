"""Which of the photos are copies of one, and which of those bear two labels."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scrapline.cli.console import info
from scrapline.data.duplicates.declared import Declared
from scrapline.data.duplicates.finder import find_copies
from scrapline.data.duplicates.groups import group_names
from scrapline.data.learned import NOTHING, Learned
from scrapline.data.pins import Pin
from scrapline.prepare.quality import Photo, Rejected

LARGE_GROUP = 20


@dataclass(frozen=True, slots=True)
class Joined:
    """Two photos that are copies of one and why; `likeness`: the mean, plain and bold correlations if measured."""

    first: Photo
    second: Photo
    reason: str
    likeness: tuple[float, float, float] | None


@dataclass(frozen=True)
class Grouped:
    """The photos that stay, the copies of one among them in groups in the same order, the pairs, and the conflicts."""

    photos: list[Photo]
    groups: list[str]
    joined: list[Joined]
    rejected: list[Rejected]

    @property
    def large(self) -> dict[str, int]:
        """Groups of more than 20 copies and their sizes: for a person to look at."""
        return {name: size for name, size in sorted(Counter(self.groups).items()) if size > LARGE_GROUP}


def group(
    photos: Sequence[Photo],
    thumbnails: Path,
    declared: Declared,
    pins: Mapping[str, Pin],
    learned: Learned = NOTHING,
) -> Grouped:
    """Group copies of one photo; `photos` are sorted by id, `thumbnails` is the file that their numbers lead into.

    A photo that stands in a second class, saved again, has two labels: neither stays, but that one pinned train_only
    takes no other along. What a person declared comes before what was measured.
    """
    same, different = _numbered(photos, declared.same), _numbered(photos, declared.different)
    found = find_copies(thumbnails, np.array([photo.thumbnail for photo in photos], np.int64), learned)
    reasons: dict[tuple[int, int], tuple[str, tuple[float, float, float] | None]] = {}
    others: defaultdict[int, list[str]] = defaultdict(list)
    for copies in found:
        pair = copies.first, copies.second
        if pair in different:
            continue
        first, second = photos[copies.first], photos[copies.second]
        if copies.resaved and first.class_name != second.class_name and pair not in same:
            hard = [pins.get(photo.image_id) is Pin.TRAIN_ONLY for photo in (first, second)]
            if hard[0] or not hard[1]:
                others[copies.first].append(second.source_path)
            if hard[1] or not hard[0]:
                others[copies.second].append(first.source_path)
        likeness = copies.match.likeness
        reasons[pair] = copies.reason, (likeness.mean, likeness.plain, likeness.bold)
    reasons |= dict.fromkeys(same, ("declared the same", None))
    rejected = [
        Rejected(photos[number].source_path, "label_conflict", "the same picture, saved again, as " + ", ".join(paths))
        for number, paths in others.items()
    ]
    kept = [photo for number, photo in enumerate(photos) if number not in others]
    joined = [
        Joined(photos[first], photos[second], *reason)
        for (first, second), reason in sorted(reasons.items())
        if first not in others and second not in others
    ]
    place = {photo.image_id: number for number, photo in enumerate(kept)}
    pairs = [(place[each.first.image_id], place[each.second.image_id]) for each in joined]
    groups = group_names([photo.image_id for photo in kept], pairs)
    for low, high in sorted(different):
        one, other = place.get(photos[low].image_id), place.get(photos[high].image_id)
        if one is not None and other is not None and groups[one] == groups[other]:
            info(
                f"  {photos[low].source_path} and {photos[high].source_path} are declared different, and are in "
                "one group all the same: other photos join them; declare those, too"
            )
    return Grouped(kept, groups, joined, rejected)


def _numbered(photos: Sequence[Photo], pairs: Iterable[tuple[str, str]]) -> set[tuple[int, int]]:
    """Pairs of ids as pairs of the photos' numbers, where both are there; no table of all ids is made."""

    def number(image_id: str) -> int:
        place = bisect_left(photos, image_id, key=lambda photo: photo.image_id)
        return place if place < len(photos) and photos[place].image_id == image_id else -1

    numbers = ((number(low), number(high)) for low, high in pairs)
    return {pair for pair in numbers if min(pair) >= 0}
