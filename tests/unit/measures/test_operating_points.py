import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapline.measures import operating_points


def test_the_lowest_threshold_that_reaches_the_target_is_chosen() -> None:
    confidence = [0.95, 0.9, 0.8, 0.7, 0.6]
    labels = np.array([0, 0, 0, 1, 0])
    probabilities = np.array([[c, 1 - c] for c in confidence], dtype=np.float32)
    point = operating_points.choose(labels, probabilities, 0.8)[0]
    assert point.attained
    assert point.threshold == pytest.approx(0.6, abs=1e-5)
    assert (point.purity, point.recovery) == (0.8, 1.0)
    strict = operating_points.choose(labels, probabilities, 0.9)[0]
    assert strict.threshold == pytest.approx(0.8, abs=1e-5)
    assert (strict.purity, strict.recovery) == (1.0, 0.75)


def test_an_unreachable_target_gives_the_purest_point_and_says_so() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], dtype=np.float32)
    point = operating_points.choose(np.array([1, 0, 1]), probabilities, 0.95)[0]
    assert not point.attained
    assert point.purity == 0.5


def test_a_class_that_is_never_predicted_lets_nothing_pass() -> None:
    point = operating_points.choose(np.array([0, 1]), np.array([[0.9, 0.1]] * 2, dtype=np.float32), 0.5)[1]
    assert not point.attained
    assert not operating_points.accepted(np.array([[0.0, 1.0]], dtype=np.float32), np.array([0.5, point.threshold]))[0]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.6, 0.8, 0.95]))
def test_what_passes_the_threshold_has_the_purity_it_promises(seed: int, target: float) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([1, 1, 1], 80).astype(np.float32).round(2)
    labels = rng.integers(0, 3, 80)
    points = operating_points.choose(labels, probabilities, target)
    passing = operating_points.accepted(probabilities, np.array([p.threshold for p in points]))
    for number, point in enumerate(points):
        inside = passing & (probabilities.argmax(axis=1) == number)
        if point.attained:
            assert (labels[inside] == number).mean() == pytest.approx(point.purity, abs=1e-6)
            assert point.purity >= target


def test_coverage_and_purity_of_what_is_sorted() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]], dtype=np.float32)
    outcome = operating_points.outcome(np.array([0, 1, 1]), probabilities, np.array([0.7, 0.5]))
    assert outcome == {"coverage": pytest.approx(2 / 3, abs=1e-6), "purity": 1.0}
