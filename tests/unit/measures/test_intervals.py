import numpy as np
import pytest
from scipy.stats import binomtest

from scrapline.measures.intervals import (
    effective_trials,
    effective_trials_of,
    wilson,
    wilson_by_group,
    wilson_of_groups,
)


@pytest.mark.parametrize(
    ("successes", "trials", "level"), [(3, 4, 0.95), (391, 430, 0.95), (45, 45, 0.9), (0, 7, 0.99)]
)
def test_wilson_is_scipys(successes: int, trials: int, level: float) -> None:
    expected = binomtest(successes, trials).proportion_ci(level, method="wilson")
    found = wilson(successes, trials, level=level)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_no_rate_lies_outside_0_and_1() -> None:
    """Where all are right or wrong, rounding may carry a bound a little too far."""
    for trials in range(1, 300):
        assert wilson(trials, trials).high <= 1
        assert wilson(0, trials).low >= 0


def test_the_level_is_95_percent_unless_asked() -> None:
    """81 of 263 is Newcombe's (1998) first example: 0.2553 to 0.3662."""
    found = wilson(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_photos_that_are_each_a_group_count_one_by_one() -> None:
    right = np.array([True] * 7 + [False] * 3)
    assert effective_trials(right, [str(number) for number in range(10)]) == 10
    assert wilson_by_group(right, [str(number) for number in range(10)]) == wilson(7, 10)


def test_few_groups_count_as_one_photo_each() -> None:
    """Four groups of 5: 20 photos worth 4. Sizes 8, 1 and 1: 10 squared by 66."""
    assert effective_trials(np.ones(20, bool), np.repeat(list("abcd"), 5)) == pytest.approx(4)
    assert effective_trials(np.ones(10, bool), [*"aaaaaaaa", "b", "c"]) == pytest.approx(100 / 66)
    found, expected = wilson_by_group(np.ones(20, bool), np.repeat(list("abcd"), 5)), wilson(4, 4)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_few_groups_with_mistakes_count_as_one_photo_each() -> None:
    """30 pairs, four of them with a mistake, are worth 30 photos; with a fifth mistake their spread decides."""
    right = np.ones(60, bool)
    right[:8:2] = False
    pairs = np.repeat([f"{number:02d}" for number in range(30)], 2)
    assert effective_trials(right, pairs) == pytest.approx(30)
    assert effective_trials(~right, pairs) == pytest.approx(30)
    right[8] = False
    # By hand: 5 mistakes in 60, rate 11/12. Residuals: five of 1 - 11/6 = -5/6, 25 of 2 - 11/6 = 1/6; their squares sum
    # to 25/6; variance 30/29 * 25/6 / 3600. Student's quantile with 29 degrees: 2.04523; normal: 1.95996.
    expected = (11 / 144) / (30 / 29 * 25 / 6 / 3600) * (1.95996 / 2.04523) ** 2
    assert effective_trials(right, pairs) == pytest.approx(expected, rel=1e-4)


def test_a_group_never_counts_for_more_photos_than_it_has() -> None:
    """Mistakes spread more evenly than chance would: one in each group."""
    right = np.tile([True] * 4 + [False], 30)
    assert effective_trials(right, np.repeat([str(number) for number in range(30)], 5)) == 150


@pytest.mark.parametrize(
    ("sizes", "likeness", "rate"),
    [
        ([1] * 270 + [2] * 20 + [3] * 10, 0.9, 0.9),  # copies among single photos
        ([25] * 8, 0.2, 0.9),  # a few sessions
        ([10] * 40, 0.3, 0.95),
        ([40] * 10 + [1] * 80, 0.3, 0.9),
        ([200] + [1] * 39, 0.1, 0.9),
    ],
)
def test_intervals_hold_the_true_rate_about_as_often_as_they_say(
    sizes: list[int], likeness: float, rate: float
) -> None:
    """Groups whose own rates follow a beta distribution with a known mean; `likeness` is the correlation inside one."""
    rng = np.random.default_rng(5)
    spread = 1 / likeness - 1
    groups = np.repeat([f"{number:03d}" for number in range(len(sizes))], sizes)
    held = 0
    for _ in range(400):
        rates = rng.beta(rate * spread, (1 - rate) * spread, len(sizes))
        right = rng.random(len(groups)) < np.repeat(rates, sizes)
        found = wilson_by_group(right, groups)
        held += found.low <= rate <= found.high
    assert held >= 0.925 * 400  # three standard errors below 95 % are 0.917


def test_sums_per_group_say_the_same_as_the_photos() -> None:
    """The example above with five mistakes among 30 pairs, from each pair's sums; 23.0 worth is 11/12 of it right."""
    sizes = np.full(30, 2.0)
    hits = np.where(np.arange(30) < 5, 1.0, 2.0)
    worth = (11 / 144) / (30 / 29 * 25 / 6 / 3600)
    assert effective_trials_of(hits, sizes) == pytest.approx(worth * (1.95996 / 2.04523) ** 2, rel=1e-4)
    assert effective_trials_of(2 - hits, sizes) == pytest.approx(effective_trials_of(hits, sizes))  # as many wrong
    # At 90 %: Student's quantile with 29 degrees 1.69913, normal 1.64485.
    wanted = worth * (1.64485 / 1.69913) ** 2
    assert effective_trials_of(hits, sizes, level=0.9) == pytest.approx(wanted, rel=1e-4)
    found, expected = wilson_of_groups(hits, sizes, level=0.9), wilson(11 / 12 * wanted, wanted, level=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-4)
    found, expected = wilson_of_groups(hits, sizes), wilson_of_groups(hits, sizes, level=0.95)
    assert found == expected


def test_twenty_groups_are_enough_to_tell_their_spread() -> None:
    """20 pairs, both wrong in 5. Residuals: 5 of -1.5, 15 of 0.5; squares 15; variance 20/19 * 15 / 1600 = 0.00987.

    3/16 by that are 19 photos, less than one for each pair: 20. None wrong twice, 10 pairs with one wrong: residuals
    of 0.5, squares 5; 3/16 by 20/19 * 5 / 1600 are 57, times (1.95996 / 2.09302) squared: 49.96, more than the 40.
    """
    sizes = np.full(20, 2.0)
    assert effective_trials_of(np.repeat([0.0, 2.0], [5, 15]), sizes) == 20
    assert effective_trials_of(np.repeat([1.0, 2.0], [10, 10]), sizes) == 40


def test_the_level_reaches_the_groups_of_photos() -> None:
    right = np.ones(60, bool)
    right[:10:2] = False
    pairs = np.repeat([f"{number:02d}" for number in range(30)], 2)
    wanted = (11 / 144) / (30 / 29 * 25 / 6 / 3600) * (1.64485 / 1.69913) ** 2
    assert effective_trials(right, pairs, level=0.9) == pytest.approx(wanted, rel=1e-4)
    found, expected = wilson_by_group(right, pairs, level=0.9), wilson(11 / 12 * wanted, wanted, level=0.9)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=1e-4)


def test_groups_without_photos_count_for_nothing() -> None:
    """Two single photos are worth two, and three pairs three, however many empty groups stand among them."""
    assert effective_trials_of(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0])) == 2
    assert effective_trials_of(np.array([2.0, 0.0, 2.0, 1.0]), np.array([2.0, 0.0, 2.0, 2.0])) == 3
    assert wilson_of_groups(np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0, 1.0])) == wilson(1, 2)
