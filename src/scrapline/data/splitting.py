"""Which split an image belongs to: by the hash of its group, or by lists that the user pins."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scrapline.data.pins import Pin
from scrapline.data.user_tables import as_listed
from scrapline.system.errors import ScraplineError

SPLITS = ("train", "val", "test")
MIN_GROUPS = 3
COUNTED = "near-duplicates count as one"


@dataclass(frozen=True, slots=True)
class Member:
    """What splitting needs to know of an image."""

    image_id: str
    class_name: str
    source_path: str
    group: str
    pin: Pin = Pin.NONE


def by_hash(members: Sequence[Member], *, seed: int, val: float, test: float, counted: str = COUNTED) -> dict[str, str]:
    """The split of each group, from the hash of its smallest member's id.

    Adding images moves no other, but for near-duplicates of them (a smaller id renames a group). A class left out of a
    split gives it the group whose hash lies nearest. A group with a measure_only photo is never in training. Photos
    pinned train_only are not among the members. `counted` tells people what counts as one photo.
    Raises ScraplineError where a class has fewer than three groups, or shares or pins them so that it cannot be in
    every split.
    """
    point = {member.group: unit_hash(member.group, seed) for member in members}
    borders = {"test": (0.0, test), "val": (test, test + val), "train": (test + val, 1.0)}
    measured = {member.group for member in members if member.pin is Pin.MEASURE_ONLY}
    split = {group: next(name for name, (_, high) in borders.items() if at < high) for group, at in point.items()}
    split |= {group: measuring_split(group, seed=seed, val=val, test=test) for group in measured}
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for member in members:
        classes[member.class_name].add(member.group)
    for name, groups in sorted(classes.items()):
        if len(groups) < MIN_GROUPS:
            raise ScraplineError(
                f"class `{name}` has {len(groups)} distinct photo{'s' * (len(groups) != 1)} ({counted}) and needs at "
                f"least {MIN_GROUPS}, one each to train, validate and test: add photos to it"
            )
        for wanted in ("test", "val", "train"):
            if any(split[group] == wanted for group in groups):
                continue
            low, high = borders[wanted]
            free = groups - measured if wanted == "train" else groups
            spare = [group for group in free if _is_spare(group, split, classes.values())]
            if nearest := min(spare or free, key=lambda g: (max(low - point[g], point[g] - high), g), default=None):
                split[nearest] = wanted
    for name, groups in sorted(classes.items()):
        if lacking := sorted(set(SPLITS) - {split[group] for group in groups}):
            raise ScraplineError(
                f"class `{name}` has no photo left for {lacking[0]}, so many of them are in one group with photos of "
                "other classes, or pinned: add photos to it, put each photo into one class, or take pins out"
            )
    return split


def measuring_split(group: str, *, seed: int, val: float, test: float) -> str:
    """`val` or `test` for a group that must not train: what its hash says, or, where that says train, by shares."""
    at, held_out = unit_hash(group, seed), test + val
    if at >= held_out:
        at = (at - held_out) / (1 - held_out) * held_out
    return "test" if at < test else "val"


def read_lists(folder: Path) -> dict[str, str]:
    """`class/file` -> split, from train.txt, val.txt and test.txt; ScraplineError where they are missing or overlap."""
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = folder / f"{split}.txt"
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (FileNotFoundError, NotADirectoryError):
            raise ScraplineError(
                f"{path} is not here: data.split.lists names a folder with train, val and test.txt"
            ) from None
        except UnicodeDecodeError:
            raise ScraplineError(f"{path} is not UTF-8 text: save it as that") from None
        for line in filter(None, map(as_listed, lines)):
            earlier = split_of.setdefault(line, split)
            if earlier != split:
                raise ScraplineError(
                    f"{folder}: `{line}` stands in both {earlier}.txt and {split}.txt: take it out of one"
                )
    return split_of


def rank_by_list(split_of: dict[str, str], source_path: str) -> int:
    """Which of identical files stays: test before validation before training."""
    return {"test": 0, "val": 1}.get(split_of.get(source_path, "train"), 2)


def by_lists(members: Sequence[Member], split_of: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """The split of each image by pinned lists, and the images that leak: image_id -> the listed path they resemble.

    Images in no list train. A near-duplicate of a test image leaks into test unless it is in test too; a training
    image that resembles a validation image, and no test image, leaks into validation. So the split that an image
    leaks into is that of the path it resembles.
    """
    split = {member.image_id: split_of.get(member.source_path, "train") for member in members}
    groups: defaultdict[str, list[Member]] = defaultdict(list)
    for member in members:
        groups[member.group].append(member)
    leaks: dict[str, str] = {}
    for group in groups.values():
        home = min((split[member.image_id] for member in group), key=lambda name: -SPLITS.index(name))
        held_out = next(member for member in group if split[member.image_id] == home)
        leaks |= {m.image_id: held_out.source_path for m in group if split[m.image_id] != home}
    return {image_id: name for image_id, name in split.items() if image_id not in leaks}, leaks


def _is_spare(group: str, split: dict[str, str], classes: Iterable[set[str]]) -> bool:
    """Whether every class with photos in the group keeps another group in the same split."""
    return all(sum(split[other] == split[group] for other in groups) > 1 for groups in classes if group in groups)


def unit_hash(image_id: str, seed: int) -> float:
    """Where a group lies between 0 and 1: below `test` to test, below `test + val` to validate, else to train."""
    digest = hashlib.sha256(f"{seed}:{image_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
