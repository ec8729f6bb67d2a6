"""The belt: how fast items come, when each reaches the camera, and when it passes the ejector."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count

import numpy as np

from scrapline.params import Simulate
from scrapline.system.errors import ScraplineError

_DRAWN_AT_ONCE = 4096
_ROUNDING = 1e-9  # items that lie exactly as far apart as the ejector is long can be parted


class Arrivals(StrEnum):
    """How items lie on a lane: evenly, or wherever they fall (a Poisson process)."""

    CONSTANT = "constant"
    POISSON = "poisson"


@dataclass(frozen=True)
class Belt:
    """What is built: lanes, speed and distances. `items_per_m` is of one lane.

    `actuation_lead_ms` is how long before an item the ejector must be told; two items of a lane whose middles are
    nearer than `ejector_m` leave the belt together or not at all.
    """

    lanes: int
    items_per_m: float
    belt_m_per_s: float
    camera_to_ejector_m: float
    actuation_lead_ms: float
    ejector_m: float

    @property
    def items_per_s(self) -> float:
        """Of all lanes together."""
        return self.lanes * self.items_per_m * self.belt_m_per_s

    @property
    def deadline_ms(self) -> float:
        """From an item's arrival at the camera to the last moment at which the ejector can be told."""
        return self.camera_to_ejector_m / self.belt_m_per_s * 1000 - self.actuation_lead_ms

    def parted(self, kind: str) -> float:
        """The share of items that are far enough from both their neighbours on the lane to be ejected alone."""
        if kind == Arrivals.CONSTANT:
            return float(1 / self.items_per_m >= self.ejector_m)
        return math.exp(-2 * self.items_per_m * self.ejector_m)

    def check(self) -> None:
        """Raise ScraplineError where there is no time at all between camera and ejector."""
        if self.deadline_ms <= 0:
            way_ms = self.camera_to_ejector_m / self.belt_m_per_s * 1000
            raise ScraplineError(
                f"at {self.belt_m_per_s:g} m/s an item passes the ejector {way_ms:.0f} ms after the camera, and the "
                f"ejector needs {self.actuation_lead_ms:g}: slow the belt, add lanes, or move the camera "
                "(simulate.camera_to_ejector_m)"
            )

    def at(self, items_per_s: float) -> "Belt":
        """The same belt at the speed that brings so many items."""
        return replace(self, belt_m_per_s=items_per_s / (self.lanes * self.items_per_m))


def belt_of(line: Simulate) -> Belt:
    """The belt that the params describe."""
    return Belt(
        line.lanes,
        line.items_per_m,
        line.belt_m_per_s,
        line.camera_to_ejector_m,
        line.actuation_lead_ms,
        line.ejector_m,
    )


@dataclass(slots=True)
class Arrival:
    """One item reaches the camera: `due_s` after the start, `overlaps` another of its lane."""

    number: int
    lane: int
    due_s: float
    overlaps: bool = False


def arrivals(belt: Belt, kind: Arrivals, seed: int) -> Iterator[Arrival]:
    """Every item in the order of arrival, without end; the same for the same arguments."""
    near_s = (1 - _ROUNDING) * belt.ejector_m / belt.belt_m_per_s
    last: dict[int, Arrival] = {}
    open_: deque[Arrival] = deque()  # those that a later item may yet be near to
    for number, (lane, due_s) in enumerate(_schedule(belt, kind, seed)):
        item = Arrival(number, lane, due_s)
        before = last.get(lane)
        if before is not None and due_s - before.due_s < near_s:
            item.overlaps = before.overlaps = True
        last[lane] = item
        open_.append(item)
        while due_s - open_[0].due_s >= near_s:
            yield open_.popleft()
            if not open_:
                break


def _schedule(belt: Belt, kind: Arrivals, seed: int) -> Iterator[tuple[int, float]]:
    """Lane and time of each item. Poisson lanes of one rate together are one Poisson process, each item on any lane."""
    rate = belt.items_per_s
    if kind is Arrivals.CONSTANT:
        for number in count():
            yield number % belt.lanes, number / rate
    rng = np.random.default_rng([seed, belt.lanes])
    now_s = 0.0
    while True:
        gaps = rng.exponential(1 / rate, _DRAWN_AT_ONCE)
        for lane, gap in zip(rng.integers(belt.lanes, size=_DRAWN_AT_ONCE).tolist(), gaps.tolist(), strict=True):
            now_s += gap
            yield lane, now_s
