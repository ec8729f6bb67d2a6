"""The line in real time: a camera, workers, a sorter and a log, each on a thread of its own."""

import gc
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from scrapline.line.backlog import Backlog
from scrapline.line.belt import Arrival
from scrapline.line.dispatch import Dispatch, Item
from scrapline.line.ending import Ending, Limits, Troubles
from scrapline.line.feeds.frame import Feed, FeedEnded, Frame
from scrapline.line.looking import Look
from scrapline.line.pace import Need, Pace
from scrapline.system import signals
from scrapline.system.errors import ScraplineError

# Python hands its lock on after five milliseconds, unless told otherwise: the time of a whole classification.
_SWITCH_S = 0.0005
_FAILURES_IN_A_ROW = 100
_NO_WAIT_S = 0.001  # of a belt that waits for its feed: as exact as it starts and stops
_HEEDED_WITHIN_S = 0.1
_LAST_LOOK_S = 2.0  # of all workers together
_ROUNDING_S = 1e-6
FRAMES_KEPT = 24


@dataclass
class Line:
    """One run. `log` gets the items that have ended, in item order, some at a time, on the log's own thread.

    `look_spread` looks at one frame with all the workers' cores; needed where the policy spreads.

    `clock` gives seconds and never jumps; times of arrivals and items count from the start of the run, which was at
    `started_at` by the wall clock. `kept` are the first frames; all others are let go as soon as their items end.
    """

    feed: Feed
    look: Look
    dispatch: Dispatch
    log: Callable[[list[Item]], None]
    look_spread: Look | None = None
    first: int = 0
    clock: Callable[[], float] = time.perf_counter
    troubles: Troubles = field(default_factory=Troubles)
    kept: list[Frame] = field(default_factory=list)
    ending: Ending = Ending.LIMIT
    error: BaseException | None = None
    started_at: datetime = datetime.min
    seconds: float = 0.0
    busy_s: float = 0.0  # of these, of all workers together

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._frames = threading.Condition(self._lock)  # what workers wait for
        self._ends = threading.Condition(self._lock)  # what the sorter waits for
        self._stop = threading.Event()
        self._finished = threading.Event()
        self._backlog = Backlog(self.log)
        self._asked_to_stop = self._closed = False
        self._in_a_row = 0
        self._workers: list[threading.Thread] = []
        self._start_s = 0.0

    def run(self, arrivals: Iterator[Arrival], limits: Limits) -> None:
        """Work until a limit, the end of the feed, or a signal; then finish what is on the belt.

        What broke it stands in `error` afterwards: ScraplineError of the feed or the model, OSError of the log. The
        second signal ends it at once, as an exception.
        """
        switch_s = sys.getswitchinterval()
        sys.setswitchinterval(_SWITCH_S)
        gc.collect()
        gc.freeze()  # what lives by now lives to the end: the collector need not walk through it in mid-run
        threads = [
            self._thread(self._camera, arrivals, limits),
            self._thread(self._sorter),
            self._thread(self._writer),
        ]
        self._workers = [self._thread(self._worker) for _ in range(self.dispatch.policy.workers)]
        self._start_s, self.started_at = self.clock(), datetime.now(UTC)
        try:
            with signals.heeding_stops(self._ask_to_stop):
                for thread in threads + self._workers:
                    thread.start()
                while not self._finished.wait(_HEEDED_WITHIN_S):
                    # Or one that came before, and was lost in a callback of the collector.
                    if self._asked_to_stop or signals.raised() is not None:
                        self._stop.set()
                self.seconds, self.busy_s = self.worked_s()
                threads[0].join()  # the camera may be asking its feed yet
                self._let_workers_end(self.seconds + _LAST_LOOK_S)
        finally:
            self._stop.set()
            sys.setswitchinterval(switch_s)
            gc.unfreeze()

    def _let_workers_end(self, until_s: float) -> None:
        """They may look at what is late: a process that ends within the network can abort."""
        while (left_s := until_s - self.now_s()) > 0:
            with self._lock:
                working = [worker for worker in self._workers if worker.is_alive()]
            if not working:
                return
            working[0].join(left_s)

    def worked_s(self) -> tuple[float, float]:
        """Seconds since the start, and what all workers together have worked of them."""
        with self._lock:
            return (now_s := self.now_s()), self.dispatch.busy_until_s(now_s)

    def now_s(self) -> float:
        """Seconds since the start of the run."""
        return self.clock() - self._start_s

    def _ask_to_stop(self) -> None:
        """For a signal's handler, in which no lock may be taken."""
        self._asked_to_stop = True

    def _thread(self, work: Callable[..., None], *given: object) -> threading.Thread:
        def guarded() -> None:
            try:
                work(*given)
            except BaseException as error:
                self._break(error)

        return threading.Thread(target=guarded, daemon=True)

    def _break(self, error: BaseException) -> None:
        """Stop the belt; what is on it is finished all the same, or late."""
        self.error, self.ending = self.error or error, Ending.BROKEN
        self._stop.set()
        self._close()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            self._frames.notify_all()
            self._ends.notify_all()

    def _camera(self, arrivals: Iterator[Arrival], limits: Limits) -> None:
        number, waited_s, pace = self.first, 0.0, Pace(self.now_s, self._stop, self._need)
        with suppress(FeedEnded):
            for coming in arrivals:
                arrival = replace(coming, due_s=coming.due_s + waited_s)
                done = limits.items is not None and number >= limits.items
                if done or (limits.seconds is not None and arrival.due_s > limits.seconds - _ROUNDING_S):
                    return self._close()
                frame = None
                if self.feed.ahead:
                    pace.let_others(arrival.due_s)  # the workers have just been given something to do
                    frame = self.feed.take(number, arrival.due_s)
                if not pace.reached(arrival.due_s):
                    self.ending = Ending.BROKEN if self.error else Ending.STOPPED
                    return self._close()
                if not self.feed.ahead:
                    frame = self.feed.take(number, arrival.due_s)
                if frame is None:
                    continue
                if self.feed.waits and (more_s := self.now_s() - arrival.due_s) > _NO_WAIT_S:
                    arrival = replace(arrival, due_s=arrival.due_s + more_s)
                    waited_s += more_s
                    self.troubles.feed_waited_s += more_s
                self._capture(Item(number, arrival, arrival.due_s + self.dispatch.policy.deadline_s, frame))
                number += 1
        self.ending = Ending.FEED
        return self._close()

    def _need(self) -> Need:
        return Need.EXACT if self.dispatch.idle else Need.ANY if self.dispatch.behind else Need.SOON

    def _capture(self, item: Item) -> None:
        if len(self.kept) < FRAMES_KEPT:
            self.kept.append(item.frame)
        with self._lock:
            self.dispatch.capture(item, self.now_s())
            if item.end is None:
                self._frames.notify()
            # The sorter sleeps until the deadline of an earlier item, unless there is none.
            if self.dispatch.ready or self.dispatch.pending == 1:
                self._ends.notify()

    def _worker(self) -> None:
        while items := self._taken():
            try:
                look = self.look_spread if items[0].spread and self.look_spread else self.look
                answers = look([item.frame.data for item in items])
            except Exception as error:
                self._replace_worker(items, error)
                return
            with self._lock:
                self.dispatch.answered(items, answers, self.now_s())
                self._in_a_row = 0
                if items[0].spread and self.dispatch.waits:
                    self._frames.notify_all()  # the others had to wait for it
                if self.dispatch.ready:
                    self._ends.notify()

    def _taken(self) -> list[Item]:
        """What to look at next, as soon as there is something; nothing at the end."""
        with self._lock:
            while not (items := self.dispatch.take(self.now_s())):
                self._ends.notify()  # what could not be in time has ended
                if self._closed and self.dispatch.pending == 0:
                    self._frames.notify_all()  # the sorter, which else wakes them, may be broken
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
                f"the model failed {self._in_a_row} times in a row ({self.troubles.first_failure}): export it "
                "again, or name another --model"
            )
        with self._lock:
            self._workers.remove(threading.current_thread())
            self._workers.append(self._thread(self._worker))
            self._workers[-1].start()

    def _sorter(self) -> None:
        try:
            while ended := self._ended():
                for item in ended:
                    item.frame = item.frame.without_data()
                self._backlog.put(ended)
        except BaseException as error:
            self._break(error)  # before the log, and with it the run, comes to its end
        finally:
            self._backlog.close()

    def _ended(self) -> list[Item]:
        """What has ended, as soon as there is something; nothing at the end."""
        with self._lock:
            while True:
                self.dispatch.expire(self.now_s())
                if ended := list(self.dispatch.handed_out()):
                    return ended
                if self._closed and self.dispatch.pending == 0:
                    self._frames.notify_all()
                    return []
                deadline_s = self.dispatch.next_deadline_s
                self._ends.wait(None if deadline_s is None else max(0.0, deadline_s - self.now_s()) + 0.0001)

    def _writer(self) -> None:
        try:
            self._backlog.work_off()
        except BaseException as error:
            self._break(error)
        finally:
            self._finished.set()
