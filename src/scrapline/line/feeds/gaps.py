"""When a camera saw nothing: each of the last times by itself, all of them in sum."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

_KEPT = 100


@dataclass(slots=True)
class _Gap:
    """When in the run it began, how long it took until an item was captured again, and the items that were not."""

    at_s: float
    seconds: float = 0.0
    items_missed: int = 0


class Gaps:
    """Told of every item, in order: when it was due, and whether it was captured. Memory does not grow."""

    def __init__(self) -> None:
        self._last: deque[_Gap] = deque(maxlen=_KEPT)
        self._open: _Gap | None = None
        self._count, self._closed_s, self._items = 0, 0.0, 0

    def missed(self, due_s: float) -> None:
        """An item passed that was not captured."""
        if self._open is None:
            self._open = _Gap(due_s)
            self._last.append(self._open)
            self._count += 1
        self._open.seconds = due_s - self._open.at_s
        self._open.items_missed += 1
        self._items += 1

    def captured(self, due_s: float) -> None:
        """An item was captured: whatever gap there was is over."""
        if self._open is not None:
            self._open.seconds = due_s - self._open.at_s
            self._closed_s += self._open.seconds
            self._open = None

    def facts(self) -> dict[str, Any]:
        """The last gaps, the one that is not over too, and how many there were, how long, with how many items."""
        open_s = self._open.seconds if self._open is not None else 0.0
        return {
            "gaps": [
                asdict(gap) | {"at_s": round(gap.at_s, 3), "seconds": round(gap.seconds, 3)} for gap in self._last
            ],
            "gaps_in_all": self._count,
            "gap_seconds": round(self._closed_s + open_s, 3),
            "items_missed": self._items,
        }
