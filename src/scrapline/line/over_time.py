"""How a run went over time, in a bounded number of slices: the longer the run, the longer each."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from scrapline.line.row import Row
from scrapline.line.states import State
from scrapline.measures.histogram import Histogram

_MOST_SLICES = 240
_ROUGHLY = 0.05  # relative width of the histograms, of which there are a thousand
_PERCENTS = (50, 95, 99, 100)
_PARTS = ("total", "wait", "decode", "inference")


@dataclass
class _Slice:
    states: Counter[State] = field(default_factory=Counter)
    latencies: dict[str, Histogram] = field(default_factory=lambda: {part: Histogram(_ROUGHLY) for part in _PARTS})
    busy_s: float | None = None

    def merge(self, other: "_Slice") -> None:
        self.states.update(other.states)
        for part, times in self.latencies.items():
            times.merge(other.latencies[part])
        if other.busy_s is not None:
            self.busy_s = (self.busy_s or 0.0) + other.busy_s


class OverTime:
    """What became of the items and how long it took, by when they were due, and how busy the workers were."""

    def __init__(self) -> None:
        self.slice_s = 1.0
        self._slices: list[_Slice] = []
        self._worked_until_s = 0.0

    def add(self, due_s: float, row: Row) -> None:
        """One item, `due_s` after the start of the run."""
        at = self._at(due_s)
        at.states[row.action] += 1
        if row.action.decided:
            at.latencies["total"].add(row.total_ms)
            at.latencies["wait"].add(row.queue_ms)
            at.latencies["decode"].add(row.preprocess_ms)
            at.latencies["inference"].add(row.inference_ms)

    def worked(self, until_s: float, busy_s: float) -> None:
        """Each worker was busy for `busy_s` seconds, on average, since this was last told, up to `until_s`.

        What is told after the last item has ended belongs to its slice.
        """
        at = self._slices[min(int(until_s / self.slice_s), len(self._slices) - 1)]
        at.busy_s = (at.busy_s or 0.0) + busy_s
        self._worked_until_s = max(self._worked_until_s, until_s)

    def facts(self) -> dict[str, Any]:
        """As JSON: a list for each figure, one value a slice.

        A latency [ms] is None where nothing was decided, and the workers' utilisation where nobody has told of it, as
        of the part of a run before it was resumed.
        """
        slices = self._slices
        return {
            "slice_s": self.slice_s,
            "items": [one.states.total() for one in slices],
            "states": {state: [one.states[state] for one in slices] for state in State},
            "latency_ms": {
                part: {
                    f"p{percent}": [_rounded(one.latencies[part].quantile(percent / 100)) for one in slices]
                    for percent in _PERCENTS
                }
                for part in _PARTS
            },
            "utilisation": [self._utilisation(number) for number in range(len(slices))],
        }

    def _at(self, due_s: float) -> _Slice:
        while (number := int(due_s / self.slice_s)) >= _MOST_SLICES:
            self._halve()
        while number >= len(self._slices):
            self._slices.append(_Slice())
        return self._slices[number]

    def _utilisation(self, number: int) -> float | None:
        """The share of a slice, the last only as far as it went, for which the workers were busy."""
        busy_s = self._slices[number].busy_s
        passed_s = min(self.slice_s, self._worked_until_s - number * self.slice_s)
        return None if busy_s is None or passed_s <= 0 else round(min(1.0, busy_s / passed_s), 4)

    def _halve(self) -> None:
        """Half as many slices, twice as long."""
        self.slice_s *= 2
        for left, right in zip(self._slices[::2], self._slices[1::2], strict=False):
            left.merge(right)
        self._slices = self._slices[::2]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
