"""How often each class comes along the belt, and of which class an item is: a matter of seed and number alone."""

import math
from bisect import bisect
from collections.abc import Collection
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from scrapline.system.errors import ScraplineError


@dataclass(frozen=True)
class Mix:
    """Each class's share of the items, positive; together 1."""

    shares: dict[str, float]

    def draw(self, rng: np.random.Generator) -> str:
        """The class of one item."""
        classes = list(self.shares)
        place = bisect(list(accumulate(self.shares.values())), rng.random())
        return classes[min(place, len(classes) - 1)]  # the sum of shares may come out a little under 1


def mixed(wanted: dict[str, float], there: Collection[str], where: str) -> Mix:
    """The mix of positive weights per class as shares; ScraplineError where one is no such, or its class not `there`.

    `where` is what holds the classes, for the message.
    """
    for name, weight in wanted.items():
        if name not in there:
            raise ScraplineError(f"the mix names `{name}`, of which {where} has nothing: it has {_listed(there)}")
        if not (weight > 0 and math.isfinite(weight)):
            raise ScraplineError(f"the mix gives `{name}` the share {weight:g}: shares are numbers above 0")
    total = math.fsum(wanted.values())
    return Mix({name: weight / total for name, weight in wanted.items()})


def item_rng(seed: int, number: int) -> np.random.Generator:
    """What decides about item `number`, without any state: a run that goes on later sees what it would have seen."""
    return np.random.default_rng([seed, number])


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "no classes"
