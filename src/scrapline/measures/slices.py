"""Accuracy on parts of the photos that have something in common, and which parts are worse for certain."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.measures.intervals import wilson_by_group

_QUARTERS = ("lowest quarter", "second quarter", "third quarter", "highest quarter")
_DIGITS = 6
_ERROR = 0.05

Mask = npt.NDArray[np.bool_]


def by_name(names: Sequence[str]) -> Iterator[tuple[str, Mask]]:
    """A slice for each name, in their order."""
    of = np.asarray(names)
    for name in sorted(set(names)):
        yield name, of == name


def by_quarter(values: npt.NDArray[np.float64]) -> Iterator[tuple[str, Mask]]:
    """Four slices of about equal size, as far as equal values, which stay together, allow."""
    which = np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values, side="left")
    for number, name in enumerate(_QUARTERS):
        if (mask := which == number).any() and not mask.all():
            yield f"{name}: {_short(values[mask].min())} to {_short(values[mask].max())}", mask


def _short(value: float) -> str:
    """Three digits, and no power of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def accuracies(
    right: Mask, groups: Sequence[str], slices: Mapping[str, Iterator[tuple[str, Mask]]]
) -> list[dict[str, Any]]:
    """Each slice's accuracy with its 95 % interval; `right` and `groups` [N]; `slices` by what they go by.

    `worse` are those below the other photos by more than chance: looked for in so many, each by intervals so much wider
    that at most 5 % of such tables name any that is not (Bonferroni; the difference by Newcombe 1998, method 10).
    """
    found = [(by, name, mask) for by, some in slices.items() for name, mask in some]
    named = np.asarray(groups)
    table = []
    for by, name, mask in found:
        interval = wilson_by_group(right[mask], named[mask])
        table.append(
            {
                "by": by,
                "slice": name,
                "photos": int(mask.sum()),
                "groups": len(set(named[mask])),
                "accuracy": round(float(right[mask].mean()), _DIGITS),
                "ci95_low": round(interval.low, _DIGITS),
                "ci95_high": round(interval.high, _DIGITS),
                "worse": not mask.all() and _below(right, named, mask, level=1 - _ERROR / len(found)),
            }
        )
    return table


def _below(right: Mask, groups: npt.NDArray[np.str_], mask: Mask, *, level: float) -> bool:
    """Whether the photos of a slice are right less often than the others, for certain at that level."""
    inside, others = (wilson_by_group(right[of], groups[of], level=level) for of in (mask, ~mask))
    rate, other = float(right[mask].mean()), float(right[~mask].mean())
    return other - rate > math.hypot(other - others.low, inside.high - rate)
