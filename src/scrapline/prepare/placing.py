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

    `along`: how many photos would train, were they not in a group with one pinned measure_only.
    """

    split: dict[str, str]
    group: dict[str, str]
    rejected: list[Rejected]
    along: int


@dataclass(frozen=True)
class Bonds:
    """What holds photos together: pairs of copies, by number, and the user's own groups, by image_id."""

    photos: Sequence[Photo]
    copies: Sequence[tuple[int, int]]
    own: Mapping[str, Sequence[str]]

    def groups(self, numbers: Sequence[int]) -> dict[int, str]:
        """The group of each of these photos, in order, as if there were no others."""
        place = {number: place for place, number in enumerate(numbers)}
        pairs = [(place[a], place[b]) for a, b in self.copies if a in place and b in place]
        members: defaultdict[str, list[int]] = defaultdict(list)
        for number in numbers if self.own else ():
            for name in self.own.get(self.photos[number].image_id, ()):
                members[name].append(place[number])
        pairs += [pair for together in members.values() for pair in pairwise(together)]
        names = group_names([self.photos[number].image_id for number in numbers], pairs)
        return dict(zip(numbers, names, strict=True))


def check_pins(photos: Sequence[Photo], pins: Mapping[str, Pin], listed: Mapping[str, str]) -> None:
    """Raise ScraplineError for a pin that contradicts a list; `listed` is the split by path."""
    for photo in photos if pins else ():
        pin, split = pins.get(photo.image_id), listed.get(photo.source_path)
        if (pin is Pin.TRAIN_ONLY and split in ("val", "test")) or (pin is Pin.MEASURE_ONLY and split == "train"):
            raise ScraplineError(
                f"`{photo.source_path}` is pinned {pin} and stands in {split}.txt: take it out of one of them"
            )


def place(
    grouped: Grouped,
    own: Mapping[str, Sequence[str]],
    pins: Mapping[str, Pin],
    scheme: Split,
    listed: Mapping[str, str] | None,
    *,
    seed: int,
) -> Placed:
    """Place every photo; `listed` is the split by path, None for the hash scheme.

    A train_only photo moves nothing: the others are placed as if it were not there, and it goes where it does no harm.
    Raises ScraplineError where a class cannot be in every split.
    """
    photos = grouped.photos
    number = {photo.image_id: number for number, photo in enumerate(photos)}
    copies = [(number[joined.first.image_id], number[joined.second.image_id]) for joined in grouped.joined]
    bonds = Bonds(photos, copies, own)
    pin = [pins.get(photo.image_id, Pin.NONE) for photo in photos]
    free = [n for n in range(len(photos)) if pin[n] is not Pin.TRAIN_ONLY]
    trained = [n for n in range(len(photos)) if pin[n] is Pin.TRAIN_ONLY]
    together = bonds.groups(range(len(photos)))
    unit = bonds.groups(free) if trained else together
    members = [Member(photos[n].image_id, photos[n].class_name, photos[n].source_path, unit[n], pin[n]) for n in free]
    if listed is None:
        counted = (
            splitting.COUNTED
            + ", and so do groups of data.group" * bool(own)
            + "; photos pinned train_only do not count" * bool(trained)
        )
        by_group = splitting.by_hash(members, seed=seed, val=scheme.val, test=scheme.test, counted=counted)
        split = {member.image_id: by_group[member.group] for member in members}
        leaks: dict[str, str] = {}
    else:
        split, leaks = splitting.by_lists(members, {**listed, **_measured(members, listed, scheme, seed)})
    held_out: dict[str, str] = {}
    for name in ("val", "test"):
        paths = {together[n]: photos[n].source_path for n in reversed(free) if split.get(photos[n].image_id) == name}
        held_out |= paths
    for n in trained:
        if (harmed := held_out.get(together[n])) is None:
            split[photos[n].image_id] = "train"
        else:
            leaks[photos[n].image_id] = harmed
    # What a list leaves out still says that two photos are one; a train_only photo that is left out joins nothing.
    telling = [n for n in range(len(photos)) if pin[n] is not Pin.TRAIN_ONLY or photos[n].image_id in split]
    final = bonds.groups(telling) if len(telling) < len(photos) else together
    called: dict[str, str] = {}
    group = {
        photos[n].image_id: called.setdefault(name, photos[n].image_id)
        for n, name in final.items()
        if photos[n].image_id in split
    }
    along = _along(members, listed, scheme, seed)
    return Placed(split, group, _rejected(grouped, leaks, split) if leaks else [], along)


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


def _along(members: Sequence[Member], listed: Mapping[str, str] | None, scheme: Split, seed: int) -> int:
    """How many unpinned photos would train if no photo of their group were pinned measure_only."""
    measured = {member.group for member in members if member.pin is Pin.MEASURE_ONLY}

    def would_train(member: Member) -> bool:
        if listed is not None:
            return listed.get(member.source_path, "train") == "train"
        return splitting.unit_hash(member.group, seed) >= scheme.test + scheme.val

    return sum(m.group in measured and m.pin is Pin.NONE and would_train(m) for m in members)


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
