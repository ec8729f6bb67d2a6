import math

import pytest

from scrapline.train.schedule import warm_up_and_cosine


def test_a_hundred_steps_by_hand() -> None:
    """Five steps up to 1, then half a cosine over the other 95."""
    shares = [warm_up_and_cosine(step, 100) for step in range(101)]
    assert shares[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert shares[24] == pytest.approx(0.5 * (1 + math.cos(math.pi * 0.2)))
    assert shares[100] == pytest.approx(0, abs=1e-12)
    assert shares[5:] == sorted(shares[5:], reverse=True)


@pytest.mark.parametrize(
    ("step", "total", "share"),
    [
        (0, 1, 1.0),  # one step warms up and is done
        (1, 1, 1.0),
        (0, 10, 1.0),  # half a step of warm-up rounds to none, and is one
        (1, 10, 1.0),
        (4, 10, 0.75),  # a third of the way: (1 + cos 60 degrees) / 2
        (10, 10, 0.0),
        (25, 10, 0.0),  # past the end
        (0, 40, 0.5),  # two steps of warm-up
        (1, 40, 1.0),
        (21, 40, 0.5),  # 2 + 19 of 38: half of the way down
    ],
)
def test_the_share_at_a_step(step: int, total: int, share: float) -> None:
    assert warm_up_and_cosine(step, total) == pytest.approx(share, abs=1e-9)
