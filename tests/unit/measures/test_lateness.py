from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc
from scipy.stats import binomtest

from scrapline.measures.lateness import Claim, Stretches, needed, supports, upper_bound

D = 0.25  # a deadline [s] with which stalls of 1 s need a spacing of 5


def counted(flags: Iterable[bool], deadline: float = D, longest_stall: float = 1.0) -> Stretches:
    """One item in each stretch, at its beginning; `flags` tell the late ones."""
    stretches = Stretches(deadline, longest_stall)
    for number, late in enumerate(flags):
        stretches.add(number * deadline, not late)
    return stretches


def late_at(stretches: int, *late: int) -> Claim:
    return counted(number in late for number in range(stretches)).claim()


@pytest.mark.parametrize(
    ("share", "table"),
    [
        (0.01, {0: 459, 1: 662, 2: 838, 3: 1001, 5: 1307, 10: 2010}),
        (0.001, {0: 4603, 1: 6636, 2: 8403, 3: 10042, 5: 13105, 10: 20140}),
    ],
)
def test_the_numbers_are_those_of_mlperf(share: float, table: dict[int, int]) -> None:
    for late, least in table.items():
        assert needed(late, share, 0.99) == least
        assert supports(late, least, share)
        assert not supports(late, least - 1, share)


def test_one_percent_at_99_percent_is_meant_unless_asked() -> None:
    """Nothing late: ln(1 - confidence) / ln(1 - share) stretches. 0.95 and 0.2: 13.4; 0.99 and 0.01: 458.2."""
    assert (needed(0), needed(0, 0.2, 0.95)) == (459, 14)
    assert (supports(0, 459), supports(0, 458)) == (True, False)
    assert (supports(0, 14, 0.2, 0.95), supports(0, 13, 0.2, 0.95)) == (True, False)
    assert supports(0, 2, 0.5, 0.75), "at a chance of 1 in 4 that all are in time, exactly"


@given(late=st.integers(0, 30), stretches=st.integers(1, 4000), share=st.sampled_from([0.001, 0.01, 0.05]))
def test_the_rule_is_mlperfs_formula(late: int, stretches: int, share: float) -> None:
    """MLPerf's own: betainc(in time, late + 1, 1 - share) <= 1 - confidence."""
    expected = late < stretches and betainc(stretches - late, late + 1, 1 - share) <= 0.01
    assert supports(late, stretches, share) == expected
    assert (needed(late, share) <= stretches) == expected
    assert (upper_bound(late, stretches) <= share) == expected


@pytest.mark.parametrize(("late", "stretches", "level"), [(0, 459, 0.99), (3, 40, 0.95), (39, 40, 0.99)])
def test_the_upper_bound_is_scipys(late: int, stretches: int, level: float) -> None:
    expected = binomtest(late, stretches, alternative="less").proportion_ci(level, method="exact").high
    assert upper_bound(late, stretches, level) == pytest.approx(expected, abs=1e-9)
    assert upper_bound(late, stretches) == pytest.approx(upper_bound(late, stretches, 0.99))


def test_without_a_stretch_in_time_everything_may_be_late() -> None:
    assert (upper_bound(0, 0), upper_bound(4, 4)) == (1.0, 1.0)


@given(deadline=st.integers(1, 640), stall=st.integers(0, 200))
def test_the_spacing_is_the_least_that_no_disturbance_spans(deadline: int, stall: int) -> None:
    """Times in 1/64 s, from 16 ms to 10 s: the furthest apart that two stretches lie which one disturbance touches."""
    furthest = max((start + stall) // deadline - start // deadline for start in range(deadline))
    assert Stretches(deadline / 64, stall / 64).claim().spacing == furthest + 1


def test_stalls_of_one_second_are_reckoned_with_unless_told() -> None:
    assert [Stretches(deadline).claim().spacing for deadline in (0.01, 0.25, 1.0, 10.0)] == [101, 5, 2, 2]


def test_a_clean_run_is_claimed_once_each_phase_is_long_enough() -> None:
    claim = late_at(5 * 459)
    assert claim == Claim(1.0, 2295, 0, 2295, 0, 0, 5, 459, 0, claim.upper_bound, True, 5 * 459 * 0.25)
    assert claim.upper_bound == pytest.approx(1 - 0.01 ** (1 / 459))
    short = late_at(5 * 459 - 1)
    assert (short.supported, short.worst_stretches, short.worst_late) == (False, 458, 0)
    assert short.seconds_needed == 573.75


def test_the_worst_phase_decides() -> None:
    """Stretches 3, 8 and 23 are of one phase (3), stretch 4 of the next."""
    claim = late_at(5 * 1001, 3, 4, 8, 23)
    assert (claim.late, claim.longest_run, claim.worst_late, claim.worst_stretches) == (4, 2, 3, 1001)
    assert claim.supported
    assert claim.upper_bound == pytest.approx(upper_bound(3, 1001))
    shorter = late_at(5 * 1001 - 2, 3, 4, 8, 23)  # one less in phases 3 and 4
    assert (shorter.supported, shorter.worst_stretches, shorter.seconds_needed) == (False, 1000, 5 * 1001 * 0.25)


def test_another_share_and_confidence_can_be_claimed() -> None:
    stretches = counted([False] * 5 * 14)
    claim = stretches.claim(0.2, 0.95)
    assert (claim.supported, claim.seconds_needed) == (True, 5 * 14 * 0.25)
    assert claim.upper_bound == pytest.approx(1 - 0.05 ** (1 / 14))
    assert not stretches.claim(0.2).supported
    assert not stretches.claim(confidence=0.95).supported


def test_nothing_is_claimed_from_nothing() -> None:
    claim = Stretches(D).claim()
    assert claim == Claim(1.0, 0, 0, 0, 0, 0, 5, 0, 0, 1.0, False, 5 * 459 * 0.25)


def test_a_stretch_is_late_by_any_of_its_items_and_counts_once() -> None:
    stretches = Stretches(0.5, 0.0)
    for due, in_time in [(0.0, True), (0.1, False), (0.2, False), (0.49, True), (0.5, True), (0.9, True)]:
        stretches.add(due, in_time)
    claim = stretches.claim()
    assert (claim.items, claim.late_items, claim.stretches, claim.late, claim.longest_run) == (6, 2, 2, 1, 1)


def test_stretches_without_items_are_no_evidence_and_keep_no_phase_empty() -> None:
    """An item every 1.25 s, each in a fifth stretch: all would be in one phase if empty ones counted."""
    stretches = Stretches(D)
    for number in range(5 * 459):
        stretches.add(number * 1.25, True)
    claim = stretches.claim()
    assert (claim.stretches, claim.worst_stretches, claim.supported) == (2295, 459, True)
    assert claim.seconds_needed == pytest.approx(5 * 459 * 1.25, rel=1e-3)


def test_late_stretches_with_only_empty_ones_between_are_one_run() -> None:
    stretches = Stretches(D)
    for number, in_time in enumerate([True, False, False, False, True, False, False]):
        stretches.add(number * 0.75, in_time)
    assert stretches.claim().longest_run == 3


@pytest.mark.parametrize(
    ("run", "spacing"), [(1, 5), (5, 5), (6, 10), (9, 10), (10, 20), (19, 20), (20, 40), (319, 320)]
)
def test_longer_runs_of_late_stretches_need_a_wider_spacing(run: int, spacing: int) -> None:
    """Then no phase has two of them, and each 1,000 stretches or more."""
    claim = counted([True] * run + [False] * (1000 * spacing)).claim()
    assert (claim.longest_run, claim.spacing, claim.late, claim.worst_late) == (run, spacing, run, 1)
    assert claim.seconds_needed == 662 * spacing * D


def test_a_wider_spacing_asks_for_a_longer_run() -> None:
    """At 10, phases 0 to 5 have one late: 10 times 662, less the four last, whose phases have none."""
    long, short = (counted([True] * 6 + [False] * rest).claim() for rest in (6610, 6609))
    assert (long.supported, long.worst_stretches, long.worst_late) == (True, 662, 1)
    assert (short.supported, short.worst_stretches, short.worst_late) == (False, 661, 1)


@given(first=st.integers(0, 400), second=st.integers(0, 400), share=st.sampled_from([0.001, 0.01, 0.1]))
def test_phases_that_support_the_claim_support_it_together(first: int, second: int, share: float) -> None:
    """So a wider spacing, chosen by what was seen, claims nothing that the least one would not."""
    assert needed(first + second, share) <= needed(first, share) + needed(second, share)


def test_runs_beyond_all_spacings_are_never_claimed() -> None:
    claim = counted([True] * 320 + [False] * 400_000).claim()
    assert (claim.longest_run, claim.spacing, claim.supported, claim.seconds_needed) == (320, 320, False, None)


def test_an_interruption_joins_the_stretches_at_both_its_ends() -> None:
    """Segments of 3, 2 and 1 stretches, the cut ones joined: 4; those with late items are the third and fourth."""
    stretches = Stretches(D)
    for segment in [[(0.0, True), (0.3, True), (0.6, False)], [(0.1, True), (0.4, False)], [(0.2, True)]]:
        for due, in_time in segment:
            stretches.add(due, in_time)
        stretches.new_segment()
    claim = stretches.claim()
    assert (claim.items, claim.late_items, claim.stretches, claim.late, claim.longest_run) == (6, 2, 4, 2, 2)
    stretches.add(0.5, True)  # the join is no more than that: two stretches further, with an empty one between
    assert stretches.claim().stretches == 5
    assert stretches.claim().seconds_needed == pytest.approx(5 * 662 * D * 6 / 5)  # six lie in the time of five


def test_items_come_in_order_and_after_the_start() -> None:
    for first, second in [(1.0, 0.7), (0.0, -0.01)]:
        stretches = Stretches(D)
        stretches.add(first, True)
        with pytest.raises(ValueError, match=rf"^an item due at {second} s comes after a later one$"):
            stretches.add(second, True)
    with pytest.raises(ValueError, match="later one"):
        Stretches(D).add(-0.1, True)


@pytest.mark.parametrize(("deadline", "stall"), [(0.0, 1.0), (-1.0, 1.0), (1.0, -0.1)])
def test_a_deadline_or_stall_that_is_none_is_refused(deadline: float, stall: float) -> None:
    with pytest.raises(
        ValueError, match=rf"^a deadline of {deadline} s and stalls of {stall} s: must be above 0, from"
    ):
        Stretches(deadline, stall)
