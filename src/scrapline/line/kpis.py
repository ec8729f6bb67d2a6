"""Key figures of a run of the line, gathered item by item in little memory."""

import math
from array import array
from collections import Counter
from typing import Any

import numpy as np

from scrapline.line.conveyor import Result
from scrapline.line.sorter import Action
from scrapline.measures.sorting import purity, recovery


class Kpis:
    """Counts and latencies; four bytes an item."""

    def __init__(self) -> None:
        self.actions: Counter[str] = Counter()
        self.placed: Counter[tuple[str, str]] = Counter()
        self.latency_ms = array("f")
        self._correct = 0
        self._first_s, self._last_s = math.inf, -math.inf

    def add(self, result: Result) -> None:
        """Count one item."""
        self.actions[result.decision.action] += 1
        self.placed[result.true_class, result.decision.bin] += 1
        if result.classification is not None:
            self._first_s = min(self._first_s, result.decided_s)
            self._last_s = max(self._last_s, result.decided_s)
            self.latency_ms.append(result.total_ms)
            self._correct += result.classification.predicted_class == result.true_class

    def metrics(self, classes: list[str], deadline_ms: float, frames: int) -> dict[str, Any]:
        """The content of results/simulation/metrics.json but for the machine's description.

        The throughput counts the items that the model classified, late ones too, and neither dropped nor unreadable
        ones; its seconds run from the first such decision to the last, both read off one monotonic clock.
        """
        items, classified = self.actions.total(), len(self.latency_ms)
        latencies = np.array(self.latency_ms) if self.latency_ms else np.zeros(1)
        percentiles = zip(("p50", "p95", "p99", "max"), np.percentile(latencies, [50, 95, 99, 100]), strict=True)
        seconds = self._last_s - self._first_s if classified else 0.0  # N decisions span N - 1 intervals
        return {
            "items": items,
            "frames": frames,
            "classified": classified,
            "accuracy": round(self._correct / items, 6),
            "throughput_items_per_s": round((classified - 1) / seconds, 3) if seconds > 0 else 0.0,
            "late_rate": round(self.actions[Action.LATE] / items, 6),
            "dropped_rate": round(self.actions[Action.DROPPED] / items, 6),
            "unreadable_rate": round(self.actions[Action.UNREADABLE] / items, 6),
            "review_rate": round(self.actions[Action.REVIEW] / items, 6),
            "deadline_ms": round(deadline_ms, 3),
            "latency_ms": {name: round(float(value), 3) for name, value in percentiles},
            "bins": {
                name: {"purity": purity(self.placed, name), "recovery": recovery(self.placed, name)} for name in classes
            },
        }
