"""Figures of folds, against counts by hand and against Wilson's interval."""

import numpy as np
import pytest
from scipy.stats import binomtest

from scrapline.measures import cross_validation

CLASSES = ["glass", "metal", "paper"]


def test_two_repeats_of_two_folds_by_hand() -> None:
    """Of five photos the last is held out in no fold. Shares right: 1, 1/2, 1, 0."""
    fold = np.array([[0, 0, 1, 1, -1], [0, 1, 0, 1, -1]])
    labels = np.array([0, 0, 1, 1, 0])
    predicted = np.array([[0, 1, 1, 0, 0], [0, 0, 1, 2, 0]])
    found = cross_validation.figures(fold, predicted, labels, list("abcde"), CLASSES)
    assert (found["folds"], found["repeats"]) == (2, 2)
    assert (found["accuracy"]["photos"], found["accuracy"]["groups"]) == (4, 4)
    assert found["accuracy"]["rate"] == pytest.approx(2.5 / 4)
    # Right of two in each fold: 1, 1 of the first repeat; 2, 1 of the second.
    assert found["of_folds"] == {
        "lowest": 0.5,
        "highest": 1.0,
        "standard_deviation": pytest.approx(np.std([0.5, 0.5, 1.0, 0.5], ddof=1), abs=1e-6),
    }
    assert [found["recall"][name]["rate"] for name in CLASSES] == [0.75, 0.5, None]
    assert found["recall"]["paper"]["photos"] == 0


def test_the_interval_is_wilsons_over_distinct_photos_however_often_they_are_drawn() -> None:
    rng = np.random.default_rng(0)
    fold = rng.integers(0, 5, 300)
    labels = rng.integers(0, 3, 300)
    predicted = np.where(rng.random(300) < 0.9, labels, (labels + 1) % 3)
    once, often = (
        cross_validation.figures(
            np.tile(fold, (n, 1)), np.tile(predicted, (n, 1)), labels, [str(i) for i in range(300)], CLASSES
        )
        for n in (1, 7)
    )
    low, high = binomtest(int((predicted == labels).sum()), 300).proportion_ci(method="wilson")
    for found in (once, often):
        assert found["accuracy"]["ci95_low"] == pytest.approx(low, abs=1e-6)
        assert found["accuracy"]["ci95_high"] == pytest.approx(high, abs=1e-6)


def test_photos_of_one_group_are_no_independent_evidence() -> None:
    labels = np.zeros(200, int)
    predicted = np.repeat(np.random.default_rng(1).random(40) > 0.7, 5)[None].astype(int)
    fold = np.repeat(np.arange(40) % 5, 5)[None]
    alone, grouped = (
        cross_validation.figures(fold, predicted, labels, groups, ["a", "b"])["accuracy"]
        for groups in ([str(i) for i in range(200)], [str(i // 5) for i in range(200)])
    )
    assert alone["rate"] == grouped["rate"]
    assert grouped["groups"] == 40
    assert grouped["ci95_high"] - grouped["ci95_low"] > 1.8 * (alone["ci95_high"] - alone["ci95_low"])
