import math
from collections import Counter

import numpy as np
import pytest

from scrapline.measures import metrics, sorting


def test_summary_of_a_small_split_by_hand() -> None:
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]], dtype=np.float32)
    summary = metrics.summarise(labels, probabilities)
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
    table = metrics.per_class(labels, np.array([0, 2, 1, 1, 2]), ["a", "b", "c"])
    assert sum(row["support"] for row in table.values()) == len(labels)
    assert table["c"] == {"precision": 1.0, "recall": 0.666667, "f1": 0.8, "support": 3}


def test_a_class_that_never_occurs_counts_zero_not_nan() -> None:
    probabilities = np.array([[1, 0, 0], [1, 0, 0]], dtype=np.float32)
    assert metrics.summarise(np.array([0, 1]), probabilities)["macro_f1"] == pytest.approx(2 / 9, abs=1e-5)


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
