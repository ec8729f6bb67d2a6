"""The ground that lies behind a photo: planted grounds, some of them turned and moved, and the limits of each rule."""

from unittest.mock import Mock

import numpy as np
import pytest
from scipy import ndimage

from scrapline.data.duplicates import alignment, orientations, registration
from scrapline.data.duplicates.alignment import Peak
from scrapline.data.duplicates.grounds import Grounds
from scrapline.data.duplicates.registration import Registrar
from scrapline.data.duplicates.views import View

IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
INNER = slice(10, -10)


def ground(seed: int, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """A part of a large rough surface, begun so many pixels further down and right: RGB [64, 64, 3]."""
    surface = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(96, 96)), 1.2)
    surface = 100 + 10 * surface / surface.std()
    down, right = 16 + shift[0], 16 + shift[1]
    part = surface[down : down + 64, right : right + 64]
    return np.repeat(part[..., None], 3, axis=2).astype(np.float32)


def registrar(*pictures: np.ndarray) -> Registrar:
    return Registrar(Grounds(np.stack(pictures), np.empty(0, np.int16)))


def with_object(picture: np.ndarray) -> np.ndarray:
    shown = picture.copy()
    shown[24:40, 24:40] = 180
    return shown


def off(found: np.ndarray | None, wanted: np.ndarray) -> float:
    """The mean difference inside, in levels; the grounds' own standard deviation is 10."""
    assert found is not None
    assert found.shape == (64, 64, 3)
    return float(np.abs(found - wanted)[INNER, INNER].mean())


def test_where_no_grounds_are_known_none_lies_behind() -> None:
    without = Registrar(Grounds(np.empty((0, 64, 64, 3), np.float32), np.empty(0, np.int16)))
    assert without.behind(View(ground(1))) is None


@pytest.mark.parametrize("way", [0, 1, 6])
def test_a_ground_that_lies_in_its_place_stays_as_the_view_has_it(way: int) -> None:
    grounds = registrar(ground(1), ground(2))
    view = View(with_object(ground(2)), 0, 1, ground(2)).turned(way)
    assert grounds.behind(view) is view.ground


@pytest.mark.parametrize("way", [0, 5])
@pytest.mark.parametrize("shift", [(1, 0), (-5, 6)])
def test_the_ground_that_a_view_is_known_by_is_moved_to_its_place(way: int, shift: tuple[int, int]) -> None:
    """By a pixel, which least squares alone finds, and by more, which the peak of the correlation begins at."""
    grounds = registrar(ground(2), ground(1))
    view = View(with_object(ground(1, shift)), 0, 1, ground(1)).turned(way)
    assert off(grounds.behind(view), orientations.oriented(ground(1, shift), way)) < 1.5


@pytest.mark.parametrize(("height", "found"), [(5.0, True), (4.99, False)])
def test_a_peak_of_five_deviations_is_believed(monkeypatch: pytest.MonkeyPatch, height: float, found: bool) -> None:
    """From its own place, a ground that lies 8 pixels off isn't reached."""
    view = View(with_object(ground(1, (-5, 6))), 0, 0, ground(1))
    monkeypatch.setattr(alignment, "peak", lambda *_: Peak(height, np.array([1.0, 1.0, 0.0, 6.0, -5.0])))
    behind = registrar(ground(1)).behind(view)
    assert (behind is not view.ground) is found
    assert not found or off(behind, ground(1, (-5, 6))) < 1.5


@pytest.mark.parametrize(("number", "way"), [(0, 0), (1, 3), (2, 7), (2, 5)])
def test_an_unknown_ground_is_found_in_its_orientation_and_place(number: int, way: int) -> None:
    grounds = registrar(ground(1), ground(2), ground(3))
    wanted = ground(number + 1, (4, -3))
    view = View(with_object(wanted)).turned(way)
    assert off(grounds.behind(view), orientations.oriented(wanted, way)) < 1.5


def test_a_view_on_another_ground_has_none_behind_it() -> None:
    grounds = registrar(ground(1), ground(2))
    assert [grounds.behind(View(with_object(ground(seed)))) for seed in (4, 5, 6)] == [None] * 3


def heights(monkeypatch: pytest.MonkeyPatch, of: dict[int, float], rest: float = 0) -> None:
    """Plant the heights of the grounds' peaks: eight places for each ground, one for each orientation."""
    planted = np.array([of.get(place, rest) for place in range(24)], np.float32)
    monkeypatch.setattr(alignment, "heights", lambda *_: planted)


@pytest.mark.parametrize(
    ("of", "rest", "found"),
    [
        ({8: 5.0}, 4.99, True),
        ({8: 4.99}, 4.98, False),
        ({8: 6, 1: 9, 17: 8, 23: 7}, 5.5, True),  # the fourth
        ({8: 6, 1: 9, 17: 8, 23: 7, 2: 7.5}, 5.5, False),  # the fifth
        ({0: 0, 1: 0, 2: 0, 3: 0, 4: 0}, 7, True),  # of equals, the first ones
        ({0: 0, 1: 0, 2: 0, 3: 0}, 7, False),
    ],
)
def test_the_four_grounds_that_peak_highest_are_tried_if_they_peak_at_all(
    monkeypatch: pytest.MonkeyPatch, of: dict[int, float], rest: float, found: bool
) -> None:
    """Place 8 is the second ground, upright: it alone is the view's; others may fit a little by chance."""
    heights(monkeypatch, of, rest)
    behind = registrar(ground(1), ground(2), ground(3)).behind(View(with_object(ground(2))))
    assert (behind is not None and off(behind, ground(2)) < 1.5) is found


@pytest.mark.parametrize("order", [{0: 9, 8: 8}, {0: 8, 8: 9}])
def test_of_two_grounds_the_one_that_fits_better_lies_behind(
    monkeypatch: pytest.MonkeyPatch, order: dict[int, float]
) -> None:
    heights(monkeypatch, order)
    worn = 0.7 * ground(1) + 0.3 * ground(9)
    found = registrar(ground(1), worn, ground(3)).behind(View(with_object(ground(1))))
    assert off(found, ground(1)) < 0.5 < off(worn, ground(1))


def test_a_ground_that_cannot_be_aligned_leaves_the_next_its_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    heights(monkeypatch, {0: 9, 8: 8})
    monkeypatch.setattr(alignment, "aligned", Mock(side_effect=[None, IN_PLACE]))
    found = registrar(ground(1), ground(2), ground(3)).behind(View(with_object(ground(2))))
    assert off(found, ground(2)) == 0


@pytest.mark.parametrize(
    ("number", "correlations", "found"),
    [
        (-1, [0.081], True),
        (-1, [0.08], False),
        # Known: first, how well the ground fits in its place, and then, aligned
        (0, [0.5, 0.511], True),
        (0, [0.5, 0.509], False),
        (0, [-0.5, 0.08], False),
        (0, [-0.5, 0.081], True),
    ],
)
def test_a_ground_must_show_and_a_moved_one_must_fit_better_than_one_in_place(
    monkeypatch: pytest.MonkeyPatch, number: int, correlations: list[float], found: bool
) -> None:
    heights(monkeypatch, {0: 9})
    moved = np.array([[1, 0, 2], [0, 1, 0]], np.float32)
    monkeypatch.setattr(alignment, "peak", lambda *_: Peak(0, np.array([1.0, 1.0, 0, 0, 0])))
    monkeypatch.setattr(alignment, "aligned", lambda *_: moved)
    monkeypatch.setattr(registration, "correlation", Mock(side_effect=correlations))
    view = View(ground(1), 0, number, None if number < 0 else ground(1))
    behind = registrar(ground(1), ground(2), ground(3)).behind(view)
    if found:
        np.testing.assert_allclose(behind[:, :60], ground(1)[:, 2:62], atol=1e-3)
    else:
        assert behind is view.ground


def test_a_ground_is_turned_once_while_it_is_among_the_64_used_last() -> None:
    grounds = registrar(*(ground(seed) for seed in range(9)))
    places = [divmod(place, 8) for place in range(65)]
    turned = [grounds._oriented(*place) for place in places[:64]]
    np.testing.assert_array_equal(turned[10].levels, ground(1)[::-1])
    assert all(grounds._oriented(*place) is view for place, view in zip(places[:64], turned, strict=True))
    grounds._oriented(*places[64])
    assert grounds._oriented(*places[1]) is turned[1]
    assert grounds._oriented(*places[0]) is not turned[0]
