"""The figures of a run, gathered row by row: while it goes on, or from the log of the part before a resumption."""

from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np

from scrapline.line.over_time import OverTime
from scrapline.line.row import Row
from scrapline.line.states import State
from scrapline.measures.evidence import Evidence
from scrapline.measures.histogram import Histogram
from scrapline.measures.lateness import Stretches

_LEVELS = 1000  # of confidence, for the curve of purity against recovery
_ITEMS_FOR_P999 = 10_000


class Figures:
    """Counts, latencies and evidence of the items of one run, in memory that does not grow with their number."""

    def __init__(self, classes: list[str], deadline_ms: float) -> None:
        self.classes, self.deadline_ms = classes, deadline_ms
        self.states: Counter[State] = Counter()
        self.contents: Counter[tuple[str, str]] = Counter()  # (bin, true class)
        self.over_time = OverTime()
        self.answers = np.zeros((len(classes), 2, _LEVELS + 1), np.int64)  # predicted class, wrong or right, confidence
        self._number = {name: number for number, name in enumerate(classes)}
        self._total, self._wait, self._decode, self._inference = (Histogram() for _ in range(4))
        self._purity = {name: Evidence() for name in classes}
        self._recovery: defaultdict[str, Evidence] = defaultdict(Evidence)
        self._recognised, self._asked = Evidence(), Evidence()
        self._stretches = Stretches(deadline_ms / 1000)
        self._truth = 0
        self._on_time = 0
        self._segment = 0
        self._first_s = self._last_s = self._before_s = self._due_before_s = self._busy_s = 0.0
        self._in_segment = 0
        self._captured_at: datetime | None = None
        self._interruptions_s: list[float] = []

    @property
    def items(self) -> int:
        """How many there were."""
        return self.states.total()

    @property
    def seconds(self) -> float:
        """From the first item to the last, interruptions left out."""
        return self._before_s + self._last_s - self._first_s

    def belt_s(self, items_per_s: float) -> float:
        """How long the belt has run: in each segment from its start to one item's time after its last item."""
        segments = 1 + len(self._interruptions_s) if self.items else 0
        return self._due_before_s + self._last_s + segments / items_per_s

    def came(self, material: str) -> int:
        """Items of this material, whatever became of them."""
        return sum(items for (_, true), items in self.contents.items() if true == material)

    def add(self, row: Row) -> None:
        """Count one item; in item order."""
        if row.segment != self._segment and self.items:
            self._new_segment(row)
        self._segment = row.segment
        self._in_segment += 1
        if self._in_segment == 1:
            self._first_s = row.due_s
        self._last_s, self._captured_at = row.due_s, row.captured_at
        self.states[row.action] += 1
        self._on_time += row.on_time and row.action.decided
        self._stretches.add(row.due_s, row.on_time)
        self.over_time.add(self._due_before_s + row.due_s, row)
        if row.action.decided:
            self._total.add(row.total_ms)
            self._wait.add(row.queue_ms)
            self._decode.add(row.preprocess_ms)
            self._inference.add(row.inference_ms)
            self._asked.add(row.action is not State.SORT, row.frame, row.group)
        if row.true_class:
            self._judge(row)

    def worked(self, until_s: float, busy_s: float) -> None:
        """Of `until_s` since the start of the last item's segment, each worker was busy for `busy_s`, on average."""
        self.over_time.worked(self._due_before_s + until_s, busy_s - self._busy_s)
        self._busy_s = busy_s

    def metrics(self) -> dict[str, Any]:
        """As JSON; what a feed without true classes cannot tell is None."""
        per_minute = self._per_minute()
        return {
            "items": self.items,
            "seconds": round(self.seconds, 3),
            "interruptions_s": self._interruptions_s,
            "deadline_ms": round(self.deadline_ms, 3),
            "states": {state: {"items": n, "share": self._share(n)} for state, n in self._counted()},
            "items_a_minute": {
                "came": None if per_minute is None else round(per_minute * self.items, 1),
                "on_time": None if per_minute is None else round(per_minute * self._on_time, 1),
            },
            "latency_ms": self._latencies(),
            "lateness": asdict(self._stretches.claim()),
            "to_a_person": self._asked.facts(),
            "recognised": self._recognised.facts() if self._truth else None,
            "bins": self._bins() if self._truth else None,
            "over_time": self.over_time.facts(),
        }

    def _new_segment(self, row: Row) -> None:
        self._before_s += self._last_s - self._first_s
        self._due_before_s += self._last_s
        self._first_s = self._last_s = row.due_s
        self._in_segment = 0
        self._busy_s = 0.0
        assert self._captured_at is not None
        self._interruptions_s.append(round((row.captured_at - self._captured_at).total_seconds(), 3))
        self._stretches.new_segment()

    def _judge(self, row: Row) -> None:
        self._truth += 1
        right = row.predicted_class == row.true_class
        sorted_right = row.action is State.SORT and right
        self._recovery[row.true_class].add(sorted_right, row.frame, row.group)
        self.contents[row.bin, row.true_class] += 1
        if row.action is State.SORT:
            self._purity[row.bin].add(right, row.frame, row.group)
        if row.action.decided and row.confidence is not None:
            self._recognised.add(right, row.frame, row.group)
            self.answers[self._number[row.predicted_class], int(right), int(row.confidence * _LEVELS)] += 1

    def _counted(self) -> list[tuple[State, int]]:
        return [(state, self.states[state]) for state in State]

    def _share(self, count: int) -> float | None:
        return round(count / self.items, 6) if self.items else None

    def _per_minute(self) -> float | None:
        """What one item in all is in items a minute; N items span N - 1 intervals, in each segment."""
        spans = self.items - 1 - len(self._interruptions_s)
        return 60 * spans / self.items / self.seconds if self.seconds > 0 else None

    def _latencies(self) -> dict[str, Any]:
        """Of the items that were to be classified; a late or dropped one took longer than all that were not."""
        lost = self.states[State.LATE] + self.states[State.DROPPED]
        shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
        if self._total.count + lost >= _ITEMS_FOR_P999:
            shares["p99_9"] = 0.999
        parts = {"wait": self._wait, "decode": self._decode, "inference": self._inference}
        return {
            "items": self._total.count + lost,
            "late_or_dropped": lost,
            **{name: _rounded(self._total.quantile(share, lost)) for name, share in shares.items()},
            "max": _rounded(self._total.max) if self._total.count else None,
            **{
                part: {name: _rounded(times.quantile(share)) for name, share in shares.items()}
                | {"max": _rounded(times.max) if times.count else None}
                for part, times in parts.items()
            },
        }

    def _bins(self) -> dict[str, Any]:
        return {
            name: {"purity": self._purity[name].facts(), "recovery": self._recovery[name].facts()}
            for name in self.classes
        }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
