"""Counted rates with what stands behind them: items, distinct photos, and an interval by group."""

from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.measures import intervals
from scrapline.measures.intervals import Interval


class Evidence:
    """How often something was so, of so many items. A photo that is shown again is no new evidence.

    Memory grows with the distinct photos of the feed, not with the items.
    """

    def __init__(self) -> None:
        self._of_photo: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])  # so, of
        self._once = [0, 0]  # of frames that are seen once and never again
        self._again = [0, 0]  # of those that a camera gave again at once, for want of a new one
        self._last_once = ""

    def add(self, so: bool, frame: str, group: str) -> None:
        """One item; `group` is empty for a frame that is seen once, and its name where it comes again at once."""
        if not group:
            counts, self._last_once = self._once, frame
        else:
            counts = self._again if group == frame == self._last_once else self._of_photo[group, frame]
        counts[0] += so
        counts[1] += 1

    def facts(self) -> dict[str, Any]:
        """Rate, items, distinct photos, groups and 95 % interval, as JSON; the rate of no items is None."""
        groups: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
        for (group, _), (so, of) in self._of_photo.items():
            groups[group][0] += so
            groups[group][1] += of
        shown = [*groups.values(), self._once, self._again]
        hits, items = (sum(counts[at] for counts in shown) for at in (0, 1))
        facts = {
            "rate": round(hits / items, 6) if items else None,
            "items": items,
            "photos": len(self._of_photo) + self._once[1],
            "groups": len(groups) + self._once[1],
        }
        if not items:
            return facts | {"ci95_low": None, "ci95_high": None}
        interval = self._interval(np.array([*groups.values()], float).reshape(-1, 2))
        return facts | {"ci95_low": round(interval.low, 6), "ci95_high": round(interval.high, 6)}

    def _interval(self, groups: npt.NDArray[np.float64]) -> Interval:
        so, of = self._once
        if not len(groups):
            return intervals.wilson(so, of)
        alone = np.column_stack([np.repeat([1.0, 0.0], [so, of - so]), np.ones(of)])
        return intervals.wilson_of_groups(*np.concatenate([groups, alone]).T)
