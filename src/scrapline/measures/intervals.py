"""How far the true rate may lie from the one that was counted."""

from dataclasses import dataclass

from scipy.stats import binomtest


@dataclass(frozen=True)
class Interval:
    """Two bounds of a rate, between 0 and 1."""

    low: float
    high: float


def wilson(successes: int, trials: int, *, level: float = 0.95) -> Interval:
    """The score interval of a rate counted as `successes` of `trials` (Wilson 1927), two-sided."""
    found = binomtest(successes, trials).proportion_ci(level, method="wilson")
    return Interval(float(found.low), float(found.high))
