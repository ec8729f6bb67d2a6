"""What speaks against each photo, in NumPy: its label, its likeness to others, its light."""

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]

from scrapline.measures.metrics import Labels

Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

_NEIGHBOURS = 15
_TENTH = 10
_BLOCK = 1024
_FEWEST_PHOTOS = 5
_FARTHEST = 0.01
_DARK = 0.15
_BLURRED = 0.25


@dataclass(frozen=True)
class Neighbours:
    """Each photo's 15 nearest outside its own group: positions `who` int64 [N, 15], the nearest first, -1 for none.

    `distance` [N] is the cosine distance to the tenth, or to the farthest where there are fewer; 0 for none.
    """

    who: npt.NDArray[np.int64]
    distance: Values


def with_neighbours(probabilities: Values, near: Neighbours, labels: Labels) -> Values:
    """The mean of what networks said of photos [N, C] and of the shares of labels among each one's neighbours.

    Networks that learned from a wrong label nearby repeat it; neighbours that are many do not. On TrashNet with 5 % of
    the labels flipped the two together bring more of them to the front than either.
    """
    shares = np.zeros_like(probabilities)
    number = np.maximum((near.who >= 0).sum(axis=1), 1)
    for who in near.who.T:
        found = np.flatnonzero(who >= 0)
        shares[found, labels[who[found]]] += 1 / number[found]
    alone = near.who[:, :1] < 0
    return np.where(alone, probabilities, (probabilities + shares) / 2)


def label_quality(labels: Labels, probabilities: Values) -> Values:
    """How well each photo's label [N] goes with what was said of it out of fold [N, C]: 0 (badly) to 1.

    cleanlab's normalised margin: the label's probability against that of the best other class.
    """
    return np.asarray(get_label_quality_scores(labels, probabilities, method="normalized_margin"), np.float64)


def likely_wrong(labels: Labels, probabilities: Values) -> Flags:
    """Which labels [N] are likely wrong, by confident learning (Northcutt et al. 2021).

    A photo counts where it is said to be of another class with at least the confidence that is usual for photos of that
    class, as many as the estimated counts of such errors. Classes of fewer than 5 photos are not judged.
    """
    counts = np.bincount(labels, minlength=probabilities.shape[1])
    enough = np.flatnonzero(counts >= _FEWEST_PHOTOS)
    flags = np.zeros(len(labels), np.bool_)
    if len(enough) < 2:
        return flags
    of = np.isin(labels, enough)
    shares = probabilities[np.ix_(of, enough)]
    shares = shares / shares.sum(axis=1, keepdims=True)
    flags[of] = find_label_issues(np.searchsorted(enough, labels[of]), shares, n_jobs=1)
    return flags


def neighbours(embeddings: npt.NDArray[np.float32], groups: Sequence[str]) -> Neighbours:
    """By the cosine between embeddings [N, D]."""
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(unit)
    found, distance = np.full((len(unit), _NEIGHBOURS), -1, np.int64), np.zeros(len(unit))
    left, wanted = np.arange(len(unit)), _NEIGHBOURS + 1
    while len(left):  # a photo whose own group fills the answer asks for more
        wanted = min(wanted, len(unit))
        unanswered = []
        for block in np.split(left, range(_BLOCK, len(left), _BLOCK)):
            likeness, who = index.search(unit[block], wanted)
            for photo, near, others in zip(block, likeness, who, strict=True):
                outside = np.flatnonzero(group[others] != group[photo])[:_NEIGHBOURS]
                if len(outside) < _NEIGHBOURS and wanted < len(unit):
                    unanswered.append(photo)
                elif len(outside):
                    found[photo, : len(outside)] = others[outside]
                    distance[photo] = 1 - near[outside[:_TENTH][-1]]
        left, wanted = np.array(unanswered, np.int64), wanted * 4
    return Neighbours(found, distance)


def farthest(distance: Values) -> Flags:
    """The one photo in a hundred that is least like any other."""
    return distance > np.quantile(distance, 1 - _FARTHEST)


def too_dark(brightness: Values) -> Flags:
    """Those that are less bright than 15 % of white."""
    return brightness < _DARK


def blurred(sharpness: Values) -> Flags:
    """Those that are less than a quarter as sharp as the middle one."""
    return sharpness < _BLURRED * np.median(sharpness)
