"""Operating points: how sure the model must be before an item may go into a bin."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.measures.metrics import Labels, Probabilities

_NEVER = 1.01


@dataclass(frozen=True)
class OperatingPoint:
    """One class's threshold on its confidence, and what it gave on the split it was chosen on.

    `purity`: share of the items sorted into the bin that belong there; `recovery`: share of the class's items that
    reach it. `attained` is False where no threshold reaches the target: then the purest one stands here.
    """

    threshold: float
    purity: float
    recovery: float
    attained: bool


def choose(labels: Labels, probabilities: Probabilities, target_purity: float) -> list[OperatingPoint]:
    """For each class, the lowest threshold whose bin reaches the target purity. For validation data only."""
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return [
        _choose_one(predicted == number, labels == number, confidence, target_purity)
        for number in range(probabilities.shape[1])
    ]


def accepted(probabilities: Probabilities, thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Which items [N] are sure enough for the bin of their predicted class; the others go to manual review."""
    result: npt.NDArray[np.bool_] = probabilities.max(axis=1) >= thresholds[probabilities.argmax(axis=1)]
    return result


def outcome(labels: Labels, probabilities: Probabilities, thresholds: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Coverage (share of the items sorted without a person) and purity of those, at given thresholds."""
    sure = accepted(probabilities, thresholds)
    right = (probabilities.argmax(axis=1) == labels)[sure]
    return {"coverage": round(float(sure.mean()), 6), "purity": round(float(right.mean()), 6) if sure.any() else None}


def _choose_one(
    into_bin: npt.NDArray[np.bool_],
    belongs: npt.NDArray[np.bool_],
    confidence: npt.NDArray[np.float32],
    target_purity: float,
) -> OperatingPoint:
    if not into_bin.any():  # the class is never predicted: nothing may pass, however sure
        return OperatingPoint(_NEVER, 0.0, 0.0, attained=False)
    order = np.argsort(-confidence[into_bin], kind="stable")
    levels = confidence[into_bin][order].astype(np.float64)
    right = np.cumsum(belongs[into_bin][order])
    purity = right / np.arange(1, len(right) + 1)
    # Items of equal confidence pass or stay together: a threshold can only stand at the last of them.
    last = np.append(levels[1:] != levels[:-1], True)
    reached = last & (purity >= target_purity)
    attained = bool(reached.any())
    at = int(np.flatnonzero(reached)[-1]) if attained else int(np.argmax(np.where(last, purity, -1)))
    # Down to a digit that survives JSON and is met by the item itself.
    threshold = np.floor(levels[at] * 1e6) / 1e6
    recovery = right[at] / max(1, int(belongs.sum()))
    return OperatingPoint(float(threshold), round(float(purity[at]), 6), round(float(recovery), 6), attained)
