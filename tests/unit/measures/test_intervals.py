import math

import pytest
from scipy.stats import norm

from scrapline.measures.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "level"), [(3, 4, 0.95), (391, 430, 0.95), (45, 45, 0.9), (0, 7, 0.99)]
)
def test_wilson_is_its_closed_form(successes: int, trials: int, level: float) -> None:
    z, p = norm.ppf(0.5 + level / 2), successes / trials
    middle = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    found = wilson(successes, trials, level=level)
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=1e-12)


def test_the_level_is_95_percent_unless_asked() -> None:
    """81 of 263 is Newcombe's (1998) first example: 0.2553 to 0.3662."""
    found = wilson(81, 263)
    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)
