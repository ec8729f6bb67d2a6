"""Folds: groups stay whole, every photo is held out once in each repeat, and pins are obeyed."""

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scrapline.data.pins import Pin
from scrapline.data.shards import Row
from scrapline.system.errors import ScraplineError
from scrapline.train import folds


def row(number: int, class_name: str = "glass", group: str = "", pin: Pin = Pin.NONE, split: str = "train") -> Row:
    name = f"{number:016x}"
    return Row(name, class_name, split, group or name, 8, 8, 100, f"{class_name}/{number}.jpg", "x.tar", pin)


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 12), st.sampled_from(list(Pin))), min_size=1, max_size=60
).map(lambda drawn: [row(n, c, f"group{g}", pin) for n, (c, g, pin) in enumerate(drawn)])


@given(rows=ROWS, count=st.integers(2, 6), repeats=st.integers(1, 3), seed=st.integers(0, 99))
def test_whatever_the_photos(rows: list[Row], count: int, repeats: int, seed: int) -> None:
    try:
        drawn = folds.draw(rows, folds=count, repeats=repeats, seed=seed)
    except ScraplineError:
        assume(False)
    groups = np.array([r.group for r in rows])
    pinned = {pin: {r.group for r in rows if r.pin is pin} for pin in Pin}
    assert drawn.fold.shape == (repeats, len(rows))
    for fold in drawn.fold:
        for group in set(groups):
            assert len(set(fold[groups == group])) == 1, "a group is split"
            assert (fold[groups == group][0] == -1) == (group in pinned[Pin.TRAIN_ONLY])
    seen = np.zeros((repeats, len(rows)), int)
    cuts = list(drawn)
    assert [(cut.repeat, cut.fold) for cut in cuts] == [(r, f) for r in range(repeats) for f in range(count)]
    assert len(cuts) == len(drawn)
    for cut in cuts:
        seen[cut.repeat, cut.held_out] += 1
        assert not set(groups[cut.train]) & set(groups[cut.held_out])
        assert not set(groups[cut.train]) & pinned[Pin.MEASURE_ONLY]
        assert len(cut.train) + len(cut.held_out) <= len(rows)
        expected = set(groups) - pinned[Pin.MEASURE_ONLY] - set(groups[cut.held_out])
        assert set(groups[cut.train]) == expected, "all others train"
    assert (seen == (drawn.fold >= 0)).all()


def test_folds_are_of_one_size_in_each_class_and_over_all() -> None:
    """In each class the largest and the smallest fold are at most one photo apart, and so over all classes."""
    rows = [row(n, "abc"[n % 7 % 3]) for n in range(101)]
    for fold in folds.draw(rows, folds=5, repeats=3, seed=1).fold:
        assert sorted(Counter(fold.tolist()).values()) == [20, 20, 20, 20, 21]
        for name in "abc":
            sizes = Counter(int(f) for f, r in zip(fold, rows, strict=True) if r.class_name == name).values()
            assert len(sizes) == 5
            assert max(sizes) - min(sizes) <= 1


def test_repeats_and_seeds_differ_and_the_order_of_photos_does_not_matter() -> None:
    rows = [row(n) for n in range(60)]
    drawn = folds.draw(rows, folds=5, repeats=2, seed=1)
    assert (drawn.fold[0] != drawn.fold[1]).mean() > 0.5
    assert (drawn.fold[0] != folds.draw(rows, folds=5, repeats=1, seed=2).fold[0]).mean() > 0.5
    np.testing.assert_array_equal(folds.draw(rows[::-1], folds=5, repeats=2, seed=1).fold[:, ::-1], drawn.fold)


def test_a_group_of_two_classes_counts_as_of_the_commoner() -> None:
    """Six groups of one photo each of a, and one with two of a and one of b: seven groups of a, none of b."""
    rows = [row(n, "a") for n in range(6)] + [row(n, name, "mixed") for n, name in ((7, "a"), (8, "a"), (9, "b"))]
    fold = folds.draw(rows, folds=7, repeats=1, seed=0).fold[0]
    assert sorted({*fold[:6].tolist(), int(fold[6])}) == list(range(7))


def test_no_folds_are_none() -> None:
    drawn = folds.draw([row(1), row(2)], folds=0, repeats=5, seed=0)
    assert len(drawn) == 0
    assert list(drawn) == []


def test_the_pool_is_training_and_then_validation() -> None:
    rows = [row(n, split=split) for n, split in enumerate(("test", "train", "train", "val"))]
    assert [r.image_id[-1] for r in folds.pool(rows[::-1])] == ["2", "1", "3"]


def test_the_file_says_where_each_photo_is_held_out(tmp_path: Path) -> None:
    rows = [row(1, "a", "g"), row(2, "a", "g"), row(3, "b", pin=Pin.TRAIN_ONLY), row(4, "b", pin=Pin.MEASURE_ONLY)]
    rows += [row(n, "a") for n in range(5, 9)]
    drawn = folds.draw(rows, folds=2, repeats=2, seed=0)
    folds.write(tmp_path / "folds.csv", rows, drawn)
    lines = list(csv.DictReader((tmp_path / "folds.csv").open()))
    assert [(line["image_id"], line["class"], line["group"], line["trains"]) for line in lines] == [
        (r.image_id, r.class_name, r.group, str(int(r.pin is not Pin.MEASURE_ONLY))) for r in rows
    ]
    assert (lines[2]["fold_1"], lines[2]["fold_2"]) == ("", "")
    for line, held in zip(lines, drawn.fold.T, strict=True):
        assert [line["fold_1"], line["fold_2"]] == ["" if f < 0 else str(f) for f in held]


@pytest.mark.parametrize("pin", list(Pin))
def test_a_pin_holds_for_the_whole_group(pin: Pin) -> None:
    rows = [row(1, group="g", pin=pin), row(2, group="g"), *(row(n) for n in range(3, 9))]
    drawn = folds.draw(rows, folds=2, repeats=1, seed=0)
    assert (drawn.fold[0, :2] == -1).all() == (pin is Pin.TRAIN_ONLY)
    assert drawn.learns[:2].tolist() == [pin is not Pin.MEASURE_ONLY] * 2


def test_photos_only_measured_on_are_dealt_apart_so_that_what_learns_is_in_all_folds() -> None:
    rows = [row(n, pin=Pin.MEASURE_ONLY if n % 2 else Pin.NONE) for n in range(40)]
    for fold in folds.draw(rows, folds=4, repeats=3, seed=0).fold:
        for which in (slice(0, None, 2), slice(1, None, 2)):
            assert sorted(Counter(fold[which].tolist()).values()) == [5, 5, 5, 5]


def test_too_few_photos_to_learn_from_is_one_line() -> None:
    rows = [row(1), *(row(n, pin=Pin.MEASURE_ONLY) for n in range(2, 9))]
    with pytest.raises(ScraplineError, match="leave some networks fewer than 2 to learn from"):
        folds.draw(rows, folds=2, repeats=1, seed=0)
