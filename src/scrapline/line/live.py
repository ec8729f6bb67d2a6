"""The line in real time: a camera, workers, a sorter and a log, each on a thread of its own."""

import gc
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace

from scrapline.line.belt import Arrival
from scrapline.line.dispatch import Dispatch, Item
from scrapline.line.feeds.frame import Feed, FeedEnded
from scrapline.line.looking import Look
from scrapline.system.errors import ScraplineError
from scrapline.system.signals import Stopped

# Python hands its lock on after five milliseconds, unless told otherwise: the time of a whole classification.
_SWITCH_S = 0.0005
# Rows that may wait for a slow disk; more than these and the line stops rather than fill the memory.
_MOST_ROWS_WAITING = 100_000
_FAILURES_IN_A_ROW = 100
_NO_WAIT_S = 0.001  # what a feed takes to hand over a frame that is there


@dataclass(frozen=True)
class Limits:
    """When the belt stops by itself: after so many items, or so many seconds; None: it does not."""

    items: int | None = None
    seconds: float | None = None


@dataclass
class Troubles:
    """What went wrong without ending the run."""

    workers_replaced: int = 0
    first_failure: str = ""
    feed_waited_s: float = 0.0


@dataclass
class Line:
    """One run. `log` gets the items that have ended, in item order, some at a time, on the log's own thread.

    `clock` gives seconds and never jumps; times of arrivals and items count from the start of the run.
    """

    feed: Feed
    look: Look
    dispatch: Dispatch
    log: Callable[[list[Item]], None]
    first: int = 0
    clock: Callable[[], float] = time.perf_counter
    troubles: Troubles = field(default_factory=Troubles)
    interrupted: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._frames = threading.Condition(self._lock)  # what workers wait for
        self._ends = threading.Condition(self._lock)  # what the sorter waits for
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._rows: queue.SimpleQueue[list[Item] | None] = queue.SimpleQueue()
        self._closed = False
        self._in_a_row = 0
        self._error: BaseException | None = None
        self._start_s = 0.0

    def run(self, arrivals: Iterator[Arrival], limits: Limits) -> None:
        """Work until a limit, the end of the feed, or a signal; then finish what is on the belt.

        Raises what broke the line: ScraplineError from the feed, OSError from the log. A second signal ends it at once.
        """
        switch_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        gc.collect()
        gc.freeze()  # what lives by now lives to the end: the collector need not walk through it in mid-run
        self._start_s = self.clock()
        threads = [
            self._thread(self._camera, "camera", arrivals, limits),
            self._thread(self._sorter, "sorter"),
            self._thread(self._writer, "log"),
        ]
        workers = [self._thread(self._worker, "worker") for _ in range(self.dispatch.policy.workers)]
        try:
            for thread in (*workers, *threads):
                thread.start()
            self._wait()
        finally:
            self._stop.set()
            sys.setswitchinterval(switch_s)
            gc.unfreeze()
        for thread in threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return self.clock() - self._start_s

    def _wait(self) -> None:
        try:
            self._finished.wait()
        except Stopped:
            self.interrupted = True
            self._stop.set()
            self._finished.wait()

    def _thread(self, work: Callable[..., None], name: str, *given: object) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*given)
            except BaseException as error:
                self._break(error)

        return threading.Thread(target=guarded, name=name, daemon=True)

    def _break(self, error: BaseException) -> None:
        self._error = self._error or error
        self._stop.set()
        with self._lock:
            self._closed = True
            self._ends.notify_all()
        self._rows.put(None)

    def _camera(self, arrivals: Iterator[Arrival], limits: Limits) -> None:
        number, waited_s = self.first, 0.0
        with suppress(FeedEnded):
            for arrival in arrivals:
                arrival = replace(arrival, due_s=arrival.due_s + waited_s)
                done = limits.items is not None and number >= limits.items
                if done or (limits.seconds is not None and arrival.due_s >= limits.seconds):
                    break
                if self._stop.wait(max(0.0, arrival.due_s - self.now_s())):
                    break
                asked_s = self.now_s()
                frame = self.feed.take(number, arrival.due_s)
                if frame is None:
                    continue
                if self.feed.waits and (more_s := self.now_s() - asked_s) > _NO_WAIT_S:
                    arrival = replace(arrival, due_s=arrival.due_s + more_s)
                    waited_s += more_s
                    self.troubles.feed_waited_s += more_s
                item = Item(number, arrival, arrival.due_s + self.dispatch.policy.deadline_s, frame)
                number += 1
                with self._lock:
                    self.dispatch.capture(item, self.now_s())
                    self._frames.notify()
                    self._ends.notify()
        with self._lock:
            self._closed = True
            self._frames.notify_all()
            self._ends.notify_all()

    def _worker(self) -> None:
        while items := self._taken():
            try:
                answers = self.look([item.frame.data for item in items])
            except Exception as error:
                self._replace_worker(items, error)
                return
            with self._lock:
                self.dispatch.answered(items, answers, self.now_s())
                self._in_a_row = 0
                self._ends.notify()

    def _taken(self) -> list[Item]:
        """What to look at next, as soon as there is something; nothing at the end."""
        with self._lock:
            while not (items := self.dispatch.take(self.now_s())):
                self._ends.notify()
                if self._closed and self.dispatch.pending == 0:
                    return []
                self._frames.wait()
            return items

    def _replace_worker(self, items: list[Item], error: Exception) -> None:
        with self._lock:
            self.dispatch.failed(items, self.now_s())
            self.troubles.workers_replaced += 1
            self.troubles.first_failure = self.troubles.first_failure or " ".join(str(error).split())[:300]
            self._in_a_row += 1
            self._ends.notify()
            self._frames.notify_all()
        if self._in_a_row >= _FAILURES_IN_A_ROW:
            raise ScraplineError(
                f"the model failed on {self._in_a_row} frames in a row ({self.troubles.first_failure}): export it "
                "again, or name another --model"
            )
        self._thread(self._worker, "worker").start()

    def _sorter(self) -> None:
        while True:
            with self._lock:
                while not (ended := self._ended()):
                    if self._error is not None or (self._closed and self.dispatch.pending == 0):
                        self._rows.put(None)
                        self._frames.notify_all()
                        return
                    deadline_s = self.dispatch.next_deadline_s
                    self._ends.wait(None if deadline_s is None else max(0.0, deadline_s - self.now_s()) + 0.0001)
            if self._rows.qsize() > _MOST_ROWS_WAITING:
                raise ScraplineError("the disk under the log cannot keep up with the line: write it to a faster one")
            self._rows.put(ended)

    def _ended(self) -> list[Item]:
        self.dispatch.expire(self.now_s())
        return list(self.dispatch.handed_out())

    def _writer(self) -> None:
        """All that waits at once, so that a slow disk is asked less often."""
        try:
            more = True
            while more:
                given = [self._rows.get()]
                with suppress(queue.Empty):
                    while True:
                        given.append(self._rows.get_nowait())
                more = given[-1] is not None
                if items := [item for part in given if part is not None for item in part]:
                    self.log(items)
        finally:
            self._finished.set()
