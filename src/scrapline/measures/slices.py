"""Accuracy on parts of the photos that have something in common, and which parts are worse for certain."""

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
        if (mask := which == number).any():
            yield f"{name}: {values[mask].min():.3g} to {values[mask].max():.3g}", mask


def accuracies(
    right: Mask, groups: Sequence[str], slices: Mapping[str, Iterator[tuple[str, Mask]]]
) -> list[dict[str, Any]]:
    """Each slice's accuracy with its 95 % interval; `right` and `groups` [N]; `slices` by what they go by.

    `worse` are those below the accuracy of all photos by more than chance: looked for in so many, each by an interval
    so much wider that at most 5 % of such tables name any that is not (Bonferroni).
    """
    found = [(by, name, mask) for by, some in slices.items() for name, mask in some]
    named = np.asarray(groups)
    table = []
    for by, name, mask in found:
        interval = wilson_by_group(right[mask], named[mask])
        stricter = wilson_by_group(right[mask], named[mask], level=1 - _ERROR / len(found))
        table.append(
            {
                "by": by,
                "slice": name,
                "photos": int(mask.sum()),
                "groups": len(set(named[mask])),
                "accuracy": round(float(right[mask].mean()), _DIGITS),
                "ci95_low": round(interval.low, _DIGITS),
                "ci95_high": round(interval.high, _DIGITS),
                "worse": bool(stricter.high < right.mean()),
            }
        )
    return table
