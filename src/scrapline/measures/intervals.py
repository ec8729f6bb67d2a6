"""How far the true rate may lie from the one that was counted."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # loads `special` when it is used; `stats` would take a second more, at the end of every run

# Below these the spread between groups is not known well enough to count a group as more than one photo.
_FEWEST_GROUPS = 20
_FEWEST_WITH_MISTAKES = 5


@dataclass(frozen=True)
class Interval:
    """Two bounds of a rate, between 0 and 1."""

    low: float
    high: float


def wilson(successes: float, trials: float, *, level: float = 0.95) -> Interval:
    """The score interval of a rate counted as `successes` of `trials` (Wilson 1927), two-sided.

    Trials may be a fraction: as many independent ones as those that were made are worth.
    """
    z, p = float(scipy.special.ndtri(0.5 + level / 2)), successes / trials
    middle = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def wilson_by_group(
    right: npt.NDArray[np.bool_], groups: Sequence[str] | npt.NDArray[np.str_], *, level: float = 0.95
) -> Interval:
    """The same for photos [N] of which those of one group are no independent evidence; `groups` names each one's."""
    return wilson_of_groups(*_sums(right, groups), level=level)


def wilson_of_groups(hits: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], *, level: float = 0.95) -> Interval:
    """The same from each group's sums [G]: of its `sizes` photos `hits` were right."""
    trials = effective_trials_of(hits, sizes, level=level)
    return wilson(float(hits.sum() / sizes.sum()) * trials, trials, level=level)


def effective_trials(
    right: npt.NDArray[np.bool_], groups: Sequence[str] | npt.NDArray[np.str_], *, level: float = 0.95
) -> float:
    """How many independent photos these [N] are worth; `groups` names each one's group."""
    return effective_trials_of(*_sums(right, groups), level=level)


def effective_trials_of(hits: npt.NDArray[np.float64], sizes: npt.NDArray[np.float64], *, level: float = 0.95) -> float:
    """How many independent photos these groups [G] are worth, between one for each group of equal size and all photos.

    From the spread between the groups (a ratio's linearised variance, with Student's quantile in place of the normal
    one: Korn and Graubard 1998). Where too few groups, or too few with mistakes, tell that spread, a group counts as
    one photo (Kish 1965). Groups without photos count for nothing; one at least must have some.
    """
    hits, sizes = hits[sizes > 0], sizes[sizes > 0]
    count = float(sizes.sum())
    if len(sizes) == count:
        return count
    rate = float(hits.sum()) / count
    least = count**2 / float((sizes**2).sum())
    rarer = min(int((hits > 0).sum()), int((hits < sizes).sum()))
    if least < _FEWEST_GROUPS or rarer < _FEWEST_WITH_MISTAKES:
        return least
    variance = len(sizes) / (len(sizes) - 1) * float(((hits - rate * sizes) ** 2).sum()) / count**2
    quantile = 0.5 + level / 2
    wider = (scipy.special.ndtri(quantile) / scipy.special.stdtrit(least - 1, quantile)) ** 2
    worth = rate * (1 - rate) * float(wider)
    return count if worth >= count * variance else max(least, worth / variance)


def _sums(
    right: npt.NDArray[np.bool_], groups: Sequence[str] | npt.NDArray[np.str_]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    return np.bincount(group, weights=right).astype(np.float64), np.bincount(group).astype(np.float64)
