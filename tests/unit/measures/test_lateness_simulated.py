"""How often a claim is made on runs whose true share of late stretches is known.

Runs have 20 items per second, at a steady pace, and a deadline of 0.25 s. Stalls begin at random (Poisson) and make all
items late that are due within `lasts` seconds: 0.05 s are single items, 0.25 s bursts of 5, 1 s bursts of 20. The items
of a stretch are due within 0.2 s, so it is late if a stall begins in the `lasts` + 0.2 s that end with its last item.
"""

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import brentq
from scipy.special import hyp1f1
from scipy.stats import binom, poisson

from scrapline.measures.lateness import Stretches

Integers = npt.NDArray[np.int64]
DEADLINE, PITCH, HELD = 0.25, 0.05, 5
JUST_WRONG = 0.0101
TABLE = np.array([np.argmax(binom.cdf(late, np.arange(20000), 0.01) <= 0.01) for late in range(140)])


def late_stretches(runs: int, stretches: int, lasts: float, share: float, seed: int) -> tuple[Integers, Integers]:
    """(run, stretch) of each late stretch, in order."""
    rng = np.random.default_rng(seed)
    seconds = stretches * DEADLINE
    rate = -math.log(1 - share) / (lasts + (HELD - 1) * PITCH)
    stalls = rng.poisson(rate * (seconds + lasts) * runs)
    run, begin = rng.integers(0, runs, stalls), rng.uniform(-lasts, seconds, stalls)
    first, last = np.ceil(begin / PITCH) // HELD, (np.ceil((begin + lasts) / PITCH) - 1) // HELD
    touched = first[:, None].astype(np.int64) + np.arange(math.ceil(lasts / DEADLINE) + 1)
    hit = (touched <= last[:, None]) & (touched >= 0) & (touched < stretches)
    both = np.unique((run[:, None] * stretches + touched)[hit])
    return both // stretches, both % stretches


def by_the_plain_rule(late: Integers, stretches: int | Integers) -> npt.NDArray[np.bool_]:
    known = late < len(TABLE)
    answer: npt.NDArray[np.bool_] = known & (stretches >= TABLE[np.where(known, late, 0)])
    return answer


def claimed(run: Integers, stretch: Integers, runs: int, stretches: int) -> npt.NDArray[np.bool_]:
    """Which of these runs support 1 %, at a least spacing of 5: the whole rule, worked out for all of them at once."""
    begins = np.flatnonzero((np.diff(stretch, prepend=-2) != 1) | (np.diff(run, prepend=-1) != 0))
    longest = np.zeros(runs, np.int64)
    np.maximum.at(longest, run[begins], np.diff(begins, append=len(run)))
    wider = np.ceil(np.log2((longest + 1) / 5)).clip(0)
    spacing = np.where(longest <= 5, 5, 5 * 2**wider).astype(np.int64)
    result = np.zeros(runs, bool)
    for k in np.unique(spacing[spacing <= 320]):
        late = np.bincount(run * k + stretch % k, minlength=runs * k).reshape(runs, k)
        result |= (spacing == k) & by_the_plain_rule(late, (stretches + k - 1 - np.arange(k)) // k).all(axis=1)
    return result


def most_wrong(runs: int) -> int:
    """More claims than this would come once in a million times, were 1 % of the claims wrong."""
    return int(binom.ppf(1 - 1e-6, runs, 0.01))


@pytest.mark.parametrize("lasts", [0.05, 0.25, 0.3, 1.0])
@pytest.mark.parametrize("each_phase", [459, 838, 2010])
def test_no_more_than_one_percent_of_the_claims_are_wrong(lasts: float, each_phase: int) -> None:
    """Single items, bursts of 5, stalls of 0.3 s and 1 s; runs just long enough for 0, 2 and 10 late in a phase."""
    runs, stretches = 10_000, 5 * each_phase
    run, stretch = late_stretches(runs, stretches, lasts, JUST_WRONG, seed=each_phase)
    assert len(stretch) / (runs * stretches) == pytest.approx(JUST_WRONG, rel=0.03)  # the truth is what it should be
    assert claimed(run, stretch, runs, stretches).sum() <= most_wrong(runs)


@pytest.mark.parametrize(("lasts", "fewest"), [(0.25, 0.06), (0.3, 0.08), (1.0, 0.35)])
def test_the_plain_rule_would_claim_wrongly_far_more_often(lasts: float, fewest: float) -> None:
    """By hand for 1 s: no stall begins in 459 stretches, exp(-0.0085 * 115.75) = 37 %; at 0.25 s: exp(-2.6) = 7.5 %."""
    run, _ = late_stretches(10_000, 459, lasts, JUST_WRONG, seed=1)
    wrong = by_the_plain_rule(np.bincount(run, minlength=10_000), 459)
    assert wrong.mean() > fewest
    independent, _ = late_stretches(10_000, 459, PITCH, JUST_WRONG, seed=2)
    assert by_the_plain_rule(np.bincount(independent, minlength=10_000), 459).sum() <= most_wrong(10_000)


@pytest.mark.parametrize(("lasts", "each_phase"), [(2.0, 4 * 459), (5.0, 8 * 459)])
def test_stalls_longer_than_declared_are_reckoned_with_where_they_are_seen(lasts: float, each_phase: int) -> None:
    """Runs long enough that one happens in almost all of them; what no run shows cannot be reckoned with."""
    runs, stretches = 4000, 5 * each_phase
    run, stretch = late_stretches(runs, stretches, lasts, JUST_WRONG, seed=4)
    assert claimed(run, stretch, runs, stretches).sum() <= most_wrong(runs)


@pytest.mark.parametrize("lasts", [0.05, 0.25, 1.0])
def test_a_good_line_is_mostly_believed(lasts: float) -> None:
    """0.05 % late. By hand for single items: five phases of 838 with at most 2 late, poisson(2; 0.419)^5 = 95.6 %."""
    for each_phase, least in [(838, 0.94), (1307, 0.99)]:
        run, stretch = late_stretches(4000, 5 * each_phase, lasts, 0.0005, seed=5)
        assert claimed(run, stretch, 4000, 5 * each_phase).mean() > least


@pytest.mark.parametrize(("lasts", "share"), [(0.05, 0.0005), (0.3, 0.002), (1.0, 0.002), (2.0, 0.002), (5.0, 0.001)])
def test_one_item_at_a_time_comes_to_the_same(lasts: float, share: float) -> None:
    runs, stretches = 60, 4200
    run, stretch = late_stretches(runs, stretches, lasts, share, seed=6)
    expected = claimed(run, stretch, runs, stretches)
    for number in range(runs):
        late = set(stretch[run == number].tolist())
        counter = Stretches(DEADLINE)
        for each in range(stretches):
            counter.add(each * DEADLINE, each not in late)
        claim = counter.claim()
        assert (claim.supported, claim.late, claim.stretches) == (expected[number], len(late), stretches)
    assert 0 < expected.sum() < runs


def share_at(rate: float, lasts: float, pace: float) -> float:
    """True share of late stretches among those with items, where items come at random too (Poisson, `pace` per second).

    The items of a stretch with m of them span `DEADLINE` times a beta(m - 1, 2) variable, whose transform is hyp1f1.
    """
    held = np.arange(1, 60)
    clean = np.exp(-rate * lasts) * hyp1f1(held - 1, held + 1, -rate * DEADLINE)
    return 1 - float((poisson.pmf(held, pace * DEADLINE) * clean).sum() / (1 - math.exp(-pace * DEADLINE)))


def random_run(rng: np.random.Generator, seconds: float, rate: float, lasts: float, pace: float) -> Stretches:
    due = np.sort(rng.uniform(0, seconds, rng.poisson(pace * seconds)))
    begin = np.sort(rng.uniform(-lasts, seconds, rng.poisson(rate * (seconds + lasts))))
    late = np.searchsorted(begin, due, "right") > np.searchsorted(begin, due - lasts, "right")
    stretches = Stretches(DEADLINE)
    for when, is_late in zip(due.tolist(), late.tolist(), strict=True):
        stretches.add(when, not is_late)
    return stretches


def test_items_that_come_at_random_are_judged_as_rightly() -> None:
    """8 items per second: 13.5 % of the stretches have none; stalls of 1 s; as many stretches as 459 in each phase."""
    rng = np.random.default_rng(7)
    rate = brentq(lambda rate: share_at(rate, 1.0, 8.0) - JUST_WRONG, 1e-6, 1)
    seconds = 5 * 460 * DEADLINE / (1 - math.exp(-2))
    claims = [random_run(rng, seconds, rate, 1.0, 8.0).claim() for _ in range(800)]
    late, stretches = sum(claim.late for claim in claims), sum(claim.stretches for claim in claims)
    assert late / stretches == pytest.approx(JUST_WRONG, rel=0.06)
    assert sum(claim.supported for claim in claims) <= most_wrong(800)
    good = [random_run(rng, 2 * seconds, rate / 20, 1.0, 8.0).claim() for _ in range(60)]
    assert sum(claim.supported for claim in good) > 50
