"""When items come and how long there is for each, against hand calculations and the law of a Poisson process."""

from itertools import islice, pairwise

import numpy as np
import pytest
from scipy import stats

from scrapline.line.belt import Arrival, Arrivals, Belt, arrivals
from scrapline.system.errors import ScraplineError

BELT = Belt(lanes=4, items_per_m=5, belt_m_per_s=2.5, camera_to_ejector_m=0.75, actuation_lead_ms=50, ejector_m=0.02)


def first(count: int, belt: Belt = BELT, kind: Arrivals = Arrivals.CONSTANT, seed: int = 0) -> list[Arrival]:
    return list(islice(arrivals(belt, kind, seed), count))


def test_rate_and_deadline_follow_from_the_belt() -> None:
    assert BELT.items_per_s == 4 * 5 * 2.5
    assert BELT.deadline_ms == pytest.approx(0.75 / 2.5 * 1000 - 50)


def test_a_rate_that_is_asked_for_moves_the_belt_and_the_deadline_with_it() -> None:
    faster = BELT.at(100)
    assert faster.belt_m_per_s == 5
    assert faster.deadline_ms == pytest.approx(0.75 / 5 * 1000 - 50)
    assert (faster.lanes, faster.items_per_m) == (4, 5)


def test_no_time_between_camera_and_ejector_is_said() -> None:
    BELT.at(299).check()
    with pytest.raises(
        ScraplineError, match=r"at 15 m/s an item passes the ejector 50 ms after the camera.* needs 50:"
    ):
        BELT.at(300).check()


def test_constant_items_come_evenly_over_all_lanes() -> None:
    items = first(9)
    assert [item.number for item in items] == list(range(9))
    assert [item.lane for item in items] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert [item.due_s for item in items] == pytest.approx([n / 50 for n in range(9)])
    assert not any(item.overlaps for item in items)


@pytest.mark.parametrize(("ejector_m", "overlap"), [(0.199, False), (0.201, True)])
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


def test_arrivals_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert first(50, kind=Arrivals.POISSON, seed=5) == first(50, kind=Arrivals.POISSON, seed=5)
    assert first(50, kind=Arrivals.POISSON, seed=5) != first(50, kind=Arrivals.POISSON, seed=6)
