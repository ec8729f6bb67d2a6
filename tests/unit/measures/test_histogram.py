import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scrapline.measures.histogram import Histogram

SHARES = (0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0)
inside = st.floats(0.01, 1e6)
anything = st.floats(0, 1e9)


def holding(*durations: float) -> Histogram:
    histogram = Histogram()
    for ms in durations:
        histogram.add(ms)
    return histogram


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spread", [0.01, 1.0, 2.5])
def test_quantiles_are_numpys_to_a_thousandth_and_never_less(seed: int, spread: float) -> None:
    durations = np.random.default_rng(seed).lognormal(3, spread, 2000).clip(0.01, 1e6)
    histogram = holding(*durations)
    for share in SHARES:
        exact = float(np.quantile(durations, share, method="inverted_cdf"))
        found = histogram.quantile(share)
        assert found is not None
        assert exact * (1 - 1e-9) <= found <= exact * 1.001 * (1 + 1e-9)


@given(durations=st.lists(inside, min_size=1, max_size=30), share=st.floats(0, 1))
def test_at_least_the_share_of_any_observations_is_no_longer_than_the_quantile(
    durations: list[float], share: float
) -> None:
    found = holding(*durations).quantile(share)
    assert found is not None
    exact = float(np.quantile(durations, share, method="inverted_cdf"))
    assert found == pytest.approx(exact, rel=0.0011)
    assert found >= exact * (1 - 1e-9)
    assert found <= max(durations)


@given(durations=st.lists(inside, min_size=1, max_size=30), beyond=st.integers(0, 10), share=st.floats(0, 1))
def test_those_beyond_count_as_longer_than_all(durations: list[float], beyond: int, share: float) -> None:
    exact = float(np.quantile([*durations, *[math.inf] * beyond], share, method="inverted_cdf"))
    found = holding(*durations).quantile(share, beyond)
    if math.isinf(exact):
        assert found is None
    else:
        assert found == pytest.approx(exact, rel=0.0011)


def test_a_quantile_among_those_beyond_is_not_known() -> None:
    """Of 99 and one beyond, 99 % are known and 99.5 % are not."""
    histogram = holding(*[5.0] * 98, 7.0)
    assert histogram.quantile(0.99, beyond=1) == 7
    assert histogram.quantile(0.995, beyond=1) is None
    assert histogram.quantile(0.98, beyond=1) == pytest.approx(5, rel=0.001)
    assert histogram.quantile(1.0) == 7


def test_nothing_has_no_quantile() -> None:
    empty = Histogram()
    assert [empty.quantile(share) for share in SHARES] == [None] * len(SHARES)
    assert [empty.quantile(share, 3) for share in SHARES] == [None] * len(SHARES)
    assert (empty.count, empty.max) == (0, 0)


def test_one_observation_is_every_quantile_exactly() -> None:
    assert {holding(12.3).quantile(share) for share in SHARES} == {12.3}


def test_the_longest_is_exact_and_the_count_goes_on() -> None:
    histogram = holding(3.0, 81.7, 4.0)
    assert (histogram.count, histogram.max) == (3, 81.7)
    histogram.add(2.0)
    assert (histogram.count, histogram.max) == (4, 81.7)


def test_the_shortest_are_not_told_apart() -> None:
    """0.01 ms and less are one bin; the next ones are."""
    histogram = holding(0.0, 0.003, 0.01, 0.02, 1.0)
    assert histogram.quantile(0.2) == pytest.approx(0.01, rel=1e-12)
    assert histogram.quantile(0.6) == pytest.approx(0.01, rel=1e-12)
    assert histogram.quantile(0.8) == pytest.approx(0.02, rel=0.001)
    assert holding(0.0, 0.004).quantile(0.5) == 0.004


def test_what_is_longer_than_the_bins_is_given_as_the_longest() -> None:
    histogram = holding(999_000.0, 1e6, 1.2e6, 4e8)
    assert histogram.quantile(0.25) == pytest.approx(999_000, rel=0.001)
    assert histogram.quantile(0.5) == pytest.approx(1e6, rel=0.001)
    assert histogram.quantile(0.75) == 4e8
    assert histogram.quantile(1.0) == 4e8


@given(first=st.lists(anything, max_size=20), second=st.lists(anything, max_size=20))
def test_merged_is_as_if_one_had_counted_all(first: list[float], second: list[float]) -> None:
    merged, other, expected = holding(*first), holding(*second), holding(*first, *second)
    merged.merge(other)
    assert (merged.count, merged.max) == (len(first) + len(second), max([*first, *second], default=0))
    assert [merged.quantile(share) for share in SHARES] == [expected.quantile(share) for share in SHARES]
    assert (other.count, other.quantile(0.5)) == (len(second), holding(*second).quantile(0.5))


@pytest.mark.parametrize("ms", [-0.001, math.inf, math.nan])
def test_what_is_no_duration_is_refused_and_not_counted(ms: float) -> None:
    histogram = holding(1.0)
    with pytest.raises(ValueError, match=rf"^{ms} ms is no duration$"):
        histogram.add(ms)
    assert (histogram.count, histogram.max) == (1, 1)


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan])
def test_what_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=rf"^{share} is no share$"):
        holding(1.0).quantile(share)
