"""How a run went over time, against slices counted by hand."""

import pytest

from scrapline.line.over_time import OverTime
from scrapline.line.states import State
from unit.line.rows import late, row


def over_time(*dues_s: float) -> OverTime:
    """Items that were sorted 6 ms after they were due."""
    made = OverTime()
    for due_s in dues_s:
        made.add(due_s, row(0))
    return made


def test_slices_of_time_grow_with_the_run_and_none_is_lost() -> None:
    made = OverTime()
    for second in range(1000):
        made.add(second + 0.5, late(0) if second in (697, 700) else row(0, total_ms=10.0 + second / 1000))
    facts = made.facts()
    assert facts["slice_s"] == 8.0
    assert len(facts["items"]) == 125
    assert sum(facts["items"]) == 1000
    assert facts["items"][:2] == [8, 8]
    assert facts["states"]["late"][87] == 2
    assert sum(facts["states"]["late"]) == 2
    assert facts["states"]["sort"][86:88] == [8, 6]
    assert facts["latency_ms"]["total"]["p100"][0] == pytest.approx(10.007, abs=0.006)
    assert facts["latency_ms"]["total"]["p50"][124] == pytest.approx(10.995, rel=0.051)


def test_each_part_of_a_latency_has_its_own_quantiles() -> None:
    """Hundred items of 1 to 100 ms: half took 50 or less, 95 took 95 or less; each part ten times the one before."""
    made = OverTime()
    for n in range(1, 101):
        made.add(0.5, row(0, total_ms=1000.0 * n, queue_ms=1.0 * n, preprocess_ms=10.0 * n, inference_ms=100.0 * n))
    found = made.facts()["latency_ms"]
    assert list(found) == ["total", "wait", "decode", "inference"]
    for part, ms in (("wait", 1), ("decode", 10), ("inference", 100), ("total", 1000)):
        for share in (50, 95, 99, 100):
            assert found[part][f"p{share}"] == [pytest.approx(ms * share, rel=0.051)]


def test_a_slice_without_a_decision_in_time_has_no_latency() -> None:
    made = over_time(0.1)
    for n, state in enumerate((State.LATE, State.DROPPED, State.OVERLAP, State.UNREADABLE)):
        made.add(2.5 + n / 10, late(0, action=state))
    facts = made.facts()
    assert facts["items"] == [1, 0, 4]
    assert list(facts["states"]) == [*State]
    assert {state: counts for state, counts in facts["states"].items() if counts[2]} == {
        "late": [0, 0, 1],
        "dropped": [0, 0, 1],
        "overlap": [0, 0, 1],
        "unreadable": [0, 0, 1],
    }
    assert facts["latency_ms"]["total"]["p99"] == [pytest.approx(6.0, rel=0.051), None, None]
    assert facts["latency_ms"]["wait"]["p50"] == [pytest.approx(1.0, rel=0.051), None, None]


@pytest.mark.parametrize("state", [State.UNKNOWN, State.REVIEW, State.SORT])
def test_what_the_answer_decided_has_a_latency(state: State) -> None:
    made = OverTime()
    made.add(0.1, row(0, action=state))
    assert made.facts()["latency_ms"]["total"]["p50"] == [6.0]


def test_there_are_240_slices_and_a_pause_of_the_feed_does_not_end_the_run() -> None:
    """Due before 240 s: slices of 1 s. Due then: of 2 s, the last from 240 to 242 s, whatever number there was."""
    made = over_time(0.5, 239.9)
    assert (made.facts()["slice_s"], len(made.facts()["items"])) == (1.0, 240)
    made.add(240.0, row(0))
    assert (made.facts()["slice_s"], len(made.facts()["items"])) == (2.0, 121)
    assert over_time(0.5, 240.0).facts()["items"] == [1, *[0] * 119, 1]


def test_the_longest_latency_of_a_slice_is_told_to_a_hundredth() -> None:
    made = OverTime()
    for _ in range(199):
        made.add(0.5, row(0, total_ms=1.0))
    made.add(0.5, row(0, total_ms=50.12345))
    facts = made.facts()["latency_ms"]["total"]
    assert facts["p100"] == [50.12]
    assert facts["p50"] == facts["p99"] == [pytest.approx(1.0, rel=0.051)]


def test_the_workers_utilisation_is_of_each_slice_and_of_the_last_as_far_as_it_went() -> None:
    """0.2 + 0.3 s of the first second, nothing of the next, 0.1 of the 0.4 s of the third."""
    made = over_time(0.0, 2.0)
    for until_s, busy_s in ((0.5, 0.2), (0.9, 0.3), (1.5, 0.0), (2.4, 0.1)):
        made.worked(until_s, busy_s)
    assert made.facts()["utilisation"] == [0.5, 0.0, pytest.approx(0.25)]
    made.worked(3.01, 0.1)
    assert made.facts()["utilisation"] == [0.5, 0.0, pytest.approx(0.2)], "no slice without an item at the end"


def test_where_nobody_told_of_the_workers_there_is_no_utilisation() -> None:
    """As of the part before a resumption; and it is never above 1, whatever a thread was late with telling."""
    made = over_time(0.5, 3.5)
    made.worked(3.2, 0.05)
    made.worked(3.5, 0.8)
    assert made.facts()["utilisation"] == [None, None, None, 1.0]
    made.add(240.0, row(0))
    made.worked(240.5, 0.1)
    assert made.facts()["slice_s"] == 2.0
    assert made.facts()["utilisation"][:3] == [None, pytest.approx(0.85 / 2), None]
    assert made.facts()["utilisation"][-2:] == [None, pytest.approx(0.2)]
