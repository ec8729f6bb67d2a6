"""What the classifier must be expected to take."""

import pytest

from scrapline.line.service import SPREAD, ServiceTimes


def test_nothing_known_is_nothing() -> None:
    assert ServiceTimes().quantile_s(0.99) == 0
    assert ServiceTimes().quantile_s(0.99, 4) == 0


def test_quantiles_of_a_hundred_times() -> None:
    """0.01 to 1.00 s in any order: 99 % do not exceed 0.99, half of them 0.5; rounded up, to be careful."""
    times = ServiceTimes((1, (n * 37 % 100 + 1) / 100) for n in range(100))
    assert times.quantile_s(0.99) == pytest.approx(1.0)
    assert times.quantile_s(0.5) == pytest.approx(0.51)
    assert times.quantile_s(0.0) == pytest.approx(0.01)


def test_only_the_last_two_hundred_count() -> None:
    times = ServiceTimes([(1, 9.0)])
    for _ in range(199):
        times.add(1, 0.1)
    assert times.quantile_s(1.0) == 9.0
    times.add(1, 0.1)
    assert times.quantile_s(1.0) == 0.1


def test_more_frames_are_expected_to_take_as_much_more_until_they_are_known() -> None:
    times = ServiceTimes([(1, 0.01)] * 20)
    assert times.quantile_s(0.99, 3) == pytest.approx(0.03)
    for _ in range(9):
        times.add(3, 0.02)
    assert times.quantile_s(0.99, 3) == pytest.approx(0.03)
    times.add(3, 0.02)
    assert times.quantile_s(0.99, 3) == pytest.approx(0.02)
    times.add(3, 0.05)
    assert times.quantile_s(0.99, 3) == pytest.approx(0.05)


def test_a_spread_frame_is_expected_to_take_what_one_core_takes_until_it_is_known() -> None:
    times = ServiceTimes([(1, 0.01)] * 20 + [(SPREAD, 0.006)] * 9)
    assert times.quantile_s(0.99, SPREAD) == 0.01
    times.add(SPREAD, 0.006)
    assert times.quantile_s(0.99, SPREAD) == 0.006


def test_a_frames_cost_is_its_share_of_the_run_on_one_core() -> None:
    """10 ms alone, and 60 for three: on average 15. What all cores computed says nothing of one."""
    times = ServiceTimes([(1, 0.01), (3, 0.06), (SPREAD, 0.5)])
    assert times.a_frame_s == pytest.approx(0.015)


def test_few_runs_of_several_frames_that_took_long_are_believed() -> None:
    times = ServiceTimes([(1, 0.01), (2, 0.5)])
    assert times.quantile_s(0.99, 2) == 0.5


def test_what_is_added_changes_what_is_expected_of_all_numbers_of_frames() -> None:
    times = ServiceTimes([(1, 0.01)])
    assert times.quantile_s(0.5, 2) == pytest.approx(0.02)
    times.add(1, 0.03)
    assert times.quantile_s(0.5, 2) == pytest.approx(0.06)
