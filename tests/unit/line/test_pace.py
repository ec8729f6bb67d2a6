"""Waiting for an item, on a clock that a test sets."""

import threading

import pytest

from scrapline.line import pace
from scrapline.line.pace import Need, Pace


class Clock(threading.Event):
    """Sleeps `over_s` longer than it is asked to, and looks at the time in steps of a hundredth of a millisecond."""

    def __init__(self, over_s: float) -> None:
        super().__init__()
        self.time_s, self.over_s = 0.0, over_s
        self.looks = 0

    def now_s(self) -> float:
        self.looks += 1
        self.time_s += 1e-5
        return self.time_s

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        assert timeout > 0
        self.time_s += timeout + self.over_s
        return self.is_set()


def test_it_learns_to_wake_earlier_and_stays_awake_for_the_rest() -> None:
    clock = Clock(over_s=0.0002)
    waiting = Pace(clock.now_s, clock, lambda: Need.EXACT)
    behind = []
    for item in range(1, 101):
        assert waiting.reached(item * 0.02)
        behind.append(clock.time_s - item * 0.02)
    assert behind[0] == pytest.approx(0.0002, abs=5e-5)
    assert max(behind[60:]) < 5e-5
    assert min(behind) >= 0, "never before its time"
    assert waiting.early_s == pytest.approx(0.0002, abs=5e-5)


def test_it_never_stays_awake_for_long() -> None:
    clock = Clock(over_s=0.05)
    waiting = Pace(clock.now_s, clock, lambda: Need.EXACT)
    for item in range(1, 101):
        clock.looks = 0
        waiting.reached(item * 0.1)
        assert clock.looks < 50
    assert waiting.early_s <= pace._MOST_EARLY_S


def test_what_is_due_already_is_not_waited_for() -> None:
    clock = Clock(0.0)
    clock.time_s = 5.0
    assert Pace(clock.now_s, clock, lambda: Need.EXACT).reached(4.0)
    assert clock.time_s < 5.001


def test_a_stop_ends_the_wait() -> None:
    clock = Clock(0.0)
    clock.set()
    assert not Pace(clock.now_s, clock, lambda: Need.EXACT).reached(1.0)
    assert not Pace(clock.now_s, clock, lambda: Need.EXACT).reached(-1.0)


def wakings(need: Need, gap_s: float) -> tuple[int, list[float]]:
    """How often it sleeps for a hundred items so far apart, and how long after its time each is reached."""
    clock = Clock(over_s=0.0002)
    waiting, slept, behind = Pace(clock.now_s, clock, lambda: need), 0, []
    for item in range(1, 101):
        clock.looks = 0
        began_s = clock.time_s
        assert waiting.reached(item * gap_s)
        slept += clock.time_s - began_s > 5e-5
        behind.append(clock.time_s - item * gap_s)
        assert clock.looks <= 2, "awake for 0.2 ms it would look twenty times"
    assert min(behind) >= 0
    return slept, behind


def test_where_all_work_it_sleeps_once_for_an_item() -> None:
    slept, behind = wakings(Need.SOON, gap_s=0.02)
    assert slept == 100
    assert max(behind) < 0.0003


def test_where_all_have_to_wait_it_wakes_once_for_several() -> None:
    slept, behind = wakings(Need.ANY, gap_s=0.001)
    assert slept == 20, "one in its time, and four in the 4.2 ms after it"
    assert max(behind) == pytest.approx(0.0042, abs=1e-4)


def test_it_lets_others_go_first_only_where_somebody_begins() -> None:
    for need, slept_s in ((Need.EXACT, 0.001), (Need.SOON, 0.0), (Need.ANY, 0.0)):
        clock = Clock(over_s=0.0)
        Pace(clock.now_s, clock, lambda need=need: need).let_others(1.0)  # type: ignore[misc]
        assert clock.time_s == pytest.approx(slept_s, abs=5e-5)
