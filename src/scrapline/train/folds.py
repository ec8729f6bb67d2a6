"""Folds for cross-validation: which photos each of several networks does not see."""

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scrapline.data.pins import Pin
from scrapline.data.shards import Row
from scrapline.model.joined import Rows
from scrapline.system.errors import ScraplineError

_FEWEST = 2


@dataclass(frozen=True)
class Cut:
    """One network's photos: `train` it learns from, `held_out` it never sees; positions among the folds' photos."""

    repeat: int
    fold: int
    train: Rows
    held_out: Rows


@dataclass(frozen=True)
class Folds:
    """`fold` int64 [R, N]: where each photo is held out in each repeat, -1 where in none; `learns` bool [N]."""

    count: int
    fold: npt.NDArray[np.int64]
    learns: npt.NDArray[np.bool_]

    def __iter__(self) -> Iterator[Cut]:
        """The networks to train, repeat by repeat."""
        for repeat, fold in enumerate(self.fold):
            for number in range(self.count):
                train, held_out = np.flatnonzero(self.learns & (fold != number)), np.flatnonzero(fold == number)
                yield Cut(repeat, number, train, held_out)

    def __len__(self) -> int:
        return len(self.fold) * self.count


def pool(manifest: Sequence[Row]) -> list[Row]:
    """The photos among which folds are drawn: those of training and then those of validation, each in id order."""
    return [row for split in ("train", "val") for row in manifest if row.split == split]


def draw(rows: Sequence[Row], *, folds: int, repeats: int, seed: int) -> Folds:
    """Deal the groups of each class out to the folds, in an order that the hash of each decides, anew in each repeat.

    A group is never split. One with a train_only photo is held out in no fold, and one with a measure_only photo
    trains none; the two kinds are dealt apart. A group of several classes counts as of the one that most of its photos
    have. With `folds` 0 there are none. Raises ScraplineError where a fold leaves nothing to learn from.
    """
    members: defaultdict[str, list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        members[row.group].append(position)
    pins = {group: {rows[position].pin for position in own} for group, own in members.items()}
    dealt: defaultdict[tuple[str, bool], list[str]] = defaultdict(list)
    for group, own in members.items():
        if Pin.TRAIN_ONLY not in pins[group]:
            most = Counter(rows[position].class_name for position in own).most_common()
            commonest = min(most, key=lambda found: (-found[1], found[0]))[0]
            dealt[commonest, Pin.MEASURE_ONLY in pins[group]].append(group)
    fold = np.full((repeats if folds else 0, len(rows)), -1)
    for repeat in range(len(fold)):
        turn = 0  # goes on from class to class, for the folds to be of one size
        for _, groups in sorted(dealt.items()):
            for group in sorted(groups, key=lambda group: _hash(seed, repeat, group)):
                fold[repeat, members[group]] = turn % folds
                turn += 1
    drawn = Folds(folds, fold, np.array([Pin.MEASURE_ONLY not in pins[row.group] for row in rows]))
    if any(len(cut.train) < _FEWEST for cut in drawn):
        raise ScraplineError(
            f"{folds} folds of so few photos leave some networks fewer than {_FEWEST} to learn from: add photos, or "
            "set `train.folds: 0`"
        )
    return drawn


def write(path: Path, rows: Sequence[Row], folds: Folds) -> None:
    """Write folds.csv: each photo, its split, class and group, whether it trains, and its fold in each repeat."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        numbers = [f"fold_{repeat + 1}" for repeat in range(len(folds.fold))]
        table.writerow(["image_id", "split", "class", "group", "trains", *numbers])
        for row, learns, held in zip(rows, folds.learns, folds.fold.T, strict=True):
            cells = ["" if number < 0 else int(number) for number in held]
            table.writerow([row.image_id, row.split, row.class_name, row.group, int(learns), *cells])


def _hash(seed: int, repeat: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}:{repeat}:{group}".encode()).digest()
