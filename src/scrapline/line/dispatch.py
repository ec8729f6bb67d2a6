"""What the line does with each item, and when: the policy, without threads and without a clock.

Whoever runs it says what happened and at what time: the live line with threads and the wall clock, the twin and the
tests in virtual time. Nothing here is safe to call from two threads at once.
"""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from scrapline.line.belt import Arrival
from scrapline.line.service import SPREAD, ServiceTimes
from scrapline.line.states import End, Seen, State, end
from scrapline.runtime.engine import FRAMES_A_RUN, Classification

# What a run of the network must be expected to take, and what it usually does.
_NEARLY_ALWAYS, _USUALLY = 0.99, 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a worker has to say of one item: a classification, or that its frame is no picture.

    `decode_s` is the item's own, `inference_s` that of the run of the network that it shared with `batch` - 1 others.
    """

    classification: Classification | None
    decode_s: float = 0.0
    inference_s: float = 0.0
    batch: int = 1


@dataclass(slots=True)
class Item:
    """One item on its way. Times are seconds on the line's clock; `frame` is whatever the feed gave."""

    number: int
    arrival: Arrival
    deadline_s: float
    frame: Any = None
    captured_s: float = 0.0
    started_s: float | None = None
    ended_s: float = 0.0
    answer: Answer | None = None
    end: End | None = None
    alone: bool = False  # after a failure
    spread: bool = False  # all the workers' cores compute it

    @property
    def kind(self) -> int | None:
        """Of the run of the network that it went through, as ServiceTimes tells them apart; None without one."""
        return None if self.answer is None else SPREAD if self.spread else self.answer.batch


@dataclass(frozen=True)
class Policy:
    """How many workers there are, and how many frames may wait and go through the network at once.

    `queue_frames` None: as many as the workers can still do in one deadline. `spreads`: a frame that comes while nobody
    works and nothing else waits is computed by all the workers' cores at once.
    """

    workers: int
    deadline_s: float
    queue_frames: int | None = None
    frames_a_run: int = FRAMES_A_RUN
    spreads: bool = False


@dataclass
class Dispatch:
    """Takes frames as they are captured, gives them to workers, and hands out the items in their order as they end."""

    policy: Policy
    service: ServiceTimes
    captured: int = 0
    runs: int = 0  # of the network
    busy_s: float = 0.0  # of all workers together; while a frame is spread, all are
    ended: Counter[State] = field(default_factory=Counter)
    _waiting: deque[Item] = field(default_factory=deque)
    _open: deque[Item] = field(default_factory=deque)  # in item order, until handed out
    _working: list[tuple[float, int]] = field(default_factory=list)  # when each run began, and its kind
    _tried_s: float = float("-inf")  # when a frame was last given to a worker

    @property
    def pending(self) -> int:
        """Items that were captured and have not ended."""
        return self.captured - self.ended.total()

    @property
    def waits(self) -> bool:
        """Whether a frame waits for a worker."""
        return any(item.end is None for item in self._waiting)

    @property
    def idle(self) -> bool:
        """Whether a worker would begin at once with what comes now."""
        return len(self._working) < self.policy.workers and not self._spreading

    @property
    def behind(self) -> bool:
        """Whether more waits than the workers can take next: what comes now has time to come."""
        return len(self._waiting) > self.policy.workers * self.policy.frames_a_run

    @property
    def ready(self) -> bool:
        """Whether an item can be handed out."""
        return bool(self._open) and self._open[0].end is not None

    @property
    def queue_frames(self) -> int:
        """How many frames may wait: a longer queue would only hold frames that cannot be in time any more.

        The oldest keeps the time for a run of as many frames as usual: else a line with too much to do would be left
        with the frames that have to go through the network alone, which gets fewer of them done.
        """
        if self.policy.queue_frames is not None:
            return self.policy.queue_frames
        a_frame_s, deadline_s = self.service.a_frame_s, self.policy.deadline_s
        if a_frame_s == 0:
            return self.policy.workers
        runs_s = (self.expected_s(frames) for frames in range(self.policy.frames_a_run, 0, -1))
        left_s = deadline_s - next((run_s for run_s in runs_s if 2 * run_s <= deadline_s), self.expected_s())
        return max(1, int(self.policy.workers * left_s / a_frame_s))

    def busy_until_s(self, now_s: float) -> float:
        """What all workers together have worked until now, with what they are at."""
        return self.busy_s + sum((now_s - began) * self._cores(kind) for began, kind in self._working)

    def expected_s(self, frames: int = 1) -> float:
        """What a run of so many frames, or one that is spread, must be expected to take.

        Where that is a deadline or more it would end the line for good, since nothing would be tried any more: then
        it is the usual time.
        """
        careful = self.service.quantile_s(_NEARLY_ALWAYS, frames)
        return careful if careful < self.policy.deadline_s else self.service.quantile_s(_USUALLY, frames)

    def capture(self, item: Item, now_s: float) -> None:
        """A frame has come from the camera."""
        item.captured_s = now_s
        self.captured += 1
        self._open.append(item)
        self._forget_ended()
        ways, free_s = (SPREAD, 1) if self._can_spread(0) else (1,), self._next_free_s(now_s)
        if item.arrival.overlaps or all(self._cannot_make_it(item, free_s, way) for way in ways):
            self._end(item, now_s)
            return
        self._waiting.append(item)
        if len(self._waiting) > self.queue_frames:
            self._end(self._waiting.popleft(), now_s, overwritten=True)

    def take(self, now_s: float) -> list[Item]:
        """The frames that a free worker shall look at together; none where none waits that can still be in time."""
        if self._spreading:
            return []
        self._forget_ended()
        spread = self._can_spread(1) and not self._cannot_make_it(self._waiting[0], now_s, SPREAD)
        while self._waiting and self._cannot_make_it(self._waiting[0], now_s, SPREAD if spread else 1):
            self._end(self._waiting.popleft(), now_s)
            self._forget_ended()
        if not self._waiting:
            return []
        taken = [self._waiting.popleft() for _ in range(self._together(now_s))]
        for item in taken:
            item.started_s, item.spread = now_s, spread
        self._working.append((now_s, kind_of(taken)))
        self._tried_s = now_s
        return taken

    def answered(self, items: Sequence[Item], answers: Sequence[Answer], now_s: float) -> None:
        """A worker is done with what it took; what comes after an item's deadline is too late."""
        self._free(items, now_s)
        for item, answer in zip(items, answers, strict=True):
            if item.end is None:
                item.answer = answer
                self._end(item, now_s)

    def failed(self, items: Sequence[Item], now_s: float) -> None:
        """A worker raised. One item is lost; of several nobody knows which it was: each is tried alone."""
        self._free(items, now_s, learn=False)
        if len(items) == 1:
            self._end(items[0], now_s)
            return
        for item in reversed(items):
            item.alone, item.started_s = True, None
            self._waiting.appendleft(item)

    def expire(self, now_s: float) -> None:
        """End what is undecided at its deadline."""
        for item in self._open:
            if item.deadline_s >= now_s:
                break
            self._end(item, now_s)

    @property
    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do, unless it is decided before."""
        return next((item.deadline_s for item in self._open if item.end is None), None)

    def handed_out(self) -> Iterator[Item]:
        """The items that have ended, in item order, each once; one waits for those before it, until their deadline."""
        while self._open and self._open[0].end is not None:
            yield self._open.popleft()

    def _together(self, now_s: float) -> int:
        """How many of the waiting frames go through the network at once: a fair share of them that is still in time."""
        first = self._waiting[0]
        fair = -(-len(self._waiting) // self.policy.workers)
        most = 1 if first.alone else min(self.policy.frames_a_run, fair)
        alike = next((n for n, item in enumerate(islice(self._waiting, most)) if n and item.alone), most)
        for frames in range(min(most, alike), 1, -1):
            if now_s + self.expected_s(frames) <= first.deadline_s:
                return frames
        return 1

    @property
    def _spreading(self) -> bool:
        return any(kind == SPREAD for _, kind in self._working)

    def _can_spread(self, waiting: int) -> bool:
        """Whether nobody works, and no more than so many frames wait."""
        return self.policy.spreads and not self._working and len(self._waiting) == waiting

    def _cannot_make_it(self, item: Item, start_s: float, kind: int) -> bool:
        """Whether such a run that starts then must be expected to end after the item's deadline.

        Once in a deadline one is tried all the same, if it has any time left: else a line that became faster again
        would not notice.
        """
        if start_s >= item.deadline_s:
            return True
        return start_s + self.expected_s(kind) > item.deadline_s and start_s - self._tried_s < self.policy.deadline_s

    def _next_free_s(self, now_s: float) -> float:
        """When the first worker can be expected to take a new frame."""
        if self.idle:
            return now_s
        return max(now_s, min(began + self.service.quantile_s(_USUALLY, kind) for began, kind in self._working))

    def _cores(self, kind: int) -> int:
        return self.policy.workers if kind == SPREAD else 1

    def _free(self, items: Sequence[Item], now_s: float, *, learn: bool = True) -> None:
        began = items[0].started_s
        assert began is not None
        self._working.remove((began, kind_of(items)))
        self.runs += 1
        self.busy_s += (now_s - began) * self._cores(kind_of(items))
        if learn:
            self.service.add(kind_of(items), now_s - began)

    def _forget_ended(self) -> None:
        while self._waiting and self._waiting[0].end is not None:
            self._waiting.popleft()

    def _end(self, item: Item, now_s: float, *, overwritten: bool = False) -> None:
        if item.end is not None:
            return
        answer = item.answer
        item.end = end(
            Seen(
                decided_s=now_s,
                deadline_s=item.deadline_s,
                unreadable=answer is not None and answer.classification is None,
                overwritten=overwritten,
                overlaps=item.arrival.overlaps,
                classification=answer.classification if answer is not None else None,
            )
        )
        item.ended_s = now_s
        self.ended[item.end.state] += 1


def kind_of(items: Sequence[Item]) -> int:
    """Of the run that these go through together, as ServiceTimes tells them apart."""
    return SPREAD if items[0].spread else len(items)
