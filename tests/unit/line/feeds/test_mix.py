import numpy as np
import pytest

from scrapline.line.feeds.mix import Mix, item_rng, mixed
from scrapline.system.errors import ScraplineError


class Drawn:
    """A random generator that has drawn this."""

    def __init__(self, drawn: float) -> None:
        self.drawn = drawn

    def random(self) -> float:
        return self.drawn


@pytest.mark.parametrize(
    ("drawn", "expected"), [(0.0, "b"), (0.24, "b"), (0.25, "a"), (0.74, "a"), (0.75, "c"), (0.999, "c")]
)
def test_each_class_has_its_share_of_what_may_be_drawn(drawn: float, expected: str) -> None:
    assert Mix({"b": 0.25, "a": 0.5, "c": 0.25}).draw(Drawn(drawn)) == expected  # type: ignore[arg-type]


def test_shares_whose_sum_is_rounded_down_still_give_a_class() -> None:
    tenths = {str(number): 0.1 for number in range(10)}
    assert sum(tenths.values()) < 1.0
    assert Mix(tenths).draw(Drawn(np.nextafter(1.0, 0.0))) == "9"  # type: ignore[arg-type]


def test_weights_become_shares() -> None:
    assert mixed({"a": 3, "b": 1}, {"a", "b", "c"}, "it").shares == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_a_share_is_a_number_above_nothing(weight: float) -> None:
    with pytest.raises(ScraplineError, match="gives `a` the share"):
        mixed({"a": weight}, {"a"}, "it")


def test_a_class_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ScraplineError, match=r"^the mix names `wood`, of which the box has nothing: it has a, b$"):
        mixed({"a": 1.0, "wood": 1.0}, ["b", "a"], "the box")


def test_every_item_and_every_seed_draws_anew() -> None:
    drawn = {item_rng(seed, number).random() for seed in range(3) for number in range(50)}
    assert len(drawn) == 150
    assert item_rng(2, 49).random() in drawn
