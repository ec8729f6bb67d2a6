"""The figures of a run, against rows counted by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from scrapline.line.figures import Figures
from scrapline.line.over_time import OverTime
from scrapline.line.row import Row
from scrapline.line.states import State
from scrapline.measures import intervals
from unit.line.rows import late, row

UNSURE = {"action": State.REVIEW, "bin": "manual_review", "confidence": 0.5}


def figures(*rows: Row) -> Figures:
    made = Figures(["glass", "metal"], 100.0)
    for one in rows:
        made.add(one)
    return made


def test_states_are_counted_with_their_share() -> None:
    found = figures(row(0), row(1), row(2, **UNSURE), late(3)).metrics()
    assert found["items"] == 4
    assert found["states"]["sort"] == {"items": 2, "share": 0.5}
    assert found["states"]["late"] == {"items": 1, "share": 0.25}
    assert found["states"]["dropped"] == {"items": 0, "share": 0.0}
    assert list(found["states"]) == [*State]


def test_purity_and_recovery_count_each_photo_once_for_their_interval() -> None:
    """In the glass bin: photo a of glass three times, photo b of metal once; c of glass went to a person."""
    found = figures(
        *(row(number, frame="a", group="a") for number in range(3)),
        row(3, frame="b", group="b", true_class="metal"),
        row(4, frame="c", group="c", **UNSURE),
    ).metrics()
    purity, recovery = found["bins"]["glass"]["purity"], found["bins"]["glass"]["recovery"]
    assert (purity["rate"], purity["items"], purity["photos"], purity["groups"]) == (0.75, 4, 2, 2)
    assert (recovery["rate"], recovery["items"], recovery["photos"]) == (0.75, 4, 2)
    wide = intervals.wilson_by_group([True, True, True, False], ["a", "a", "a", "b"])  # type: ignore[arg-type]
    assert (purity["ci95_low"], purity["ci95_high"]) == pytest.approx((wide.low, wide.high), abs=1e-6)
    assert found["bins"]["metal"]["purity"] == {
        "rate": None,
        "items": 0,
        "photos": 0,
        "groups": 0,
        "ci95_low": None,
        "ci95_high": None,
    }
    assert found["bins"]["metal"]["recovery"]["rate"] == 0.0


def test_photos_of_one_group_are_less_evidence_and_fresh_frames_are_all_evidence() -> None:
    together = figures(*(row(n, frame=str(n), group="one object") for n in range(8))).metrics()["bins"]["glass"]
    fresh = figures(*(row(n, frame=str(n), group="") for n in range(8))).metrics()["bins"]["glass"]
    assert (together["purity"]["photos"], together["purity"]["groups"]) == (8, 1)
    assert (fresh["purity"]["photos"], fresh["purity"]["groups"]) == (8, 8)
    assert fresh["purity"]["ci95_low"] == pytest.approx(intervals.wilson(8, 8).low, abs=1e-6)
    assert together["purity"]["ci95_low"] == pytest.approx(intervals.wilson(1, 1).low, abs=1e-6)


def test_what_nobody_knows_is_left_out() -> None:
    found = figures(row(0, true_class=""), row(1, true_class="", **UNSURE)).metrics()
    assert (found["bins"], found["recognised"]) == (None, None)
    assert found["to_a_person"]["rate"] == 0.5


def test_lost_items_count_against_recovery_and_not_against_purity() -> None:
    found = figures(row(0, frame="a", group="a"), late(1, frame="b", group="b")).metrics()
    assert found["bins"]["glass"]["purity"]["rate"] == 1.0
    assert found["bins"]["glass"]["recovery"]["rate"] == 0.5
    assert found["recognised"]["items"] == 1


def test_a_material_without_a_bin_makes_other_bins_impure() -> None:
    made = figures(row(0, true_class="wood", frame="w", group="w"), row(1))
    assert made.metrics()["bins"]["glass"]["purity"]["rate"] == 0.5
    assert made.contents == {("glass", "wood"): 1, ("glass", "glass"): 1}
    assert made.came("wood") == 1


def test_latencies_are_those_of_what_was_decided_and_lost_items_took_longer_than_all() -> None:
    """1 to 99 ms and one late item: the 99th percentile is 99, the longest decided; with two late it is unknown."""
    rows = [row(n, total_ms=float(n + 1), queue_ms=float(n), preprocess_ms=0.5, inference_ms=0.25) for n in range(99)]
    found = figures(*rows, late(99)).metrics()["latency_ms"]
    assert (found["items"], found["late_or_dropped"]) == (100, 1)
    assert (found["p50"], found["p95"], found["p99"]) == pytest.approx((50, 95, 99), rel=0.002)
    assert found["max"] == 99
    assert found["wait"]["p50"] == pytest.approx(49, rel=0.002)
    assert found["decode"]["p99"] == pytest.approx(0.5, rel=0.002)
    assert found["inference"]["p99"] == pytest.approx(0.25, rel=0.002)
    assert figures(*rows, late(99), late(100)).metrics()["latency_ms"]["p99"] is None
    assert "p99_9" not in found


def test_the_last_thousandth_is_told_of_ten_thousand_items_only() -> None:
    made = figures(*(row(n) for n in range(9_999)))
    assert "p99_9" not in made.metrics()["latency_ms"]
    made.add(row(9_999, total_ms=50.0))
    assert made.metrics()["latency_ms"]["p99_9"] == pytest.approx(6.0, rel=0.002)


def test_items_a_minute_are_counted_from_first_to_last() -> None:
    """Five items ten milliseconds apart span 40 ms: 100 a second came, of five four on time."""
    found = figures(*(row(n) for n in range(4)), late(4)).metrics()
    assert found["seconds"] == pytest.approx(0.04)
    assert found["items_a_minute"] == {"came": 6000.0, "on_time": 4800.0}
    assert figures(row(0)).metrics()["items_a_minute"] == {"came": None, "on_time": None}
    assert figures().metrics()["items"] == 0


def test_an_interruption_is_told_and_does_not_count_as_time_on_the_belt() -> None:
    later = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=30)
    again = [row(n, segment=1, captured_at=later) for n in range(5)]
    found = figures(*(row(n) for n in range(5)), *again).metrics()
    assert found["interruptions_s"] == [30.0]
    assert found["seconds"] == pytest.approx(0.08)
    assert found["items_a_minute"]["came"] == 6000.0


def test_a_run_that_was_killed_before_its_first_item_has_no_interruption() -> None:
    assert figures(row(0, segment=1), row(1, segment=1)).metrics()["interruptions_s"] == []


def test_lateness_is_claimed_from_whether_items_were_in_time() -> None:
    """Stretches of 100 ms, ten items in each."""
    claim = figures(*(row(n) for n in range(20)), *(late(n) for n in range(20, 30))).metrics()["lateness"]
    assert (claim["items"], claim["late_items"]) == (30, 10)
    assert (claim["stretches"], claim["late"]) == (3, 1)
    assert claim["supported"] is False


def test_answers_are_kept_by_confidence_for_the_curve() -> None:
    made = figures(row(0, confidence=0.9004), row(1, true_class="metal", confidence=1.0), row(2, **UNSURE))
    assert made.answers[0, 1, 900] == 1
    assert made.answers[0, 0, 1000] == 1
    assert made.answers[0, 1, 500] == 1
    assert made.answers.sum() == 3


def test_slices_of_time_grow_with_the_run_and_none_is_lost() -> None:
    made = OverTime()
    for second in range(1000):
        made.add(second + 0.5, None if second == 700 else 10.0 + second / 1000, lost=second == 700)
    facts = made.facts()
    assert facts["slice_s"] == 8.0
    assert len(facts["items"]) == 125
    assert sum(facts["items"]) == 1000
    assert facts["items"][:2] == [8, 8]
    assert facts["late_or_dropped"][87] == 1
    assert sum(facts["late_or_dropped"]) == 1
    assert facts["p100_ms"][0] == pytest.approx(10.007, abs=0.006)
    assert facts["p50_ms"][124] == pytest.approx(10.995, rel=0.03)


def test_a_slice_without_a_decision_in_time_has_no_latency() -> None:
    made = OverTime()
    made.add(0.1, 5.0)
    made.add(2.5, None)
    facts = made.facts()
    assert facts["items"] == [1, 0, 1]
    assert facts["p99_ms"] == [pytest.approx(5.0, rel=0.03), None, None]
