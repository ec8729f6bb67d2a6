"""How long the classifier has lately taken, and how long it must be expected to take."""

from collections import deque
from collections.abc import Iterable

_REMEMBERED = 200
_ENOUGH = 10  # runs that tell how long such a one takes


class ServiceTimes:
    """The last runs' durations in seconds, by the number of frames that went through the network together."""

    def __init__(self, first: Iterable[tuple[int, float]] = ()) -> None:
        self._recent: dict[int, deque[float]] = {}
        self._known: dict[tuple[int, float], float] = {}
        for frames, seconds in first:
            self.add(frames, seconds)

    def add(self, frames: int, seconds: float) -> None:
        """One run of so many frames took so long, decoding included."""
        self._recent.setdefault(frames, deque(maxlen=_REMEMBERED)).append(seconds)
        self._known.clear()

    def quantile_s(self, share: float, frames: int = 1) -> float:
        """The time that this share of the last runs of so many frames did not exceed.

        Of a number of frames that was hardly seen yet: as many times that of one frame; 0 where nothing is known.
        """
        if (frames, share) not in self._known:
            self._known[frames, share] = self._quantile_s(share, frames)
        return self._known[frames, share]

    def _quantile_s(self, share: float, frames: int) -> float:
        times = sorted(self._recent.get(frames, ()))
        found = times[min(len(times) - 1, int(share * len(times)))] if times else 0.0
        if frames > 1 and len(times) < _ENOUGH:
            return max(found, frames * self.quantile_s(share))
        return found
