"""The threads around the policy, with real time in milliseconds and a classifier that tells what it was given."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import pytest

from scrapline.line import backlog, live
from scrapline.line.belt import Arrivals, Belt, arrivals
from scrapline.line.dispatch import Answer, Dispatch, Item, Policy
from scrapline.line.ending import Ending, Limits
from scrapline.line.feeds.frame import FeedEnded, Frame
from scrapline.line.live import Line
from scrapline.line.service import ServiceTimes
from scrapline.line.states import State
from scrapline.runtime.engine import Classification
from scrapline.system import signals
from scrapline.system.errors import ScraplineError

FAST = Belt(lanes=4, items_per_m=5, belt_m_per_s=25, camera_to_ejector_m=25, actuation_lead_ms=0, ejector_m=0)
SLOW = Belt(lanes=1, items_per_m=1, belt_m_per_s=50, camera_to_ejector_m=50, actuation_lead_ms=0, ejector_m=0)


class Numbers:
    """A feed whose frame says its number; `missing` items are not there, after `last` it is over."""

    waits = False
    ahead = False

    def __init__(self, missing: Sequence[int] = (), last: int = 10**9, slow_s: float = 0.0) -> None:
        self.missing, self.last, self.slow_s = {*missing}, last, slow_s
        self.asked = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def take(self, number: int, due_s: float) -> Frame | None:
        self.asked += 1
        if self.asked > self.last:
            raise FeedEnded
        time.sleep(self.slow_s)
        return None if self.asked - 1 in self.missing else Frame(str(number), str(number).encode())

    def facts(self) -> dict[str, Any]:
        return {}


def look(frames: Sequence[Any]) -> list[Answer]:
    """Says of each frame what it was given."""
    return [Answer(Classification(frame.decode(), 0.9, "", 0.1, low_confidence=False)) for frame in frames]


def run(
    limits: Limits,
    *,
    feed: Numbers | None = None,
    look: Callable[[Sequence[Any]], list[Answer]] = look,
    look_spread: Callable[[Sequence[Any]], list[Answer]] | None = None,
    belt: Belt = FAST,
    workers: int = 2,
    log: Callable[[list[Item]], None] = lambda items: None,
    first: int = 0,
) -> tuple[Line, list[Item]]:
    """A line of 500 items a second with a second for each, unless said otherwise, and the items as they were logged."""
    logged: list[Item] = []

    def keep(items: list[Item]) -> None:
        log(items)
        logged.extend(items)

    policy = Policy(workers, belt.deadline_ms / 1000, 500, spreads=look_spread is not None)
    line = Line(feed or Numbers(), look, Dispatch(policy, ServiceTimes()), keep, look_spread, first=first)
    line.run(arrivals(belt, Arrivals.CONSTANT, 0), limits)
    if line.error is not None:
        raise line.error
    return line, logged


def states(items: list[Item]) -> list[State]:
    return [item.end.state for item in items if item.end]


def test_every_item_is_logged_in_order_with_its_own_answer() -> None:
    line, items = run(Limits(items=200), workers=3)
    assert [item.number for item in items] == list(range(200))
    assert answers(items) == [str(number) for number in range(200)]
    assert states(items) == [State.SORT] * 200
    assert line.dispatch.pending == 0
    assert line.ending is Ending.LIMIT
    assert [frame.data for frame in line.kept] == [str(number).encode() for number in range(24)]
    assert {item.frame.data for item in items} == {b""}, "nobody will look at them again"


def test_nobody_works_any_more_when_the_run_is_over() -> None:
    """A process that ends while a thread is within ONNX Runtime aborts."""
    began, ended = [], []

    def slowly(frames: Sequence[Any]) -> list[Answer]:
        began.append(threading.current_thread())
        time.sleep(0.3)
        ended.append(threading.current_thread())
        return look(frames)

    belt = Belt(lanes=2, items_per_m=1, belt_m_per_s=50, camera_to_ejector_m=2.5, actuation_lead_ms=0, ejector_m=0)
    line, items = run(Limits(items=2), look=slowly, belt=belt)
    assert states(items) == [State.LATE] * 2
    assert began
    assert {*began} == {*ended}
    assert not any(thread.is_alive() for thread in began)
    assert line.busy_s <= 2 * line.seconds, "what is looked at after the end is not of this run"


def test_a_replaced_worker_is_waited_for_too() -> None:
    began: list[threading.Thread] = []

    def slowly(frames: Sequence[Any]) -> list[Answer]:
        began.append(threading.current_thread())
        if len(began) <= 2:
            raise RuntimeError
        time.sleep(0.3)
        return look(frames)

    belt = Belt(lanes=1, items_per_m=1, belt_m_per_s=50, camera_to_ejector_m=2.5, actuation_lead_ms=0, ejector_m=0)
    line, _ = run(Limits(items=4), look=slowly, belt=belt)
    assert line.troubles.workers_replaced == 2
    assert len({*began}) == 4
    assert not any(thread.is_alive() for thread in began)


def test_a_worker_that_hangs_does_not_hold_the_figures_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LAST_LOOK_S", 0.2)
    for_ever = threading.Event()

    def hanging(frames: Sequence[Any]) -> list[Answer]:
        for_ever.wait(30)
        return look(frames)

    belt = Belt(lanes=2, items_per_m=1, belt_m_per_s=50, camera_to_ejector_m=2.5, actuation_lead_ms=0, ejector_m=0)
    began_s = time.monotonic()
    _, items = run(Limits(items=2), look=hanging, belt=belt)
    assert time.monotonic() - began_s < 10
    assert states(items) == [State.LATE] * 2
    for_ever.set()


def test_idle_workers_end_where_the_sorter_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_LAST_LOOK_S", 20.0)
    looking = threading.Event()

    def slowly(frames: Sequence[Any]) -> list[Answer]:
        looking.set()
        time.sleep(0.2)
        return look(frames)

    def broken(self: backlog.Backlog, items: object) -> None:
        raise ScraplineError("the disk cannot keep up")

    began_s = time.monotonic()
    with pytest.raises(ScraplineError, match="cannot keep up"), monkeypatch.context() as patched:
        patched.setattr(backlog.Backlog, "put", broken)
        run(Limits(items=40), look=slowly, workers=3)
    assert looking.is_set()
    assert time.monotonic() - began_s < 10


class Spread:
    """Looks at one frame at a time with all cores, and says so; `first_s` is how long the first one takes it."""

    def __init__(self, first_s: float = 0.0, *, fails: bool = False) -> None:
        self.first_s, self.fails, self.calls = first_s, fails, 0

    def __call__(self, frames: Sequence[Any]) -> list[Answer]:
        self.calls += 1
        if self.calls == 1:
            time.sleep(self.first_s)
            if self.fails:
                raise RuntimeError("one core is gone")
        (frame,) = frames
        return [Answer(Classification(f"spread {frame.decode()}", 0.9, "", 0.1, low_confidence=False))]


def answers(items: list[Item]) -> list[str]:
    return [item.answer.classification.predicted_class for item in items if item.answer and item.answer.classification]


def test_frames_that_come_alone_are_spread() -> None:
    _, items = run(Limits(items=10), belt=SLOW, look_spread=Spread())
    assert answers(items) == [f"spread {number}" for number in range(10)]


@pytest.mark.parametrize("fails", [False, True])
def test_what_waits_for_a_spread_frame_is_looked_at_by_all_workers_after_it(fails: bool) -> None:
    """The first takes 300 ms, in which 14 come: of these each worker takes four, and nobody spreads."""
    spread = Spread(first_s=0.3, fails=fails)
    both = threading.Barrier(2)

    def slow_look(frames: Sequence[Any]) -> list[Answer]:
        if frames[0].decode() in ("1", "5"):
            both.wait(5)  # BrokenBarrierError, and an item lost, if another worker were not there
        return look(frames)

    line, items = run(Limits(items=12), belt=SLOW, look=slow_look, look_spread=spread)
    assert answers(items)[0] == ("1" if fails else "spread 0")
    assert states(items) == [State.LATE if fails else State.SORT] + [State.SORT] * 11
    assert line.troubles.workers_replaced == fails
    assert line.dispatch.pending == 0


def test_the_belt_keeps_its_pace_and_stops_after_its_seconds() -> None:
    started = time.perf_counter()
    _, items = run(Limits(seconds=0.3))
    assert len(items) == 150
    assert time.perf_counter() - started >= 0.298, "never faster than the belt"
    assert all(item.captured_s >= item.arrival.due_s for item in items)


def test_a_run_that_goes_on_begins_with_the_next_item() -> None:
    _, items = run(Limits(items=60), first=50)
    assert [(item.number, item.frame.name) for item in items] == [(n, str(n)) for n in range(50, 60)]


def test_a_camera_that_sees_nothing_captures_no_item() -> None:
    _, items = run(Limits(items=8), feed=Numbers(missing=[2, 3]))
    assert [item.number for item in items] == list(range(8))
    assert [round(item.arrival.due_s * 500) for item in items] == [0, 1, 4, 5, 6, 7, 8, 9]


def test_a_frame_that_is_there_before_its_item_costs_no_time() -> None:
    """Each takes 15 of 20 ms to come, and is asked for as soon as the one before has passed."""

    class Ahead(Numbers):
        ahead = True

    belt = Belt(1, 5, 10, 0.5, 0, 0)  # 50 a second
    _, items = run(Limits(items=10), feed=Ahead(slow_s=0.015), belt=belt)
    behind = sorted(item.captured_s - item.arrival.due_s for item in items)
    assert behind[len(behind) // 2] < 0.01


def test_the_run_ends_with_its_feed() -> None:
    line, items = run(Limits(), feed=Numbers(last=7))
    assert len(items) == 7
    assert line.ending is Ending.FEED


def test_a_stalled_camera_counts_against_the_items_it_brings_late() -> None:
    """Each frame takes 50 ms to come, 20 would: the latency counts from when the item was due."""
    belt = Belt(1, 5, 10, 0.5, 0, 0)  # 50 a second, 50 ms for each
    _, items = run(Limits(items=6), feed=Numbers(slow_s=0.055), belt=belt)
    assert states(items) == [State.LATE] * 6
    behind = [item.captured_s - item.arrival.due_s for item in items]
    assert behind == sorted(behind)
    assert behind[-1] >= 6 * 0.055 - 5 * 0.02 - 1e-3


def test_what_nobody_answers_is_late_at_its_deadline() -> None:
    belt = Belt(1, 5, 10, 3.0, 0, 0)  # 50 a second, 300 ms for each

    def slow(frames: Sequence[Any]) -> list[Answer]:
        if frames[0] == b"0":
            time.sleep(1.5)
        return look(frames)

    logged_at: list[float] = []
    started = time.perf_counter()
    _, items = run(
        Limits(items=10), look=slow, belt=belt, log=lambda items: logged_at.append(time.perf_counter() - started)
    )
    assert states(items) == [State.LATE] + [State.SORT] * 9
    assert items[0].ended_s >= 0.3
    assert logged_at[0] < 1.4, "before the worker was done"


def test_a_worker_that_raises_is_replaced_and_loses_its_item_only() -> None:
    def broken(frames: Sequence[Any]) -> list[Answer]:
        if b"7" in frames:
            raise RuntimeError("no such\nthing")
        time.sleep(0.004)
        return look(frames)

    line, items = run(Limits(items=60), look=broken)
    assert [item.number for item in items if item.end and item.end.state is not State.SORT] == [7]
    assert items[7].end is not None
    assert items[7].end.state is State.LATE
    assert line.troubles.workers_replaced in (1, 2), "once alone, and perhaps once among others"
    assert line.troubles.first_failure == "no such thing"


def test_a_model_that_never_works_ends_the_run_in_one_line() -> None:
    def broken(frames: Sequence[Any]) -> list[Answer]:
        raise RuntimeError("bad file")

    with pytest.raises(ScraplineError, match=r"failed 100 times in a row \(bad file\)"):
        run(Limits(), look=broken)


def test_a_log_that_cannot_be_written_ends_the_run() -> None:
    def full(items: list[Item]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        run(Limits(), log=full)


def test_a_feed_that_breaks_ends_the_run_and_what_is_on_the_belt_is_finished() -> None:
    class Broken(Numbers):
        def take(self, number: int, due_s: float) -> Frame | None:
            if number == 3:
                raise ScraplineError("the camera is gone")
            return super().take(number, due_s)

    def slow(frames: Sequence[Any]) -> list[Answer]:
        time.sleep(0.05)
        return look(frames)

    logged: list[Item] = []
    with pytest.raises(ScraplineError, match="camera is gone"):
        run(Limits(), feed=Broken(), look=slow, log=logged.extend)
    assert states(logged) == [State.SORT] * 3


def test_a_slow_disk_holds_up_no_decision() -> None:
    """Every write takes 50 ms; the items are decided meanwhile, and the log catches up."""
    calls: list[int] = []

    def slow(items: list[Item]) -> None:
        calls.append(len(items))
        time.sleep(0.05)

    _, items = run(Limits(items=150), log=slow)
    assert states(items) == [State.SORT] * 150
    assert max(item.ended_s - item.arrival.due_s for item in items) < 0.5
    assert max(calls) > 5, "many rows at once"


def test_rows_that_wait_for_a_disk_are_not_kept_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MOST_ITEMS", 20)
    with pytest.raises(ScraplineError, match="disk under the log cannot keep up"):
        run(Limits(items=400), log=lambda items: time.sleep(0.2))


@pytest.fixture
def signalled() -> Iterator[None]:
    """The project's handlers, taken back afterwards."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGINT, signal.SIGTERM)}
    signals.install()
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)
    signals.forgive()


def interrupt_once() -> Callable[[list[Item]], None]:
    """Have the process signalled when the first rows are logged."""
    sent: list[bool] = []

    def send(_: list[Item]) -> None:
        if not sent:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGTERM)

    return send


@pytest.mark.usefixtures("signalled")
def test_a_stop_lets_the_line_finish_what_is_on_the_belt() -> None:
    line, items = run(Limits(seconds=60), log=interrupt_once())
    assert line.ending is Ending.STOPPED
    assert signals.raised() == signal.SIGTERM
    assert [item.number for item in items] == list(range(len(items)))
    assert len(items) > 0
    assert line.dispatch.captured == len(items)


@pytest.mark.usefixtures("signalled")
def test_a_second_stop_ends_it_at_once() -> None:
    """The log takes its time, and the first stop waits for it; the second does not."""

    sent: list[bool] = []

    def slow(items: list[Item]) -> None:
        while len(sent) < 2:
            sent.append(True)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.3)

    with pytest.raises(signals.Stopped):
        run(Limits(seconds=60), log=slow)


@pytest.mark.usefixtures("signalled")
def test_a_stop_whose_exception_was_lost_is_heeded_all_the_same() -> None:
    signals._state.raised = signal.SIGINT
    line, _ = run(Limits(seconds=60))
    assert line.ending is Ending.STOPPED


@pytest.mark.usefixtures("signalled")
def test_stops_are_heeded_within_the_block_alone() -> None:
    heard = []
    with signals.heeding_stops(lambda: heard.append(True)):
        os.kill(os.getpid(), signal.SIGINT)
        assert heard == [True]
        with pytest.raises(signals.Stopped):
            os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(signals.Stopped):
        os.kill(os.getpid(), signal.SIGINT)
    assert heard == [True]


def test_a_feed_that_waits_stops_the_belt_and_is_not_counted_against_the_line() -> None:
    class Drawn(Numbers):
        waits = True
        ahead = True

    belt = Belt(1, 5, 10, 0.5, 0, 0)  # 50 a second, 50 ms for each
    line, items = run(Limits(items=6), feed=Drawn(slow_s=0.06), belt=belt)
    assert states(items) == [State.SORT] * 6
    assert line.troubles.feed_waited_s >= 6 * 0.06 - 5 * 0.02, "20 ms of the 60 would have passed anyway"
    assert items[-1].arrival.due_s >= 6 * 0.06
    assert all(item.captured_s - item.arrival.due_s < 0.04 for item in items)


def test_a_stop_that_was_heeded_is_forgiven() -> None:
    signals._state.raised = signal.SIGINT
    signals.forgive()
    assert signals.raised() is None
