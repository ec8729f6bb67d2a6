"""The line's twin in virtual time: the same policy, fed with service times that were measured; an hour in seconds."""

from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import numpy as np
import simpy

from scrapline.line.belt import Arrivals, Belt, arrivals
from scrapline.line.dispatch import Answer, Dispatch, Item, Policy, kind_of
from scrapline.line.service import ServiceTimes
from scrapline.line.states import State
from scrapline.measures.histogram import Histogram
from scrapline.runtime.engine import Classification

_IN_A_ROW = 100
_ROUND_S = 10.0
_ANSWER = Answer(Classification("any", 1.0, "other", 0.0, low_confidence=False))
_CAMERA, _BUSY_CAMERA = -1, -2
_LOST = (State.LATE, State.DROPPED)

Events = Generator[simpy.Event, None, None]


@dataclass(frozen=True)
class Services:
    """What was measured: seconds that a run of the network takes, decoding included, by its kind (see line/service).

    `camera_s`: how long after an item was due its frame was captured, and the same while all workers work. All in the
    order in which it happened: what follows upon each other is alike, since a machine has slow moments.
    """

    seconds: Mapping[int, Sequence[float]]
    camera_s: Sequence[float] = (0.0,)
    busy_camera_s: Sequence[float] = (0.0,)


@dataclass
class Played:
    """What became of the items. Latencies, of those classified in time, are milliseconds."""

    states: Counter[State] = field(default_factory=Counter)
    latency_ms: Histogram = field(default_factory=Histogram)
    seconds: float = 0.0

    @property
    def items(self) -> int:
        """How many came by."""
        return self.states.total()

    @property
    def lost(self) -> float:
        """The share of the items that were late or dropped; 0 of none."""
        return sum(self.states[state] for state in _LOST) / self.items if self.items else 0.0

    def quantile_ms(self, share: float) -> float | None:
        """A latency, a late or dropped item being above all others; None where the quantile is one of these."""
        return self.latency_ms.quantile(share, sum(self.states[state] for state in _LOST))


def play(
    belt: Belt, kind: Arrivals, policy: Policy, measured: Sequence[Services], *, seconds: float, seed: int
) -> Played:
    """So many seconds of the belt, with workers that take what was measured; the same for the same seed.

    For ten seconds at a time the machine is as it was in one of the rounds that were measured, drawn anew.
    """
    env = simpy.Environment()
    line = _Line(env, Dispatch(policy, _known(measured[0])), measured, np.random.default_rng(seed))
    env.process(line.camera(belt, kind, seed, seconds))
    for _ in range(policy.workers):
        env.process(line.worker())
    env.run()
    line.tally(float("inf"))
    line.played.seconds = seconds
    return line.played


def _known(services: Services) -> ServiceTimes:
    return ServiceTimes((frames, took) for frames, times in services.seconds.items() for took in times[-200:])


class _Line:
    def __init__(
        self, env: simpy.Environment, dispatch: Dispatch, measured: Sequence[Services], rng: np.random.Generator
    ) -> None:
        self.played = Played()
        self._env, self._dispatch, self._rng = env, dispatch, rng
        self._drawn: dict[int, list[float]] = {}
        self._rounds = [
            {**services.seconds, _CAMERA: services.camera_s, _BUSY_CAMERA: services.busy_camera_s}
            for services in measured
        ]
        self._now = self._rounds[0]
        self._until_s = 0.0
        self._more = env.event()
        self._closed = False

    def camera(self, belt: Belt, kind: Arrivals, seed: int, seconds: float) -> Events:
        deadline_s = belt.deadline_ms / 1000
        for arrival in takewhile(lambda arrival: arrival.due_s < seconds, arrivals(belt, kind, seed)):
            # One after another: what holds one up holds up those that are due meanwhile.
            yield self._env.timeout(max(0.0, arrival.due_s - self._env.now))
            late_s = self._draw(_CAMERA if self._dispatch.idle else _BUSY_CAMERA)
            yield self._env.timeout(max(0.0, arrival.due_s + late_s - self._env.now))
            self._dispatch.capture(Item(arrival.number, arrival, arrival.due_s + deadline_s), self._env.now)
            self.tally(self._env.now)
            self._wake()
        self._closed = True
        self._wake()

    def worker(self) -> Events:
        while True:
            while not (items := self._dispatch.take(self._env.now)):
                if self._closed and not self._dispatch.waits:
                    return
                yield self._more
            yield self._env.timeout(self._draw(kind_of(items)))
            self._dispatch.answered(items, [_ANSWER] * len(items), self._env.now)
            self.tally(self._env.now)
            if items[0].spread:
                self._wake()  # the others had to wait for it

    def tally(self, now_s: float) -> None:
        """Count what has ended."""
        self._dispatch.expire(now_s)
        for item in self._dispatch.handed_out():
            assert item.end is not None
            self.played.states[item.end.state] += 1
            if item.end.state is State.SORT:
                self.played.latency_ms.add((item.ended_s - item.arrival.due_s) * 1000)

    def _wake(self) -> None:
        waiting, self._more = self._more, self._env.event()
        waiting.succeed()

    def _draw(self, kind: int) -> float:
        """What such a run takes, or the camera: some that were measured in a row, from a random one on."""
        if self._env.now >= self._until_s:
            self._now = self._rounds[self._rng.integers(len(self._rounds))]
            self._until_s = self._env.now + _ROUND_S
            self._drawn.clear()
        drawn = self._drawn.setdefault(kind, [])
        if not drawn:
            times = self._now[kind]
            first = int(self._rng.integers(len(times)))
            drawn += (times[n % len(times)] for n in range(first + _IN_A_ROW, first, -1))
        return drawn.pop()
