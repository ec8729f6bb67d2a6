"""The figures of a run, against rows counted by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scrapline.line.figures import Figures
from scrapline.line.row import Row
from scrapline.line.states import State
from scrapline.measures import intervals
from unit.line.rows import late, row

START = datetime(2026, 1, 1, tzinfo=UTC)
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


def test_numbers_are_rounded_to_what_a_run_can_tell() -> None:
    """Three items in 70.4 ms: two intervals, 1704.55 a minute; two of the three in time, 1136.36. Shares of thirds."""
    made = Figures(["glass"], 100.12345)
    for one, due_s in ((row(0, total_ms=6.12345), 1.2), (row(1, total_ms=6.12345), 1.23), (late(2), 1.2704)):
        made.add(replace(one, due_s=due_s))
    found = made.metrics()
    assert (found["seconds"], found["deadline_ms"]) == (0.07, 100.123)
    assert found["items_a_minute"] == {"came": 1704.5, "on_time": 1136.4}
    assert found["states"]["sort"]["share"] == 0.666667
    assert (found["latency_ms"]["p50"], found["latency_ms"]["max"]) == (6.123, 6.123)


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


def test_every_rate_tells_photos_from_groups_and_leaves_out_what_it_does_not_concern() -> None:
    """Photos a and b of one object go to a person, c is sorted; what was said of d came too late to count."""
    found = figures(
        row(0, frame="a", group="ab", **UNSURE),
        row(1, frame="b", group="ab", **UNSURE),
        row(2, frame="c", group="c"),
        late(3, frame="d", group="d", predicted_class="glass", confidence=0.9),
    ).metrics()

    def counts(facts: dict[str, Any]) -> tuple[float, int, int, int]:
        return facts["rate"], facts["items"], facts["photos"], facts["groups"]

    assert counts(found["to_a_person"]) == (0.666667, 3, 3, 2)
    assert counts(found["recognised"]) == (1.0, 3, 3, 2)
    assert counts(found["bins"]["glass"]["recovery"]) == (0.25, 4, 4, 3)
    assert counts(found["bins"]["glass"]["purity"]) == (1.0, 1, 1, 1)


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
    made = figures(row(0, true_class="wood", frame="w", group="w"), row(1), row(2), late(3))
    assert made.metrics()["bins"]["glass"]["purity"]["rate"] == 0.666667
    assert made.contents == {("glass", "wood"): 1, ("glass", "glass"): 2, ("residue", "glass"): 1}
    assert (made.came("wood"), made.came("glass"), made.came("metal")) == (1, 3, 0)


def test_latencies_are_those_of_what_was_decided_and_lost_items_took_longer_than_all() -> None:
    """1 to 99 ms and one late item: the 99th percentile is 99, the longest decided; with two late it is unknown."""
    rows = [row(n, total_ms=float(n + 1), queue_ms=float(n), preprocess_ms=0.5, inference_ms=0.25) for n in range(99)]
    found = figures(*rows, late(99)).metrics()["latency_ms"]
    assert (found["items"], found["late_or_dropped"]) == (100, 1)
    assert (found["p50"], found["p95"], found["p99"]) == pytest.approx((50, 95, 99), rel=0.002)
    assert found["max"] == 99
    assert (found["wait"]["max"], found["decode"]["max"], found["inference"]["max"]) == (98, 0.5, 0.25)
    assert found["wait"]["p50"] == pytest.approx(49, rel=0.002)
    assert found["decode"]["p99"] == pytest.approx(0.5, rel=0.002)
    assert found["inference"]["p99"] == pytest.approx(0.25, rel=0.002)
    two_lost = figures(*rows, late(99), late(100, action=State.DROPPED)).metrics()["latency_ms"]
    assert (two_lost["items"], two_lost["late_or_dropped"], two_lost["p99"]) == (101, 2, None)
    assert "p99_9" not in found


def test_where_nothing_was_decided_no_latency_is_known() -> None:
    unknown = {"p50": None, "p95": None, "p99": None, "max": None}
    assert figures(late(0), late(1, action=State.DROPPED)).metrics()["latency_ms"] == {
        "items": 2,
        "late_or_dropped": 2,
        **unknown,
        "wait": unknown,
        "decode": unknown,
        "inference": unknown,
    }


def test_the_last_thousandth_is_told_of_ten_thousand_items_only() -> None:
    """A lost one is among them; those up to the 9,990th took 6 ms."""
    made = figures(*(row(n) for n in range(9_998)), late(9_998))
    assert "p99_9" not in made.metrics()["latency_ms"]
    made.add(row(9_999, total_ms=50.0))
    assert made.metrics()["latency_ms"]["p99_9"] == pytest.approx(6.0, rel=0.002)


def test_items_a_minute_are_counted_from_first_to_last() -> None:
    """Five items ten milliseconds apart span 40 ms: 100 a second came, of five three were decided on time."""
    overlap = row(3, action=State.OVERLAP, bin="residue", predicted_class="", confidence=None)
    found = figures(*(row(n) for n in range(3)), overlap, late(4)).metrics()
    assert found["seconds"] == pytest.approx(0.04)
    assert found["items_a_minute"] == {"came": 6000.0, "on_time": 3600.0}
    assert figures(row(0), row(1)).metrics()["items_a_minute"]["came"] == 6000.0
    for no_time in ([row(0)], [row(0), replace(row(1), due_s=0.0)]):
        assert figures(*no_time).metrics()["items_a_minute"] == {"came": None, "on_time": None}
    assert figures().metrics()["items"] == 0


def test_an_interruption_is_told_and_does_not_count_as_time_on_the_belt() -> None:
    later = START + timedelta(seconds=30)
    again = [row(n, segment=1, captured_at=later) for n in range(5)]
    found = figures(*(row(n) for n in range(5)), *again).metrics()
    assert found["interruptions_s"] == [30.0]
    assert found["seconds"] == pytest.approx(0.08)
    assert found["items_a_minute"]["came"] == 6000.0


def resumed_twice(*dues_s: tuple[float, float]) -> Figures:
    """Two items in each segment; the next begins 2.0006 s after the last item came."""
    made, now = figures(), START
    for segment, dues in enumerate(dues_s):
        for due_s in dues:
            made.add(replace(row(0, segment=segment, captured_at=now), due_s=due_s))
        now += timedelta(seconds=2.0006)
    return made


def test_the_belt_runs_from_a_segments_start_and_is_measured_from_its_first_item() -> None:
    """At ten a second: 0.7, 0.9 and 0.4 s until the last items, and 0.1 s more each; 0.2, 0.7 and 0.1 s measured."""
    made = resumed_twice((0.5, 0.7), (0.2, 0.9), (0.3, 0.4))
    assert made.belt_s(10) == pytest.approx(0.8 + 1.0 + 0.5)
    assert made.seconds == pytest.approx(0.2 + 0.7 + 0.1)
    found = made.metrics()
    assert found["interruptions_s"] == [2.001, 2.001]
    assert found["items_a_minute"]["came"] == 180.0, "three intervals in a second"
    assert figures().belt_s(10) == 0
    assert figures(row(0)).belt_s(10) == pytest.approx(0.1)


def test_segments_follow_one_another_over_time() -> None:
    """Due at 0 and 0.6 s of each of three segments: at 0, 0.6, 0.6, 1.2, 1.2 and 1.8 s of the run."""
    made = resumed_twice((0.0, 0.6), (0.0, 0.6), (0.0, 0.6))
    assert made.metrics()["over_time"]["items"] == [3, 3]


def test_what_the_workers_did_is_of_each_segment() -> None:
    """Half of the first 0.8 s; then, 0.6 s after the start, in which the last item came, 0.3 of 0.9 s."""
    made = figures(row(0), replace(row(1), due_s=0.6))
    made.worked(0.3, 0.1)
    made.worked(0.8, 0.4)
    made.add(replace(row(2, segment=1), due_s=0.8))
    made.worked(0.9, 0.3)
    assert made.metrics()["over_time"]["utilisation"] == [0.4, pytest.approx(0.3 / 0.5)]


def test_over_time_only_what_was_decided_has_a_latency() -> None:
    overlap = row(3, action=State.OVERLAP, bin="residue", predicted_class="", confidence=None, total_ms=9.0)
    found = figures(row(0), late(1), late(2, action=State.DROPPED), overlap, row(4, **UNSURE)).metrics()["over_time"]
    assert (found["slice_s"], found["items"]) == (1.0, [5])
    assert found["latency_ms"]["total"] == {"p50": [6.0], "p95": [6.0], "p99": [6.0], "p100": [6.0]}


def test_a_run_that_was_killed_before_its_first_item_has_no_interruption() -> None:
    assert figures(row(0, segment=1), row(1, segment=1)).metrics()["interruptions_s"] == []


def test_lateness_is_claimed_from_whether_items_were_in_time() -> None:
    """Stretches of 100 ms, ten items in each; 1 s is spanned by 11, and MLPerf's table asks 662 where one is late."""
    claim = figures(*(row(n) for n in range(20)), *(late(n) for n in range(20, 30))).metrics()["lateness"]
    assert (claim["items"], claim["late_items"]) == (30, 10)
    assert (claim["stretches"], claim["late"]) == (3, 1)
    assert claim["supported"] is False
    assert claim["seconds_needed"] == pytest.approx(11 * 662 * 0.1)


def test_answers_are_kept_by_confidence_for_the_curve() -> None:
    sure = [row(number, confidence=0.9004) for number in (0, 3)]
    made = figures(*sure, row(1, true_class="metal", confidence=1.0), row(2, **UNSURE))
    assert made.answers.shape == (2, 2, 1001), "of each class the wrong and the right ones, by thousandths"
    assert made.answers[0, 1, 900] == 2
    assert made.answers[0, 0, 1000] == 1
    assert made.answers[0, 1, 500] == 1
    assert made.answers.sum() == 4
