"""The policy, step by step in virtual time: no thread, no clock, no sleeping."""

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scrapline.line.belt import Arrival
from scrapline.line.dispatch import Answer, Dispatch, Item, Policy
from scrapline.line.service import SPREAD, ServiceTimes
from scrapline.line.states import State
from scrapline.runtime.engine import Classification

SURE = Answer(Classification("glass", 0.9, "metal", 0.1, low_confidence=False))
UNREADABLE = Answer(None)
DEADLINE_S = 0.1


def line(
    workers: int = 1,
    queue_frames: int | None = 100,
    service_s: float = 0.01,
    frames_a_run: int = 4,
    *,
    spreads: bool = False,
) -> Dispatch:
    """One whose runs of one frame have always taken the same."""
    policy = Policy(workers, DEADLINE_S, queue_frames, frames_a_run, spreads)
    return Dispatch(policy, ServiceTimes([(1, service_s)] * 100))


def item(number: int, due_s: float = 0.0, *, overlaps: bool = False) -> Item:
    return Item(number, Arrival(number, 0, due_s, overlaps), due_s + DEADLINE_S)


def numbers(items: list[Item]) -> list[int]:
    return [item.number for item in items]


def ends(dispatch: Dispatch) -> dict[int, State]:
    return {item.number: item.end.state for item in dispatch.handed_out() if item.end}


def test_one_item_through_the_line() -> None:
    dispatch = line()
    one = item(0, due_s=1.0)
    dispatch.capture(one, 1.001)
    assert dispatch.take(1.002) == [one]
    assert dispatch.take(1.002) == []
    dispatch.answered([one], [SURE], 1.012)
    assert ends(dispatch) == {0: State.SORT}
    assert (one.captured_s, one.started_s, one.ended_s) == (1.001, 1.002, 1.012)
    assert dispatch.busy_s == pytest.approx(0.01)
    assert dispatch.pending == 0
    assert ends(dispatch) == {}, "each is handed out once"


def test_items_are_handed_out_in_order_and_wait_for_those_before() -> None:
    dispatch = line(workers=2)
    first, second = item(0), item(1)
    dispatch.capture(first, 0)
    dispatch.capture(second, 0)
    assert [dispatch.take(0), dispatch.take(0)] == [[first], [second]]
    dispatch.answered([second], [SURE], 0.01)
    assert ends(dispatch) == {}
    assert dispatch.next_deadline_s == DEADLINE_S
    dispatch.answered([first], [SURE], 0.02)
    assert ends(dispatch) == {0: State.SORT, 1: State.SORT}
    assert dispatch.next_deadline_s is None


def test_what_is_undecided_at_its_deadline_is_late_and_the_answer_comes_for_nothing() -> None:
    dispatch = line()
    one = item(0)
    dispatch.capture(one, 0)
    dispatch.take(0)
    dispatch.expire(DEADLINE_S)
    assert ends(dispatch) == {}, "at the deadline it is still in time"
    dispatch.expire(DEADLINE_S + 1e-9)
    assert ends(dispatch) == {0: State.LATE}
    dispatch.answered([one], [SURE], 0.2)
    assert one.answer is None
    assert dispatch.ended == {State.LATE: 1}
    assert dispatch.busy_s == pytest.approx(0.2), "though it cost the worker's time"


def test_a_run_that_would_end_at_the_deadline_is_begun_and_none_begins_there() -> None:
    """In 64ths of a second: a frame takes 1, a deadline is 8. One was tried at 1, so nothing is tried for its own sake.

    Two frames are given together at 6 and one at 7, both in time by nothing; at 8 there is no time left.
    """
    unit_s = 1 / 64
    for begins, together in ((5, 2), (6, 2), (7, 1), (8, 0)):
        dispatch = Dispatch(Policy(1, 8 * unit_s, 100), ServiceTimes([(1, unit_s)] * 100))
        tried = Item(0, Arrival(0, 0, unit_s), 9 * unit_s)
        dispatch.capture(tried, unit_s)
        dispatch.answered(dispatch.take(unit_s), [SURE], 2 * unit_s)
        for number in (1, 2):
            dispatch.capture(Item(number, Arrival(number, 0, 0.0), 8 * unit_s), 2 * unit_s)
        assert len(dispatch.take(begins * unit_s)) == together
    untried = line()
    untried.capture(item(0), 0)
    assert untried.take(DEADLINE_S) == [], "not even to try whether the line became faster"


def test_runs_and_the_time_of_the_workers_add_up() -> None:
    """One of two workers takes 10 ms for one frame, and then 30 for two together while a third waits."""
    dispatch = line(workers=2)
    for now_s, waiting, frames, seconds in ((1.0, 1, 1, 0.01), (2.0, 3, 2, 0.03)):
        for number in range(waiting):
            dispatch.capture(item(number, now_s), now_s)
        taken = dispatch.take(now_s)
        assert len(taken) == frames
        dispatch.answered(taken, [SURE] * frames, now_s + seconds)
    assert dispatch.runs == 2
    assert dispatch.busy_s == pytest.approx(0.04)
    assert dispatch.service.quantile_s(1.0) == pytest.approx(0.01)
    assert dispatch.service.quantile_s(1.0, 2) == pytest.approx(0.03)


def test_an_answer_at_the_deadline_is_in_time_and_one_after_it_is_not() -> None:
    for seconds, state in ((DEADLINE_S, State.SORT), (DEADLINE_S + 1e-9, State.LATE)):
        dispatch = line()
        dispatch.capture(item(0), 0)
        dispatch.answered(dispatch.take(0), [SURE], seconds)
        assert ends(dispatch) == {0: state}


def test_a_frame_that_cannot_make_it_is_late_without_being_looked_at() -> None:
    """10 ms of work: at 91 ms of 100 it is too late to begin, at 89 it is not. A frame was tried just before."""
    for begins_s, state in ((0.089, None), (0.091, State.LATE)):
        dispatch = line(workers=2)
        dispatch.capture(item(0, 0.05), 0.05)
        dispatch.take(0.05)
        dispatch.capture(item(1, 0.0), 0.0)
        taken = dispatch.take(begins_s)
        assert numbers(taken) == ([] if state else [1])
        assert dispatch.ended[State.LATE] == bool(state)


def test_what_is_in_flight_makes_a_frame_late_at_once() -> None:
    """Its only worker is busy for another 60 ms, and 50 are left."""
    dispatch = line(service_s=0.08)
    dispatch.capture(item(0, 0.0), 0.0)
    dispatch.take(0.0)
    late = item(1, -0.03)
    dispatch.capture(late, 0.02)
    assert late.end is not None
    assert late.end.state is State.LATE
    fresh = item(2, 0.0701)
    dispatch.capture(fresh, 0.0701)
    assert fresh.end is None, "the worker is free at 80 ms, and this one has until 170"


def test_a_full_queue_loses_its_oldest_frame() -> None:
    dispatch = line(queue_frames=2)
    dispatch.capture(item(0), 0)
    dispatch.take(0)
    for number in (1, 2, 3):
        dispatch.capture(item(number), 0.001 * number)
    assert dispatch.ended == {State.DROPPED: 1}
    assert numbers(dispatch.take(0.01)) == [2, 3]


def test_a_dropped_frame_ended_when_the_next_one_took_its_place() -> None:
    dispatch = line(queue_frames=1)
    oldest = item(0)
    dispatch.capture(oldest, 0)
    dispatch.capture(item(1), 0.005)
    assert ends(dispatch) == {0: State.DROPPED}
    assert oldest.ended_s == 0.005


def test_the_queue_holds_what_can_be_worked_off_in_a_deadline() -> None:
    """Two workers, 10 ms a frame, 90 of 100 ms left when the last must begin: 18 frames."""
    assert line(workers=2, queue_frames=None, frames_a_run=1).queue_frames == 18
    assert line(service_s=0.3, queue_frames=None).queue_frames == 1
    assert Dispatch(Policy(3, 1.0), ServiceTimes()).queue_frames == 3, "nothing is known yet"


def test_the_queue_leaves_time_for_a_full_run() -> None:
    """Four frames take 40 ms, so the oldest begins 60 ms after it came; at 30 ms a frame 100 ms are too short for
    two of them, and one leaves 70.
    """
    assert line(workers=2, queue_frames=None).queue_frames == 12
    assert line(workers=2, queue_frames=None, service_s=0.03).queue_frames == 4


def test_a_machine_that_becomes_slow_has_a_shorter_queue_at_once() -> None:
    dispatch = line(workers=2, queue_frames=None, frames_a_run=1)
    for _ in range(25):
        dispatch.service.add(1, 0.02)
    assert dispatch.queue_frames == 8, "20 ms a frame, 80 ms left"


def spreading(workers: int = 2) -> Dispatch:
    """A line that computes one frame in 6 ms with all cores, or in 10 with one."""
    policy = Policy(workers, DEADLINE_S, 100, spreads=True)
    return Dispatch(policy, ServiceTimes([(1, 0.01)] * 100 + [(SPREAD, 0.006)] * 100))


def test_a_frame_that_comes_alone_is_spread_and_all_wait_for_it() -> None:
    dispatch = spreading()
    assert dispatch.idle
    for number in range(4):
        dispatch.capture(item(number), 0)
        if number == 0:
            alone = dispatch.take(0)
            assert numbers(alone) == [0]
            assert alone[0].spread
            assert not dispatch.idle
    assert dispatch.take(0.001) == []
    dispatch.answered(alone, [SURE], 0.006)
    assert dispatch.busy_s == pytest.approx(0.012), "both cores worked"
    first, second = dispatch.take(0.006), dispatch.take(0.006)
    assert (numbers(first), numbers(second)) == ([1, 2], [3])
    assert not any(each.spread for each in first + second)


def test_the_line_is_behind_when_more_waits_than_its_workers_take_next() -> None:
    dispatch = line(workers=2, queue_frames=100)
    for number in range(2):
        dispatch.capture(item(number), 0)
        dispatch.take(0)
    for number in range(2, 2 + 2 * 4):
        dispatch.capture(item(number), 0)
        assert not dispatch.behind
    dispatch.capture(item(99), 0)
    assert dispatch.behind


def test_nothing_is_spread_beside_others() -> None:
    """Nor is it judged as if it were: with 8 ms left, 6 would do and 10 do not."""
    for begins_s, taken in ((0.0, [1]), (0.092, [])):
        dispatch = spreading()
        for number in range(2):
            dispatch.capture(item(number), 0)
        dispatch.take(0)
        beside = dispatch.take(begins_s)
        assert numbers(beside) == taken
        assert not any(one.spread for one in beside), "one waits, and one works"


def test_times_of_spread_frames_are_learnt_apart() -> None:
    dispatch = spreading()
    dispatch.capture(item(0), 0)
    dispatch.answered(dispatch.take(0), [SURE], 0.05)
    assert dispatch.service.quantile_s(1.0, SPREAD) == 0.05
    assert dispatch.service.quantile_s(1.0) == 0.01
    assert dispatch.service.a_frame_s == pytest.approx(0.01)


def test_a_frame_has_until_a_spread_run_would_be_too_late() -> None:
    """6 ms of work: at 93 ms of 100 it can still be spread, at 95 it cannot. A frame was tried just before."""
    for begins_s, made in ((0.093, True), (0.095, False)):
        dispatch = spreading()
        dispatch.capture(item(0, 0.05), 0.05)
        dispatch.answered(dispatch.take(0.05), [SURE], 0.056)
        late = item(1, 0.0)
        dispatch.capture(late, begins_s)
        assert (late.end is None) == made
        assert numbers(dispatch.take(begins_s)) == [1] * made


def test_a_frame_for_which_a_spread_run_would_be_too_late_is_computed_by_one_core() -> None:
    """One of the spread runs took 72 ms, as a machine that stalls makes it; 64 are left, and one core takes 10."""
    dispatch = Dispatch(Policy(1, DEADLINE_S, 1, spreads=True), ServiceTimes([(1, 0.01)] * 100))
    dispatch.capture(item(0), 0)
    dispatch.answered(dispatch.take(0), [SURE], 0.072)
    late = item(1, 0.036)
    dispatch.capture(late, 0.072)
    assert dispatch.take(0.072) == [late]
    assert not late.spread


def test_what_comes_during_a_spread_run_waits_for_its_end() -> None:
    """It ends at 6 ms, and one core takes 10: with 15 ms left that is too late, with 17 not."""
    for left_s, made in ((0.015, False), (0.017, True)):
        dispatch = spreading()
        dispatch.capture(item(0, 0.0), 0.0)
        dispatch.take(0.0)
        second = item(1, left_s - DEADLINE_S)
        dispatch.capture(second, 0.0)
        assert (second.end is None) == made


def test_a_worker_takes_its_share_of_what_waits_and_no_more_than_is_in_time() -> None:
    def taken(waiting: int, workers: int, now_s: float = 0.0, frames_a_run: int = 4) -> int:
        dispatch = line(workers, frames_a_run=frames_a_run)
        for number in range(waiting):
            dispatch.capture(item(number), 0)
        return len(dispatch.take(now_s))

    assert [taken(n, 1) for n in range(7)] == [0, 1, 2, 3, 4, 4, 4]
    assert [taken(n, 2) for n in range(7)] == [0, 1, 1, 2, 2, 3, 3]
    assert taken(6, 1, frames_a_run=2) == 2
    assert [taken(4, 1, now_s) for now_s in (0.059, 0.061, 0.071, 0.081)] == [4, 3, 2, 1], "10 ms more for each"


def test_unreadable_frames_end_as_such_beside_others() -> None:
    dispatch = line()
    for number in range(2):
        dispatch.capture(item(number), 0)
    dispatch.answered(dispatch.take(0), [UNREADABLE, SURE], 0.01)
    assert ends(dispatch) == {0: State.UNREADABLE, 1: State.SORT}


def test_items_that_overlap_are_never_looked_at() -> None:
    dispatch = line()
    dispatch.capture(item(0, overlaps=True), 0)
    assert dispatch.take(0) == []
    assert ends(dispatch) == {0: State.OVERLAP}
    dispatch.capture(item(1, -0.2, overlaps=True), 0)
    assert ends(dispatch) == {1: State.LATE}, "the camera stalled: it had passed by then"


def test_a_worker_that_fails_loses_its_item() -> None:
    dispatch = line()
    for number in range(2):
        dispatch.capture(item(number), 0)
    dispatch.capture(item(2), 0)
    taken = dispatch.take(0)
    assert numbers(taken) == [0, 1, 2]
    dispatch.failed(taken, 0.01)
    assert dispatch.ended == {}, "of several nobody knows which it was"
    for number, fails in enumerate((False, True, False)):
        alone = dispatch.take(0.01)
        assert numbers(alone) == [number]
        if fails:
            dispatch.failed(alone, 0.02)
        else:
            dispatch.answered(alone, [SURE], 0.02)
    assert ends(dispatch) == {0: State.SORT, 1: State.LATE, 2: State.SORT}
    assert dispatch.pending == 0


def test_frames_tried_alone_do_not_hold_up_the_others() -> None:
    dispatch = line()
    for number in range(2):
        dispatch.capture(item(number), 0)
    dispatch.failed(dispatch.take(0), 0.001)
    for number in (2, 3):
        dispatch.capture(item(number), 0.002)
    assert [numbers(dispatch.take(0.01)) for _ in range(3)] == [[0], [1], [2, 3]]


def test_the_time_of_a_worker_that_failed_teaches_nothing() -> None:
    dispatch = line()
    dispatch.capture(item(0), 0)
    dispatch.failed(dispatch.take(0), 5.0)
    assert dispatch.service.quantile_s(1.0) == 0.01


def test_a_line_that_has_become_too_slow_tries_one_frame_in_a_deadline() -> None:
    """Every run took 300 ms of 100: without a try nobody would see that it is quick again."""
    dispatch = line(service_s=0.3)
    tried = []
    for number in range(100):
        now_s = number * 0.01
        dispatch.capture(item(number, now_s), now_s)
        if items := dispatch.take(now_s):
            tried.append(number)
            dispatch.answered(items, [SURE], now_s + 0.001)
    assert tried[:3] == [0, 10, 20]
    assert dispatch.ended[State.SORT] == len(tried)


def test_one_long_run_among_many_does_not_end_the_line() -> None:
    """A stall longer than a deadline is the 99th percentile of 50 runs; the usual run counts then."""
    dispatch = Dispatch(Policy(1, DEADLINE_S, 10), ServiceTimes([(1, 0.01)] * 49 + [(1, 3.0)]))
    for number in range(5):
        dispatch.capture(item(number, number * 0.02), number * 0.02)
        dispatch.answered(dispatch.take(number * 0.02), [SURE], number * 0.02 + 0.01)
    assert dispatch.ended == {State.SORT: 5}


def test_runs_that_take_too_long_now_and_then_are_expected_to_take_what_their_like_usually_do() -> None:
    """Of eleven runs of three frames ten took 20 ms and one half a second; one of a single frame takes 10 ms."""
    times = ServiceTimes([(1, 0.01)] * 20 + [(3, 0.02)] * 10 + [(3, 0.5)])
    dispatch = Dispatch(Policy(1, DEADLINE_S), times)
    assert (dispatch.expected_s(3), dispatch.expected_s(1), dispatch.expected_s()) == (0.02, 0.01, 0.01)


@dataclass
class Schedule:
    """Anything that may happen to a line, drawn step by step; the checks hold after each."""

    dispatch: Dispatch
    now_s: float = 0.0
    made: list[Item] = field(default_factory=list)
    working: list[list[Item]] = field(default_factory=list)
    out: list[Item] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)

    def step(self, what: str, draw: int) -> None:
        self.now_s += draw % 7 * 0.009
        before = {one.number for one in self.made if one.end is not None}
        expected_s, waiting = self.dispatch.expected_s(), self.waiting()
        busy = len(self.working) == self.dispatch.policy.workers or self.spreading()
        assert self.dispatch.idle == (not busy)
        self.happen(what, draw)
        for one in self.made:
            if one.number not in before and one.end is not None and one.number not in self.lost:
                self.judge(one, one.end.state, max(expected_s, self.dispatch.expected_s()), waiting, busy)
        self.out += self.dispatch.handed_out()
        self.check()

    def waiting(self) -> int:
        working = {one.number for items in self.working for one in items}
        return sum(one.end is None and one.number not in working for one in self.made)

    def spreading(self) -> bool:
        return any(items[0].spread for items in self.working)

    def judge(self, one: Item, state: State, expected_s: float, waiting: int, busy: bool) -> None:
        """What is given up must have had no chance: no time left, or no place in the queue."""
        if state is State.LATE and one.answer is None:
            assert busy or self.now_s + expected_s > one.deadline_s - 1e-9
        if state is State.DROPPED:
            assert waiting + 1 > self.dispatch.queue_frames

    def happen(self, what: str, draw: int) -> None:
        match what:
            case "capture":
                stalled_s = 0.2 if draw % 11 == 0 else 0.0
                self.made.append(item(len(self.made), self.now_s - stalled_s, overlaps=draw % 5 == 0))
                self.dispatch.capture(self.made[-1], self.now_s)
            case "take" if len(self.working) < self.dispatch.policy.workers:
                spreading, others = self.spreading(), self.waiting()
                if taken := self.dispatch.take(self.now_s):
                    assert not spreading, "they have to wait"
                    assert all(one.end is None for one in taken)
                    lonely = self.dispatch.policy.spreads and not self.working and others == 1
                    in_time = self.now_s + self.dispatch.expected_s(SPREAD) <= taken[0].deadline_s
                    assert taken[0].spread == lonely or (lonely and not in_time)
                    self.working.append(taken)
            case "answer" if self.working:
                items = self.working.pop(draw % len(self.working))
                answers = [UNREADABLE if (draw + at) % 4 == 0 else SURE for at in range(len(items))]
                self.unreadable |= {one.number for one, said in zip(items, answers, strict=True) if said is UNREADABLE}
                self.dispatch.answered(items, answers, self.now_s)
            case "fail" if self.working:
                items = self.working.pop(draw % len(self.working))
                self.lost |= {items[0].number} if len(items) == 1 else set()
                self.dispatch.failed(items, self.now_s)
            case "expire":
                self.dispatch.expire(self.now_s)

    def check(self) -> None:
        dispatch = self.dispatch
        assert dispatch.captured == len(self.made)
        assert dispatch.captured == dispatch.ended.total() + dispatch.pending
        assert Counter(one.end.state for one in self.made if one.end) == dispatch.ended
        assert [one.number for one in self.out] == list(range(len(self.out)))
        assert all(one.end is not None for one in self.out)
        for one in self.out:
            assert one.end is not None
            if one.end.state is State.UNREADABLE:
                assert one.number in self.unreadable
            if one.end.state is State.SORT:
                assert one.answer is SURE
                assert one.ended_s <= one.deadline_s
                assert not one.arrival.overlaps
                assert one.number not in self.lost
            if one.end.state is State.OVERLAP:
                assert one.arrival.overlaps


@given(
    st.integers(1, 3),
    st.sampled_from([1, 3, None]),
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(["capture", "capture", "take", "answer", "fail", "expire"]), st.integers(0, 999))
    ),
)
@example(1, 1, True, [("capture", 1), ("take", 0), ("capture", 18), ("capture", 25), ("answer", 0), ("take", 0)])
@settings(deadline=None, max_examples=400)
def test_every_item_ends_in_exactly_one_state_whatever_happens(
    workers: int, queue_frames: int | None, spreads: bool, steps: list[tuple[str, int]]
) -> None:
    schedule = Schedule(line(workers, queue_frames, spreads=spreads))
    for what, draw in steps:
        schedule.step(what, draw)
    schedule.dispatch.expire(float("inf"))
    schedule.out += schedule.dispatch.handed_out()
    schedule.check()
    assert len(schedule.out) == len(schedule.made)
    assert schedule.dispatch.pending == 0
