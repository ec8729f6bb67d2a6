"""How a run went over time, in a bounded number of slices: the longer the run, the longer each."""

from dataclasses import dataclass, field
from typing import Any

from scrapline.measures.histogram import Histogram

_MOST_SLICES = 240
_ROUGHLY = 0.02  # relative width of the slices' histograms


@dataclass
class _Slice:
    items: int = 0
    lost: int = 0
    latency_ms: Histogram = field(default_factory=lambda: Histogram(_ROUGHLY))

    def merge(self, other: "_Slice") -> None:
        self.items += other.items
        self.lost += other.lost
        self.latency_ms.merge(other.latency_ms)


class OverTime:
    """Items, those late or dropped, and latencies, by when the items were due."""

    def __init__(self) -> None:
        self.slice_s = 1.0
        self._slices: list[_Slice] = []

    def add(self, due_s: float, latency_ms: float | None, *, lost: bool = False) -> None:
        """One item, `due_s` after the start; None: it was not classified; `lost`: it was late or dropped."""
        while (number := int(due_s / self.slice_s)) >= _MOST_SLICES:
            self._halve()
        while number >= len(self._slices):
            self._slices.append(_Slice())
        at = self._slices[number]
        at.items += 1
        at.lost += lost
        if latency_ms is not None:
            at.latency_ms.add(latency_ms)

    def facts(self) -> dict[str, Any]:
        """As JSON: a list for each figure, one value a slice; a latency is None where nothing was decided in time."""
        parts = self._slices
        return {
            "slice_s": self.slice_s,
            "items": [part.items for part in parts],
            "late_or_dropped": [part.lost for part in parts],
            **{
                f"p{percent}_ms": [_rounded(part.latency_ms.quantile(percent / 100)) for part in parts]
                for percent in (50, 99, 100)
            },
        }

    def _halve(self) -> None:
        """Half as many slices, twice as long."""
        self.slice_s *= 2
        for left, right in zip(self._slices[::2], self._slices[1::2], strict=False):
            left.merge(right)
        self._slices = self._slices[::2]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
