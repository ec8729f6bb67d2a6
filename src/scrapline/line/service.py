"""How long the classifier has lately taken, and how long it must be expected to take.

Runs of the network are told apart by how many frames go through it together on one core; `SPREAD` are those of one
frame that all the workers' cores compute.
"""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from statistics import fmean

SPREAD = 0

_REMEMBERED = 200
_LATELY = 25  # runs that tell how fast the machine is at the moment
_ENOUGH = 10  # runs that tell how long such a one takes


class ServiceTimes:
    """The last runs' durations in seconds, by their kind."""

    def __init__(self, first: Iterable[tuple[int, float]] = ()) -> None:
        self._recent: dict[int, deque[float]] = {}
        self._ordered: dict[int, list[float]] = {}
        self._a_frame: deque[float] = deque(maxlen=_LATELY)  # on one core
        for frames, seconds in first:
            self.add(frames, seconds)

    def add(self, frames: int, seconds: float) -> None:
        """One run took so long, decoding included."""
        if frames != SPREAD:
            self._a_frame.append(seconds / frames)
        recent, ordered = self._recent.setdefault(frames, deque()), self._ordered.setdefault(frames, [])
        recent.append(seconds)
        insort(ordered, seconds)
        if len(recent) > _REMEMBERED:
            del ordered[bisect_left(ordered, recent.popleft())]

    def quantile_s(self, share: float, frames: int = 1) -> float:
        """The time that this share of the last runs of so many frames did not exceed.

        Of a number of frames that was hardly seen yet: as many times that of one frame, and of one that is spread no
        less than that; 0 where nothing is known.
        """
        times = self._ordered.get(frames, [])
        found = times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
        if frames != 1 and len(times) < _ENOUGH:
            return max(found, max(1, frames) * self.quantile_s(share))
        return found

    @property
    def a_frame_s(self) -> float:
        """What a frame has cost one core at the moment, on average; 0 where nothing is known."""
        return fmean(self._a_frame) if self._a_frame else 0.0
