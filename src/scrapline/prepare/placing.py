"""The split and the group of each photo: by hash or by lists, with copies, the user's own groups and pins obeyed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from scrapline.data import splitting
from scrapline.data.duplicates.groups import group_names
from scrapline.data.pins import Pin
from scrapline.data.splitting import Member
from scrapline.params import Split
from scrapline.prepare.grouping import Grouped
from scrapline.prepare.quality import Photo, Rejected
from scrapline.system.errors import ScraplineError


@dataclass(frozen=True)
class Placed:
    """By image_id, the split and the group of the photos that stay; `rejected` are those that would leak.

    `along`: how many photos do not train for being in a group with one pinned measure_only.
    """

    split: dict[str, str]
    group: dict[str, str]
    rejected: list[Rejected]
    along: int


@dataclass(frozen=True)
class Bonds:
    """What holds photos together: pairs of copies, by number, and the user's own groups, by path."""

    photos: Sequence[Photo]
    copies: Sequence[tuple[int, int]]
    own: Mapping[str, str]

    def groups(self, numbers: Sequence[int]) -> dict[int, str]:
        """The group of each of these photos, in order, as if there were no others."""
        place = {number: place for place, number in enumerate(numbers)}
        pairs = [(place[a], place[b]) for a, b in self.copies if a in place and b in place]
        members: defaultdict[str, list[int]] = defaultdict(list)
        for number in numbers if self.own else ():
            if (name := self.own.get(self.photos[number].source_path)) is not None:
                members[name].append(place[number])
        pairs += [pair for together in members.values() for pair in pairwise(together)]
        names = group_names([self.photos[number].image_id for number in numbers], pairs)
        return dict(zip(numbers, names, strict=True))


def place(
    grouped: Grouped,
    own: Mapping[str, str],
    pins: Mapping[str, Pin],
    scheme: Split,
    listed: Mapping[str, str] | None,
    *,
    seed: int,
) -> Placed:
    """Place every photo; `listed` is the split by path, None for the hash scheme.

    A train_only photo moves nothing: the others are placed as if it were not there, and it goes where it does no harm.
    Raises ScraplineError where a class cannot be in every split, or a pin contradicts a list.
    """
    photos = grouped.photos
    number = {photo.image_id: number for number, photo in enumerate(photos)}
    copies = [(number[joined.first.image_id], number[joined.second.image_id]) for joined in grouped.joined]
    bonds = Bonds(photos, copies, own)
    pin = [pins.get(photo.image_id, Pin.NONE) for photo in photos]
    free = [number for number in range(len(photos)) if pin[number] is not Pin.TRAIN_ONLY]
    trained = [number for number in range(len(photos)) if pin[number] is Pin.TRAIN_ONLY]
    together = bonds.groups(range(len(photos)))
    unit = bonds.groups(free) if trained else together
    members = [_member(photos[number], unit[number], pin[number]) for number in free]
    if listed is None:
        beside = {together[number] for number in free}
        alone = [_member(photos[n], together[n], pin[n]) for n in trained if together[n] not in beside]
        by_group = splitting.by_hash(members + alone, seed=seed, val=scheme.val, test=scheme.test)
        split = {member.image_id: by_group[member.group] for member in members}
        leaks: dict[str, str] = {}
    else:
        _check_pins(photos, pin, listed)
        split, leaks = splitting.by_lists(members, {**listed, **_measured(members, listed, scheme, seed)})
    held_out: dict[str, Photo] = {}
    for name in ("val", "test"):
        held_out |= {together[n]: photos[n] for n in reversed(free) if split.get(photos[n].image_id) == name}
    for n in trained:
        if (harmed := held_out.get(together[n])) is None:
            split[photos[n].image_id] = "train"
        else:
            leaks[photos[n].image_id] = harmed.source_path
    stay = free + [n for n in trained if photos[n].image_id in split]
    final = bonds.groups(sorted(stay)) if len(stay) < len(photos) else together
    measured = {member.group for member in members if member.pin is Pin.MEASURE_ONLY}
    return Placed(
        split,
        {photos[n].image_id: name for n, name in final.items()},
        _rejected(grouped, leaks, split) if leaks else [],
        sum(member.group in measured and member.pin is Pin.NONE for member in members),
    )


def _member(photo: Photo, group: str, pin: Pin) -> Member:
    return Member(photo.image_id, photo.class_name, photo.source_path, group, pin)


def _check_pins(photos: Sequence[Photo], pins: Sequence[Pin], listed: Mapping[str, str]) -> None:
    for photo, pin in zip(photos, pins, strict=True):
        split = listed.get(photo.source_path)
        if (pin is Pin.TRAIN_ONLY and split in ("val", "test")) or (pin is Pin.MEASURE_ONLY and split == "train"):
            raise ScraplineError(
                f"`{photo.source_path}` is pinned {pin} and stands in {split}.txt: take it out of one of them"
            )


def _measured(members: Sequence[Member], listed: Mapping[str, str], scheme: Split, seed: int) -> dict[str, str]:
    """The split by path of measure_only photos in no list: that of a listed photo in their group, or by hash."""
    home: dict[str, str] = {}
    for split in ("val", "test"):
        home |= {member.group: split for member in members if listed.get(member.source_path) == split}
    return {
        m.source_path: home.get(m.group)
        or splitting.measuring_split(m.group, seed=seed, val=scheme.val, test=scheme.test)
        for m in members
        if m.pin is Pin.MEASURE_ONLY and m.source_path not in listed
    }


def _rejected(grouped: Grouped, leaks: Mapping[str, str], split: Mapping[str, str]) -> list[Rejected]:
    """What leaks: image_id -> path of the held-out photo that it is in one group with."""
    home = {photo.source_path: split[photo.image_id] for photo in grouped.photos if photo.image_id in split}
    copies = {photo.source_path: name for photo, name in zip(grouped.photos, grouped.groups, strict=True)}
    rejected = []
    for photo in grouped.photos:
        if (path := leaks.get(photo.image_id)) is not None:
            how = "nearly the same photo as" if copies[photo.source_path] == copies[path] else "in one group with"
            rejected.append(Rejected(photo.source_path, f"leaks_into_{home[path]}", f"{how} {path}"))
    return rejected
