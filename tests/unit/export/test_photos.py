"""Which training photos set the ranges, and which are judged."""

import pytest

from scrapline.export import photos


def test_positions_are_spread_evenly() -> None:
    assert photos.spread(range(11), 3) == [0, 5, 10]
    assert photos.spread([4, 7, 9], 5) == [4, 7, 9]
    assert photos.spread([4, 7, 9], 1) == [4]
    assert photos.spread([4, 7, 9], 0) == []
    assert photos.spread([], 5) == []


@pytest.mark.parametrize(
    ("total", "calibration", "judged", "reused"),
    [
        (1754, 320, 512, 0),  # plenty
        (700, 320, 380, 0),  # all that did not set the ranges
        (448, 320, 128, 0),  # enough
        (447, 320, 128, 1),  # one too few
        (330, 320, 128, 118),
        (320, 320, 128, 128),
        (30, 30, 30, 30),
        (1, 1, 1, 1),
    ],
)
def test_photos_that_set_the_ranges_are_judged_only_where_others_are_few(
    total: int, calibration: int, judged: int, reused: int
) -> None:
    chosen = photos.choose([True] * total, 320)
    assert (len(chosen.calibration), len(chosen.judged), chosen.reused) == (calibration, judged, reused)
    for positions in (chosen.calibration, chosen.judged):
        assert positions == sorted(set(positions))
        assert set(positions) <= set(range(total))


def test_photos_pinned_train_only_set_ranges_and_are_never_judged() -> None:
    chosen = photos.choose([position % 3 > 0 for position in range(900)], 320)
    assert any(position % 3 == 0 for position in chosen.calibration)
    assert all(position % 3 for position in chosen.judged)
    assert len(chosen.judged) == 600 - sum(position % 3 > 0 for position in chosen.calibration)
    few = photos.choose([position == 7 for position in range(30)], 320)
    assert few.judged == [7]
    assert photos.choose([False] * 30, 320).judged == []
