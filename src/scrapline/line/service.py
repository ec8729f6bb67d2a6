"""How long the classifier has lately taken, and how long it must be expected to take."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable

_REMEMBERED = 200
_ENOUGH = 10  # runs that tell how long such a one takes


class ServiceTimes:
    """The last runs' durations in seconds, by the number of frames that went through the network together."""

    def __init__(self, first: Iterable[tuple[int, float]] = ()) -> None:
        self._recent: dict[int, deque[float]] = {}
        self._ordered: dict[int, list[float]] = {}
        for frames, seconds in first:
            self.add(frames, seconds)

    def add(self, frames: int, seconds: float) -> None:
        """One run of so many frames took so long, decoding included."""
        recent, ordered = self._recent.setdefault(frames, deque()), self._ordered.setdefault(frames, [])
        recent.append(seconds)
        insort(ordered, seconds)
        if len(recent) > _REMEMBERED:
            del ordered[bisect_left(ordered, recent.popleft())]

    def quantile_s(self, share: float, frames: int = 1) -> float:
        """The time that this share of the last runs of so many frames did not exceed.

        Of a number of frames that was hardly seen yet: as many times that of one frame; 0 where nothing is known.
        """
        times = self._ordered.get(frames, [])
        found = times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
        if frames > 1 and len(times) < _ENOUGH:
            return max(found, frames * self.quantile_s(share))
        return found
