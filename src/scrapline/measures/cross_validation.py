"""How good a way of training is, from networks that each were asked about photos they had not seen."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.measures.intervals import wilson_of_groups
from scrapline.measures.metrics import Labels

_DIGITS = 6


def figures(
    fold: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    labels: Labels,
    groups: Sequence[str],
    classes: list[str],
) -> dict[str, Any]:
    """Accuracy and each class's recall with 95 % intervals, and how far the folds lie apart.

    `fold` [R, N] says where each photo was held out in each repeat, -1 where in none, and `predicted` [R, N] what was
    said of it there; `labels` and `groups` [N]. A photo counts once, by the share of repeats in which it was right.
    """
    held = fold[0] >= 0
    right = np.where(fold >= 0, predicted == labels, 0)
    by_fold = [right[repeat, fold[repeat] == n].mean() for repeat in range(len(fold)) for n in np.unique(fold[0][held])]
    share = right.mean(axis=0)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    return {
        "folds": len(np.unique(fold[0][held])),
        "repeats": len(fold),
        "accuracy": _rate(share, held, group),
        "of_folds": {
            "lowest": _rounded(min(by_fold)),
            "highest": _rounded(max(by_fold)),
            "standard_deviation": _rounded(np.std(by_fold, ddof=1)) if len(by_fold) > 1 else None,
        },
        "recall": {name: _rate(share, held & (labels == number), group) for number, name in enumerate(classes)},
    }


def _rate(share: npt.NDArray[np.float64], of: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]) -> dict[str, Any]:
    """The mean of some photos' shares [N], with its interval by group; all null where there are none."""
    photos = int(of.sum())
    if not photos:
        return {"photos": 0, "groups": 0, "rate": None, "ci95_low": None, "ci95_high": None}
    hits, sizes = (
        np.bincount(group[of], weights=weights).astype(np.float64) for weights in (share[of], np.ones(photos))
    )
    interval = wilson_of_groups(hits, sizes)
    return {
        "photos": photos,
        "groups": int((sizes > 0).sum()),
        "rate": _rounded(share[of].mean()),
        "ci95_low": _rounded(interval.low),
        "ci95_high": _rounded(interval.high),
    }


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)
