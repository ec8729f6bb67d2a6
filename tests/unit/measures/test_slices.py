"""Accuracy by slice: which photos are in which, and how seldom chance alone names one."""

import json

import numpy as np
import pytest

from scrapline.measures import slices
from scrapline.measures.intervals import wilson


def test_quarters_are_cut_by_value_and_equal_values_stay_together() -> None:
    found = list(slices.by_quarter(np.array([8.0, 1, 2, 3, 4, 5, 6, 7])))
    assert [name for name, _ in found] == [
        "lowest quarter: 1 to 2",
        "second quarter: 3 to 4",
        "third quarter: 5 to 6",
        "highest quarter: 7 to 8",
    ]
    assert np.array([mask for _, mask in found]).T.argmax(axis=1).tolist() == [3, 0, 0, 1, 1, 2, 2, 3]
    alike = list(slices.by_quarter(np.array([1.0, 1, 1, 1, 1, 1, 1, 9])))
    assert [int(mask.sum()) for _, mask in alike] == [7, 1]


def test_an_accuracy_counts_the_photos_of_its_slice_and_their_groups() -> None:
    right = np.array([True, True, False, True, False, False])
    groups = ["a", "a", "b", "c", "d", "e"]
    table = slices.accuracies(right, groups, {"class": slices.by_name(["glass"] * 4 + ["metal"] * 2)})
    assert [(row["by"], row["slice"], row["photos"], row["groups"]) for row in table] == [
        ("class", "glass", 4, 3),
        ("class", "metal", 2, 2),
    ]
    assert [row["accuracy"] for row in table] == [0.75, 0.0]
    exact = wilson(0, 2)
    assert (table[1]["ci95_low"], table[1]["ci95_high"]) == pytest.approx((exact.low, exact.high), abs=1e-6)


def test_a_slice_far_below_is_named_and_one_above_is_not() -> None:
    right = np.array([True] * 95 + [False] * 5 + [True] * 50 + [False] * 50 + [True] * 100)
    names = ["usual"] * 100 + ["dark"] * 100 + ["bright"] * 100
    table = slices.accuracies(right, [str(n) for n in range(300)], {"light": slices.by_name(names)})
    assert json.loads(json.dumps({row["slice"]: row["worse"] for row in table})) == {
        "usual": False,
        "dark": True,
        "bright": False,
    }


@pytest.mark.parametrize(("sessions", "photos_each"), [(0, 0), (6, 75), (10, 55)])
def test_where_nothing_is_worse_few_tables_name_a_slice(sessions: int, photos_each: int) -> None:
    """300 tables of 18 slices that have nothing to do with the mistakes: at most 5 % may name one, and three errors.

    Some photos are of sessions, of which each has a rate of its own (of Beta 2.1, 0.23: 0.9, correlated by 0.3).
    """
    generator = np.random.default_rng(3)
    named = 0
    of = np.repeat(np.arange(sessions), photos_each)
    singles = [f"session {n}" for n in of] + [str(n) for n in range(700 - len(of))]
    for _ in range(300):
        rates = np.concatenate([generator.beta(2.1, 0.23, sessions)[of], np.full(700 - len(of), 0.9)])
        right = generator.random(700) < rates
        by = {f"{n}": slices.by_quarter(generator.random(700)) for n in range(3)}
        by["class"] = slices.by_name([str(n) for n in generator.integers(0, 6, 700)])
        named += any(row["worse"] for row in slices.accuracies(right, singles, by))
    assert named / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5
