"""Quantiles of durations that are too many to keep."""

import math
from array import array

import numpy as np

_LEAST_MS = 0.01
_MOST_MS = 1_000_000.0
_DECADES = math.log(_MOST_MS / _LEAST_MS)


class Histogram:
    """Counts of durations in milliseconds, in bins that are each 0.1 % wide, between 0.01 ms and 1,000,000 ms.

    The first bin also holds what is shorter, the last one what is longer. Takes 150 kB, however many are added; with a
    larger `width`, the share by which a bin's end exceeds its beginning, as much less.
    `count`: observations so far; `max`: the longest of them, exactly, in ms; 0 where there is none.
    """

    def __init__(self, width: float = 0.001) -> None:
        self.count = 0
        self.max = 0.0
        self._width = math.log(1 + width)
        self._last = 1 + math.ceil(_DECADES / self._width)
        self._counts = array("q", bytes(8 * (self._last + 1)))

    def add(self, ms: float) -> None:
        """Count one duration. Raises ValueError where it is negative or not finite."""
        if not 0 <= ms < math.inf:
            raise ValueError(f"{ms} ms is no duration")
        self.count += 1
        self.max = max(self.max, ms)
        self._counts[self._bin(ms)] += 1

    def merge(self, other: "Histogram") -> None:
        """Count all that the other one, of the same width, has counted."""
        self.count += other.count
        self.max = max(self.max, other.max)
        np.frombuffer(self._counts, np.int64)[:] += np.frombuffer(other._counts, np.int64)

    def quantile(self, share: float, beyond: int = 0) -> float | None:
        """The shortest duration [ms] that at least this share of the observations do not exceed, or a bin's width more.

        `beyond`: observations besides these, known only to be longer than all of them (items that were given up).
        None where the quantile is one of those, or nothing was counted. Below 0.01 ms it is right to 0.01 ms. Raises
        ValueError where the share is not between 0 and 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"{share} is no share")
        rank = max(1, math.ceil(share * (self.count + beyond)))
        if rank > self.count:
            return None
        which = int(np.searchsorted(np.frombuffer(self._counts, np.int64).cumsum(), rank))
        # The bin's upper end, so that the share holds for what is returned; the last bin has none.
        return self.max if which == self._last else min(self.max, _LEAST_MS * math.exp(which * self._width))

    def _bin(self, ms: float) -> int:
        if ms <= _LEAST_MS:
            return 0
        return min(self._last, math.ceil(math.log(ms / _LEAST_MS) / self._width))
