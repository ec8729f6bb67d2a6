"""Classes that networks cannot tell apart, and classes that are two kinds of things."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from scrapline.measures.intervals import Interval, wilson, wilson_by_group
from scrapline.measures.metrics import Labels

_CONFUSED = 0.1
_FEWEST = 20
_ERROR = 0.05
_SURE = 0.01
_POINTS = 0.05
_DIMENSIONS = 8
_APART = 2.0
_BIC = 10.0

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two classes: of their `photos`, `mistaken` were taken for the other, with the 95 % interval of that share.

    `merged` is what the accuracy over all classes, `accuracy`, would be with the two as one. `merge` says that more
    than one in ten is mistaken, at 95 % for all pairs together.
    """

    first: str
    second: str
    photos: int
    mistaken: int
    interval: Interval
    merge: bool
    accuracy: float
    merged: float


@dataclass(frozen=True)
class Kind:
    """A class whose photos look like two kinds of things, of which one is recognised worse.

    `easy` and `hard` are positions of photos, one of each group, those nearest the middle of their kind first; `recall`
    is the share of each that is recognised, with its interval, and `taken_for` what most of the hard kind's mistakes
    are taken for.
    """

    name: str
    easy: npt.NDArray[np.int64]
    hard: npt.NDArray[np.int64]
    recall: tuple[float, float]
    intervals: tuple[Interval, Interval]
    taken_for: str


def confused(labels: Labels, predicted: Labels, groups: Sequence[str], classes: list[str]) -> list[Pair]:
    """All pairs of classes of which a photo was taken for the other, the most mistaken share first."""
    named = np.asarray(groups)
    accuracy = float((labels == predicted).mean())
    pairs = []
    of_pairs = max(1, len(classes) * (len(classes) - 1) // 2)
    for first in range(len(classes)):
        for second in range(first + 1, len(classes)):
            of = np.isin(labels, (first, second))
            mistaken = of & (labels != predicted) & np.isin(predicted, (first, second))
            if mistaken.any():
                interval = wilson_by_group(mistaken[of], named[of])
                stricter = wilson_by_group(mistaken[of], named[of], level=1 - _ERROR / of_pairs)
                number = int(mistaken.sum())
                merge, merged = stricter.low > _CONFUSED, accuracy + number / len(labels)
                names = classes[first], classes[second]
                pairs.append(Pair(*names, int(of.sum()), number, interval, merge, accuracy, merged))
    return sorted(pairs, key=lambda pair: (-pair.mistaken / pair.photos, pair.first, pair.second))


def kinds(
    labels: Labels,
    predicted: Labels,
    groups: Sequence[str],
    embeddings: npt.NDArray[np.float32],
    classes: list[str],
    seed: int,
) -> list[Kind]:
    """The classes that fall into two kinds by their looks, where one is recognised worse, the worst first.

    Photos of one group are one photo, the first. By looks: 2-means of the embeddings [N, D] at length 1, in their 8
    strongest directions, where along the line between the middles two bells fit better than one and stand apart.
    Worse: Fisher's exact test at 1 % over all classes together, five points of recall, and 20 groups of each kind.
    """
    _, firsts = np.unique(np.asarray(groups), return_index=True)
    found = []
    for number, name in enumerate(classes):
        of = np.array([at for at in np.sort(firsts) if labels[at] == number], np.int64)
        if len(of) < 2 * _FEWEST:
            continue
        points = embeddings[of].astype(np.float64)
        points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
        if (halves := _halves(points, seed)) is not None:
            kind = _kind(name, [of[half] for half in halves], predicted, number, classes)
            found += [kind] if kind else []
    return sorted(found, key=lambda kind: kind.recall[1])


def _halves(points: Points, seed: int) -> list[npt.NDArray[np.int64]] | None:
    """Positions of both kinds among points [n, D], nearest to their middle first; None where it is one kind."""
    if np.ptp(points, axis=0).max() < 1e-6:
        return None
    with threadpool_limits(1):  # sums of several threads differ in the last bits
        low = PCA(min(_DIMENSIONS, *points.shape), random_state=seed).fit_transform(points)
        fitted = KMeans(2, random_state=seed, n_init=10).fit(low)
        line = (low @ (fitted.cluster_centers_[1] - fitted.cluster_centers_[0]))[:, None]
        line = (line - line.mean()) / max(float(line.std()), 1e-12)
        one, two = (GaussianMixture(count, random_state=seed).fit(line) for count in (1, 2))
        gain = one.bic(line) - two.bic(line)
    spread = np.sqrt(two.covariances_.mean())
    if gain < _BIC or abs(two.means_[1, 0] - two.means_[0, 0]) < _APART * spread:  # Ashman's D, 1994
        return None
    from_middle = fitted.transform(low)
    members = [np.flatnonzero(fitted.labels_ == k) for k in (0, 1)]
    return [part[np.argsort(from_middle[part, k], kind="stable")] for k, part in enumerate(members)]


def _kind(
    name: str, halves: list[npt.NDArray[np.int64]], predicted: Labels, number: int, classes: list[str]
) -> Kind | None:
    right = [predicted[half] == number for half in halves]
    table = np.array([[int(r.sum()), int((~r).sum())] for r in right])
    if min(map(len, halves)) < _FEWEST or scipy.stats.fisher_exact(table).pvalue > _SURE / len(classes):
        return None
    hard = int(right[1].mean() < right[0].mean())
    order = (1 - hard, hard)
    recall = (float(right[order[0]].mean()), float(right[order[1]].mean()))
    if recall[0] - recall[1] < _POINTS:
        return None
    intervals = [wilson(int(right[k].sum()), len(right[k])) for k in order]
    mistakes = predicted[halves[hard]][~right[hard]]
    taken_for = classes[int(np.bincount(mistakes).argmax())]
    return Kind(name, halves[order[0]], halves[order[1]], recall, (intervals[0], intervals[1]), taken_for)
