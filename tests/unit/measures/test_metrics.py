import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import binomtest

from scrapline.measures import metrics, sorting


def test_summary_of_a_small_split_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32)
    summary = metrics.summarise(labels, probabilities, list("abcd"))
    assert summary["accuracy"] == 0.75
    assert summary["macro_recall"] == 0.75
    assert summary["macro_precision"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-6)
    assert summary["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean(), abs=1e-5)
    # Wilson's interval for 3 of 4
    z, p, n = 1.959964, 0.75, 4
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    assert summary["accuracy_ci95_low"] == pytest.approx(middle - half, abs=1e-5)
    assert summary["accuracy_ci95_high"] == pytest.approx(middle + half, abs=1e-5)


def test_supports_add_up_to_the_split() -> None:
    labels = np.array([0, 2, 2, 1, 2])
    table = metrics.per_class(labels, np.array([0, 2, 1, 1, 2]), list("ghiij"), ["a", "b", "c"])
    assert sum(row["support"] for row in table.values()) == len(labels)
    assert table["c"] == {"precision": 1.0, "recall": 0.666667, "f1": 0.8, "support": 3, "groups": 3}


def test_a_class_that_never_occurs_counts_zero_not_nan() -> None:
    probabilities = np.array([[1, 0, 0], [1, 0, 0]], dtype=np.float32)
    assert metrics.summarise(np.array([0, 1]), probabilities, ["a", "b"])["macro_f1"] == pytest.approx(2 / 9, abs=1e-5)


def test_confusion_has_true_classes_as_rows() -> None:
    assert metrics.confusion(np.array([0, 0, 1]), np.array([1, 0, 1]), 2).tolist() == [[1, 1], [0, 1]]


def test_calibration_error_is_the_gap_between_sure_and_right() -> None:
    sure = np.array([[0.9, 0.1]] * 10, dtype=np.float32)
    assert metrics.expected_calibration_error(np.array([0] * 9 + [1]), sure) == pytest.approx(0, abs=1e-6)
    assert metrics.expected_calibration_error(np.array([0] * 4 + [1] * 6), sure) == pytest.approx(0.5, abs=1e-6)


def test_purity_and_recovery() -> None:
    placed = Counter({("glass", "glass"): 8, ("metal", "glass"): 2, ("glass", "manual_review"): 8})
    assert sorting.purity(placed, "glass") == 0.8
    assert sorting.recovery(placed, "glass") == 0.5
    assert sorting.recovery(placed, "metal") == 0.0
    assert sorting.purity(placed, "metal") is None
    assert sorting.recovery(placed, "paper") is None


def test_calibration_error_weighs_bins_by_their_images() -> None:
    """Three images at 90 %, two of them right, and one at 60 %, wrong: (3 * |0.9 - 2/3| + 1 * |0.6 - 0|) / 4."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.6, 0.4]], np.float32)
    assert metrics.expected_calibration_error(np.array([0, 0, 1, 1]), probabilities) == pytest.approx(0.325, abs=1e-6)


def test_the_15_bins_are_equal_and_the_last_holds_certainty() -> None:
    """0.66 and 0.67 lie on both sides of 10/15, 0.9 below 14/15; 1.0 falls into the last bin, beside 0.95."""
    confidence = np.array([0.66, 0.67, 0.9, 0.95, 1.0])
    probabilities = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    bins = metrics.reliability(np.array([0, 1, 0, 0, 1]), probabilities)
    assert [images for *_, images in bins] == [1, 1, 1, 2]
    assert [mean for mean, *_ in bins] == pytest.approx([0.66, 0.67, 0.9, 0.975], abs=1e-6)
    assert [accuracy for _, accuracy, _ in bins] == [1.0, 0.0, 1.0, 0.5]


def test_macro_figures_count_every_class_alike() -> None:
    """Class 0: 8 of 8 found, 8 of 10 said rightly; class 1: none of 2 found. Micro figures would be 0.8 all."""
    labels = np.array([0] * 8 + [1] * 2)
    probabilities = np.array([[0.75, 0.25]] * 10, np.float32)
    summary = metrics.summarise(labels, probabilities, list("aabbccddee"))
    assert (summary["images"], summary["groups"]) == (10, 5)
    assert summary["accuracy"] == 0.8
    assert summary["macro_precision"] == 0.4
    assert summary["macro_recall"] == 0.5
    assert summary["macro_f1"] == pytest.approx(8 / 9 / 2, abs=1e-6)
    assert summary["log_loss"] == pytest.approx(-(8 * math.log(0.75) + 2 * math.log(0.25)) / 10, abs=1e-6)


def test_the_interval_counts_a_group_as_one_photo_where_groups_are_few() -> None:
    """8 of 10 right, in five pairs: as sure as 4 of 5."""
    labels = np.array([0] * 8 + [1] * 2)
    summary = metrics.summarise(labels, np.array([[0.75, 0.25]] * 10, np.float32), list("aabbccddee"))
    expected = binomtest(4, 5).proportion_ci(0.95, method="wilson")
    assert summary["accuracy_ci95_low"] == pytest.approx(expected.low, abs=1e-6)
    assert summary["accuracy_ci95_high"] == pytest.approx(expected.high, abs=1e-6)


def test_each_class_has_its_own_precision_and_recall() -> None:
    """Two of three that are said to be 1 are, and two of four that are 1 are found."""
    labels, predicted = np.array([1, 1, 1, 1, 0]), np.array([1, 1, 0, 0, 1])
    table = metrics.per_class(labels, predicted, list("hhgih"), ["a", "b"])
    assert table["b"] == {"precision": 0.666667, "recall": 0.5, "f1": 0.571429, "support": 4, "groups": 3}
    assert table["a"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 1, "groups": 1}


def test_a_class_that_occurs_nowhere_keeps_its_row() -> None:
    table = metrics.per_class(np.array([2, 2]), np.array([2, 2]), ["g", "g"], ["a", "b", "c"])
    assert table["a"] == table["b"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0, "groups": 0}
    assert table["c"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "support": 2, "groups": 1}


def test_log_loss_takes_rows_that_sum_to_one_but_for_rounding() -> None:
    """Rows that sum to 1.1 are brought to 1: -log(0.88 / 1.1)."""
    summary = metrics.summarise(np.array([0, 1]), np.array([[0.88, 0.22], [0.22, 0.88]], np.float32), ["a", "b"])
    assert summary["log_loss"] == pytest.approx(-math.log(0.8), abs=1e-6)


def test_confusion_counts_every_class_even_one_that_nothing_is_said_to_be() -> None:
    assert metrics.confusion(np.array([0, 2]), np.array([0, 0]), 3).tolist() == [[1, 0, 0], [0, 0, 0], [1, 0, 0]]
