"""How good a classifier and a sorter are, in the field's own figures."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as sk

from scrapline.measures.intervals import wilson_by_group

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]
Groups = Sequence[str]

ECE_BINS = 15
_DIGITS = 6


def summarise(labels: Labels, probabilities: Probabilities, groups: Groups) -> dict[str, Any]:
    """Accuracy with its 95 % Wilson interval, macro precision, recall and F1, and log loss, of one split.

    `labels` [N]; `probabilities` [N, C]; `groups` [N], of which the photos are no independent evidence.
    """
    predicted = probabilities.argmax(axis=1)
    classes = np.arange(probabilities.shape[1])
    correct = int((predicted == labels).sum())
    interval = wilson_by_group(predicted == labels, groups)
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        labels, predicted, labels=classes, average="macro", zero_division=0
    )
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # float32 rows sum to 1 but for rounding, which scikit-learn warns of
    return {
        "images": len(labels),
        "groups": len(set(groups)),
        "accuracy": _rounded(correct / len(labels)),
        "accuracy_ci95_low": _rounded(interval.low),
        "accuracy_ci95_high": _rounded(interval.high),
        "macro_precision": _rounded(precision),
        "macro_recall": _rounded(recall),
        "macro_f1": _rounded(f1),
        "log_loss": _rounded(sk.log_loss(labels, exact, labels=classes)),
    }


def per_class(labels: Labels, predicted: Labels, groups: Groups, classes: list[str]) -> dict[str, dict[str, Any]]:
    """Precision, recall, F1, support (photos) and groups of each class."""
    owners = [{group for group, label in zip(groups, labels, strict=True) if label == n} for n in range(len(classes))]
    columns = sk.precision_recall_fscore_support(labels, predicted, labels=np.arange(len(classes)), zero_division=0)
    return {
        name: {"precision": _rounded(p), "recall": _rounded(r), "f1": _rounded(f), "support": int(n), "groups": len(g)}
        for name, p, r, f, n, g in zip(classes, *columns, owners, strict=True)
    }


def confusion(labels: Labels, predicted: Labels, classes: int) -> npt.NDArray[np.int64]:
    """Counts [C, C]: rows are true classes, columns predicted ones."""
    counts: npt.NDArray[np.int64] = sk.confusion_matrix(labels, predicted, labels=np.arange(classes))
    return counts


def reliability(labels: Labels, probabilities: Probabilities) -> list[tuple[float, float, int]]:
    """(mean confidence, accuracy, images) of each of 15 equal confidence bins that holds images."""
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    held = [which == number for number in range(ECE_BINS)]
    return [(float(confidence[m].mean()), float(correct[m].mean()), int(m.sum())) for m in held if m.any()]


def expected_calibration_error(labels: Labels, probabilities: Probabilities) -> float:
    """Mean distance between confidence and accuracy over the bins of `reliability`, weighted by images."""
    bins = reliability(labels, probabilities)
    return _rounded(sum(images * abs(mean - accuracy) for mean, accuracy, images in bins) / len(labels))


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
