"""What speaks against each photo, in NumPy: its label, its likeness to others, its light."""

from collections.abc import Sequence

import faiss
import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]
from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]

from scrapline.measures.metrics import Labels

Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

_NEIGHBOUR = 10
_BLOCK = 1024
_FEWEST_PHOTOS = 5
_FARTHEST = 0.01
_DARK = 0.15
_BLURRED = 0.25


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


def distances(embeddings: npt.NDArray[np.float32], groups: Sequence[str]) -> Values:
    """The cosine distance [N] of each photo's embedding [N, D] to its 10th-nearest one outside its own group.

    Where there are fewer others, to the farthest of them; 0 where there are none.
    """
    unit = embeddings / np.maximum(np.linalg.norm(embeddings, axis=1, keepdims=True), 1e-12)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    index = faiss.IndexFlatIP(unit.shape[1])
    index.add(unit)
    found = np.zeros(len(unit))
    left, wanted = np.arange(len(unit)), _NEIGHBOUR + 1
    while len(left):  # a photo whose own group fills the answer asks for more
        wanted = min(wanted, len(unit))
        unanswered = []
        for block in np.split(left, range(_BLOCK, len(left), _BLOCK)):
            likeness, who = index.search(unit[block], wanted)
            for photo, near, others in zip(block, likeness, who, strict=True):
                outside = near[group[others] != group[photo]][:_NEIGHBOUR]
                if len(outside) < _NEIGHBOUR and wanted < len(unit):
                    unanswered.append(photo)
                elif len(outside):
                    found[photo] = 1 - outside[-1]
        left, wanted = np.array(unanswered, np.int64), wanted * 4
    return found


def farthest(distance: Values) -> Flags:
    """The one photo in a hundred that is least like any other."""
    return distance > np.quantile(distance, 1 - _FARTHEST)


def too_dark(brightness: Values) -> Flags:
    """Those that are less bright than 15 % of white."""
    return brightness < _DARK


def blurred(sharpness: Values) -> Flags:
    """Those that are less than a quarter as sharp as the middle one."""
    return sharpness < _BLURRED * np.median(sharpness)
