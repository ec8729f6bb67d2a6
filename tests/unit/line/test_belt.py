"""When items come and how long there is for each, against hand calculations and the law of a Poisson process."""

import re
from dataclasses import asdict
from itertools import islice, pairwise

import numpy as np
import pytest
from scipy import stats

from scrapline.line.belt import Arrival, Arrivals, Belt, arrivals, belt_of
from scrapline.params import Simulate
from scrapline.system.errors import ScraplineError

BELT = Belt(lanes=4, items_per_m=5, belt_m_per_s=2.5, camera_to_ejector_m=0.75, actuation_lead_ms=50, ejector_m=0.02)


def first(count: int, belt: Belt = BELT, kind: Arrivals = Arrivals.CONSTANT, seed: int = 0) -> list[Arrival]:
    return list(islice(arrivals(belt, kind, seed), count))


def test_each_measure_of_the_belt_is_the_one_in_the_params() -> None:
    measures = {
        "lanes": 3,
        "items_per_m": 7.0,
        "belt_m_per_s": 1.5,
        "camera_to_ejector_m": 0.9,
        "actuation_lead_ms": 40.0,
        "ejector_m": 0.03,
    }
    assert asdict(belt_of(Simulate.model_validate(measures))) == measures


def test_rate_and_deadline_follow_from_the_belt() -> None:
    assert BELT.items_per_s == 4 * 5 * 2.5
    assert BELT.deadline_ms == pytest.approx(0.75 / 2.5 * 1000 - 50)


def test_a_rate_that_is_asked_for_moves_the_belt_and_the_deadline_with_it() -> None:
    faster = BELT.at(100)
    assert faster.belt_m_per_s == 5
    assert faster.deadline_ms == pytest.approx(0.75 / 5 * 1000 - 50)
    assert (faster.lanes, faster.items_per_m) == (4, 5)


def test_no_time_between_camera_and_ejector_is_said() -> None:
    """3 m at 1.5 m/s take 2 s; at a speed of 15 m/s, 0.75 m take 50 ms."""
    BELT.at(299).check()
    with pytest.raises(ScraplineError, match=r"at 15 m/s an item passes the ejector 50 ms after"):
        BELT.at(300).check()
    said = (
        "at 1.5 m/s an item passes the ejector 2000 ms after the camera, and the ejector needs 2000: slow the belt, "
        "add lanes, or move the camera (simulate.camera_to_ejector_m)"
    )
    with pytest.raises(ScraplineError, match=f"^{re.escape(said)}$"):
        Belt(4, 5, 1.5, 3.0, 2000, 0.02).check()


def test_constant_items_come_evenly_over_all_lanes() -> None:
    items = first(9)
    assert [item.number for item in items] == list(range(9))
    assert [item.lane for item in items] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert [item.due_s for item in items] == pytest.approx([n / 50 for n in range(9)])
    assert not any(item.overlaps for item in items)


@pytest.mark.parametrize(("ejector_m", "overlap"), [(0.199, False), (0.2, False), (0.201, True)])
def test_constant_items_overlap_where_the_ejector_is_longer_than_their_distance(
    ejector_m: float, overlap: bool
) -> None:
    """Five a metre are 0.2 m apart."""
    belt = Belt(4, 5, 2.5, 0.75, 50, ejector_m)
    assert {item.overlaps for item in first(40, belt)} == {overlap}
    assert belt.parted("constant") == (not overlap)


def test_poisson_items_are_a_poisson_process_on_each_lane() -> None:
    items = first(40_000, kind=Arrivals.POISSON)
    for lane in range(4):
        gaps = np.diff([item.due_s for item in items if item.lane == lane])
        assert stats.kstest(gaps, "expon", args=(0, 1 / 12.5)).pvalue > 1e-4
    assert [item.number for item in items] == list(range(40_000))
    assert all(left.due_s <= right.due_s for left, right in pairwise(items))


def test_poisson_overlaps_are_those_of_a_look_at_every_pair() -> None:
    items = first(3000, kind=Arrivals.POISSON, seed=3)[:2900]
    due = {lane: [item for item in items if item.lane == lane] for lane in range(4)}
    for on_lane in due.values():
        for before, item, after in zip(on_lane, on_lane[1:], on_lane[2:], strict=False):
            near = min(item.due_s - before.due_s, after.due_s - item.due_s) * 2.5 < 0.02
            assert item.overlaps == near
    share = np.mean([item.overlaps for item in items])
    assert share == pytest.approx(1 - BELT.parted("poisson"), abs=0.04)
    assert BELT.parted("poisson") == pytest.approx(np.exp(-0.2))


@pytest.mark.parametrize("kind", [*Arrivals])
def test_an_ejector_without_length_parts_all_items(kind: Arrivals) -> None:
    items = first(100, Belt(1, 5, 2.5, 0.75, 50, 0.0), kind)
    assert [item.number for item in items] == list(range(100))
    assert not any(item.overlaps for item in items)


def test_an_item_comes_once_it_is_known_whether_the_next_overlaps_it() -> None:
    """What was told of each as it came still holds when all have come."""
    told = [(item, item.overlaps) for item in islice(arrivals(BELT, Arrivals.POISSON, 3), 3000)]
    assert [at_once for _, at_once in told] == [item.overlaps for item, _ in told]
    assert any(at_once for _, at_once in told)


def test_the_first_poisson_item_is_waited_for_as_long_as_any_other() -> None:
    waits = [first(1, kind=Arrivals.POISSON, seed=seed)[0].due_s for seed in range(300)]
    assert stats.kstest(waits, "expon", args=(0, 1 / 50)).pvalue > 1e-4


def test_arrivals_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert first(50, kind=Arrivals.POISSON, seed=5) == first(50, kind=Arrivals.POISSON, seed=5)
    assert first(50, kind=Arrivals.POISSON, seed=5) != first(50, kind=Arrivals.POISSON, seed=6)
