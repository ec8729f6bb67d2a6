"""Classes that networks cannot tell apart, and classes that are two kinds of things."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
from sklearn.cluster import KMeans

from scrapline.measures.intervals import Interval, wilson_by_group
from scrapline.measures.metrics import Labels

_CONFUSED = 0.1
_FEWEST = 20
_SURE = 0.01
_POINTS = 0.05


@dataclass(frozen=True)
class Pair:
    """Two classes: of their `photos`, `mistaken` were taken for the other, with the interval of that share.

    `merged` is what the accuracy over all classes, `accuracy`, would be with the two as one. `merge` says that for
    certain more than one in ten is mistaken.
    """

    first: str
    second: str
    photos: int
    mistaken: int
    interval: Interval
    accuracy: float
    merged: float

    @property
    def merge(self) -> bool:  # noqa: D102 - as above
        return self.interval.low > _CONFUSED


@dataclass(frozen=True)
class Kind:
    """A class whose photos look like two kinds of things, of which one is recognised worse for certain.

    `easy` and `hard` are positions of photos, those nearest the middle of their kind first, `recall` the share of each
    that is recognised, and `taken_for` what most of the hard kind's mistakes are taken for.
    """

    name: str
    easy: npt.NDArray[np.int64]
    hard: npt.NDArray[np.int64]
    recall: tuple[float, float]
    taken_for: str


def confused(labels: Labels, predicted: Labels, groups: Sequence[str], classes: list[str]) -> list[Pair]:
    """All pairs of classes of which a photo was taken for the other, the most mistaken share first."""
    named = np.asarray(groups)
    accuracy = float((labels == predicted).mean())
    pairs = []
    for first in range(len(classes)):
        for second in range(first + 1, len(classes)):
            of = np.isin(labels, (first, second))
            mistaken = of & (labels != predicted) & np.isin(predicted, (first, second))
            if mistaken.any():
                interval = wilson_by_group(mistaken[of], named[of])
                number = int(mistaken.sum())
                merged = accuracy + number / len(labels)
                pairs.append(Pair(classes[first], classes[second], int(of.sum()), number, interval, accuracy, merged))
    return sorted(pairs, key=lambda pair: (-pair.mistaken / pair.photos, pair.first, pair.second))


def kinds(
    labels: Labels, predicted: Labels, embeddings: npt.NDArray[np.float32], classes: list[str], seed: int
) -> list[Kind]:
    """The classes that fall into two kinds by their looks, where one is recognised worse for certain, worst first.

    By looks: 2-means of the embeddings [N, D] at length 1. For certain: Fisher's exact test at 1 % over all classes
    together, five points of recall, and 20 photos of each kind at least.
    """
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    found = []
    for number, name in enumerate(classes):
        of = np.flatnonzero(labels == number)
        if len(of) < 2 * _FEWEST:
            continue
        fitted = KMeans(2, random_state=seed, n_init=10).fit(unit[of])
        order = fitted.transform(unit[of])
        halves = [of[part][np.argsort(order[part, k], kind="stable")] for k in (0, 1) for part in [fitted.labels_ == k]]
        right = [predicted[half] == number for half in halves]
        table = np.array([[int(r.sum()), int((~r).sum())] for r in right])
        if min(map(len, halves)) < _FEWEST or scipy.stats.fisher_exact(table).pvalue > _SURE / len(classes):
            continue
        hard = int(right[1].mean() < right[0].mean())
        recall = (float(right[1 - hard].mean()), float(right[hard].mean()))
        if recall[0] - recall[1] < _POINTS:
            continue
        mistakes = predicted[halves[hard]][~right[hard]]
        taken_for = classes[int(np.bincount(mistakes).argmax())]
        found.append(Kind(name, halves[1 - hard], halves[hard], recall, taken_for))
    return sorted(found, key=lambda kind: kind.recall[1])
