"""The twin, against the formulas of queueing theory, which know nothing of it."""

import math

import numpy as np
import pytest

from scrapline.line.belt import Arrivals, Belt
from scrapline.line.capacity import MOST_LOST, Plant, fastest
from scrapline.line.dispatch import Policy
from scrapline.line.service import SPREAD
from scrapline.line.states import State
from scrapline.line.twin import Played, Services, play

PATIENT = 1e6  # seconds: nothing is ever late


def belt(items_per_s: float, deadline_s: float = PATIENT, *, lanes: int = 1, ejector_m: float = 0.0) -> Belt:
    return Belt(lanes, items_per_s / lanes, 1.0, deadline_s, 0.0, ejector_m)


def one_by_one(workers: int, deadline_s: float = PATIENT, queue_frames: int | None = 10**9) -> Policy:
    return Policy(workers, deadline_s, queue_frames, frames_a_run=1)


def mean_latency_s(played: Played) -> float:
    """From the histogram's quantiles, each in the middle of its hundredth."""
    quantiles = [played.quantile_ms((n + 0.5) / 1000) for n in range(1000)]
    return float(np.mean([value for value in quantiles if value is not None])) / 1000


def test_one_worker_that_always_takes_the_same_is_an_m_d_1_queue() -> None:
    """Mean wait: rho s / 2 (1 - rho) (Pollaczek and Khinchine)."""
    played = play(belt(70), Arrivals.POISSON, one_by_one(1), [Services({1: [0.01]})], seconds=1000, seed=1)
    assert played.items == pytest.approx(70_000, rel=0.02)
    assert mean_latency_s(played) == pytest.approx(0.01 + 0.7 * 0.01 / (2 * 0.3), rel=0.05)


@pytest.mark.slow
def test_two_workers_with_exponential_times_are_an_m_m_2_queue() -> None:
    """Mean wait by Erlang's C formula."""
    took = np.random.default_rng(5).permutation(-0.01 * np.log1p(-(np.arange(20_000) + 0.5) / 20_000))
    offered, rho = 1.4, 0.7
    waits = offered**2 / (2 * (1 - rho))
    waits /= 1 + offered + waits
    played = play(belt(140), Arrivals.POISSON, one_by_one(2), [Services({1: took.tolist()})], seconds=500, seed=2)
    assert mean_latency_s(played) == pytest.approx(0.01 + waits * 0.01 / (2 * (1 - rho)), rel=0.06)


def test_one_place_to_wait_is_an_m_d_1_2_queue_whose_losses_are_known() -> None:
    """M/D/1 with room for two in all: of an offered load a, lost is (e^-a + a - 1) / (a + e^-a) (Brun and Garcia)."""
    load = 0.8
    lost = (math.exp(-load) + load - 1) / (load + math.exp(-load))
    played = play(
        belt(80), Arrivals.POISSON, one_by_one(1, queue_frames=1), [Services({1: [0.01]})], seconds=1000, seed=3
    )
    assert played.states[State.DROPPED] / played.items == pytest.approx(lost, rel=0.05)
    assert played.states[State.LATE] == 0


def test_a_constant_belt_below_capacity_has_no_queue() -> None:
    played = play(belt(99), Arrivals.CONSTANT, one_by_one(1), [Services({1: [0.01]})], seconds=100, seed=0)
    assert played.states == {State.SORT: 9900}
    assert (played.quantile_ms(0.0), played.latency_ms.max) == (pytest.approx(10, rel=0.002), pytest.approx(10))


@pytest.mark.parametrize("overload", [1.05, 1.5, 3.0])
def test_under_overload_what_is_sorted_is_what_the_workers_can_do(overload: float) -> None:
    """Two workers at 10 ms a frame: 200 a second, however many come."""
    services = [Services({n: [0.01 * n] for n in range(1, 5)})]
    played = play(belt(200 * overload, 0.25), Arrivals.CONSTANT, Policy(2, 0.25), services, seconds=20, seed=0)
    assert played.states[State.SORT] == pytest.approx(200 * 20.25, rel=0.01)  # the last deadline is worked off, too
    assert played.latency_ms.max <= 250


def test_frames_that_go_together_make_more_of_the_time() -> None:
    """Four take 20 ms, one takes 10: alone 100 a second, together 200."""
    services = [Services({1: [0.010], 2: [0.0133], 3: [0.0167], 4: [0.020]})]
    played = play(belt(195, 0.25), Arrivals.CONSTANT, Policy(1, 0.25), services, seconds=20, seed=0)
    assert played.lost < 0.01
    alone = play(belt(195, 0.25), Arrivals.CONSTANT, one_by_one(1, 0.25, None), services, seconds=20, seed=0)
    assert alone.lost == pytest.approx(95 / 195, abs=0.01)


def test_a_camera_that_comes_late_costs_latency() -> None:
    services = [Services({1: [0.01]}, camera_s=[0.003], busy_camera_s=[0.001])]
    played = play(belt(50), Arrivals.CONSTANT, one_by_one(1), services, seconds=10, seed=0)
    assert played.quantile_ms(0.5) == pytest.approx(13, rel=0.002)


def test_a_camera_is_as_late_as_it_is_while_all_work() -> None:
    """7 ms a frame, items every 6.5 ms: the second is due while the worker works, captured at 8.5, and done at 15.5."""
    services = [Services({1: [0.007]}, camera_s=[0.0], busy_camera_s=[0.002])]
    played = play(belt(1 / 0.0065), Arrivals.CONSTANT, one_by_one(1), services, seconds=0.007, seed=0)
    assert played.items == 2
    assert played.quantile_ms(0.0) == pytest.approx(7, rel=0.002)
    assert played.latency_ms.max == pytest.approx(9)


def test_items_that_overlap_are_counted_and_not_classified() -> None:
    found = belt(50, lanes=2, ejector_m=0.01)
    played = play(found, Arrivals.POISSON, one_by_one(2), [Services({1: [0.001]})], seconds=400, seed=4)
    assert played.states[State.OVERLAP] / played.items == pytest.approx(1 - math.exp(-2 * 25 * 0.01), abs=0.02)
    assert played.states[State.OVERLAP] + played.states[State.SORT] == played.items


def test_the_same_seed_plays_the_same() -> None:
    services = [Services({1: [0.004, 0.012]})]
    one, same, other = (
        play(belt(150, 0.05), Arrivals.POISSON, Policy(1, 0.05, frames_a_run=1), services, seconds=20, seed=seed)
        for seed in (7, 7, 8)
    )
    assert (one.states, one.quantile_ms(0.9)) == (same.states, same.quantile_ms(0.9))
    assert (one.states, one.quantile_ms(0.9)) != (other.states, other.quantile_ms(0.9))


def test_what_was_slow_in_a_row_is_slow_in_a_row() -> None:
    """A tenth of the runs take 30 ms instead of 4. In a row they hold a belt of 100 a second up; one by one hardly."""
    slow, quick = [0.03] * 100, [0.004] * 900
    mixed = [0.03, *[0.004] * 9] * 100
    lost = [
        play(belt(100, 0.1), Arrivals.CONSTANT, one_by_one(1, 0.1, None), [Services({1: times})], seconds=300, seed=0)
        for times in (quick + slow, mixed)
    ]
    assert lost[0].lost > 0.1
    assert lost[1].lost == 0


def test_a_slow_round_is_slow_for_ten_seconds() -> None:
    """Half of the time 5 ms, half of it 20: of 100 a second the slow half loses half."""
    rounds = [Services({1: [0.005]}), Services({1: [0.02]})]
    played = play(belt(100, 0.1), Arrivals.CONSTANT, one_by_one(1, 0.1, None), rounds, seconds=4000, seed=0)
    assert played.lost == pytest.approx(0.25, abs=0.04)
    assert played.quantile_ms(0.4) == pytest.approx(5, rel=0.01)


def test_a_frame_that_finds_the_line_empty_is_computed_by_all_cores() -> None:
    """6 ms spread, 10 on one core: a regular belt of 100 a second is never more than one frame behind."""
    services = [Services({SPREAD: [0.006], 1: [0.01], 2: [0.02], 3: [0.03], 4: [0.04]})]
    policy = Policy(2, PATIENT, 10**9, spreads=True)
    played = play(belt(100), Arrivals.CONSTANT, policy, services, seconds=20, seed=0)
    assert played.latency_ms.max == pytest.approx(6)
    crowded = play(belt(190), Arrivals.CONSTANT, policy, services, seconds=20, seed=0)
    assert crowded.states == {State.SORT: 3800}
    assert crowded.latency_ms.max < 30, "190 a second are more than one after another can be spread"


def plant(
    services: list[Services], *, camera_to_ejector_m: float = 2.0, lead_ms: float = 0.0, workers: int = 2
) -> Plant:
    found = Belt(4, 5, 1.0, camera_to_ejector_m, lead_ms, 0.0)
    return Plant(found, Arrivals.CONSTANT, Policy(workers, 1.0, None, 1), services, seed=0)


def test_the_fastest_belt_is_what_the_workers_can_do() -> None:
    """Two workers, 10 ms a frame: 200 a second, with a tenth of a second for each."""
    found = fastest(plant([Services({1: [0.01]})]), seconds=40, kept_s=40)
    assert found == pytest.approx(200, rel=0.02)


def test_the_fastest_belt_leaves_time_for_the_work() -> None:
    """10 ms of work and 40 ms of lead on 1 m: at 20 m/s, 400 items a second, 10 ms are left; four workers would do."""
    found = fastest(plant([Services({1: [0.01]})], camera_to_ejector_m=1.0, lead_ms=40, workers=8), seconds=5, kept_s=5)
    assert found == pytest.approx(400, rel=0.02)


def test_the_fastest_belt_keeps_it_for_the_longer_time_too() -> None:
    """One minute in twenty is slower by a tenth; the short runs of the search do not meet it, the long one does."""
    found = plant([Services({1: [0.1]})] * 19 + [Services({1: [0.11]})], camera_to_ejector_m=2.0)
    short, kept = fastest(found, seconds=20, kept_s=1), fastest(found, seconds=20, kept_s=1000)
    assert found.at(short, 1000).lost > MOST_LOST >= found.at(kept, 1000).lost
    assert 2 / 0.11 * 0.97 < kept < short


@pytest.mark.slow
def test_at_most_a_thousandth_is_lost_at_the_speed_that_is_named() -> None:
    rng = np.random.default_rng(0)
    found = plant([Services({1: rng.gamma(8, 0.01 / 8, 3000).tolist()})], camera_to_ejector_m=0.5)
    rate = fastest(found, seconds=30, kept_s=30)
    assert found.at(rate, 30).lost <= MOST_LOST < found.at(rate * 1.02, 30).lost
