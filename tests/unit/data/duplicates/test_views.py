"""A photo without its ground, turned, and what is made of it, against least squares worked out anew."""

import numpy as np
from scipy import ndimage

from scrapline.data.duplicates import alignment, views
from scrapline.data.duplicates.views import View

RAMP = np.arange(64) / 64 - 0.5
DOWN, RIGHT = np.meshgrid(RAMP, RAMP, indexing="ij")


def rough(seed: int, spread: float, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, spread, shape).astype(np.float32)


def grey(levels: np.ndarray) -> np.ndarray:
    """RGB whose luma is `levels`."""
    return np.repeat(levels[..., None], 3, axis=2).astype(np.float32)


def gaussian(picture: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(picture.astype(np.float64), sigma, mode="mirror", truncate=4)


def test_a_turned_view_turns_the_ground_with_the_photo() -> None:
    levels, ground = rough(1, 20, 64, 64, 3), rough(2, 20, 64, 64, 3)
    turned = View(levels, 0, 7, ground).turned(5)
    np.testing.assert_array_equal(turned.levels, np.rot90(levels, -1))
    np.testing.assert_array_equal(turned.ground, np.rot90(ground, -1))
    assert (turned.orientation, turned.number) == (5, 7)


def test_a_turned_view_without_a_ground_has_none() -> None:
    levels = rough(1, 20, 64, 64, 3)
    turned = View(levels).turned(1)
    np.testing.assert_array_equal(turned.levels, levels[:, ::-1])
    assert (turned.orientation, turned.number, turned.ground) == (1, -1, None)


def test_the_object_is_what_uneven_light_on_the_ground_leaves() -> None:
    """An object of a sixth of the pixels, on a ground that is brighter to the right and below, under a veil."""
    ground = rough(3, 15, 64, 64)
    lit = 12 + 6 * RIGHT - 4 * DOWN + ground * (0.8 + 0.2 * RIGHT + 0.15 * DOWN)
    thing = np.zeros((64, 64))
    thing[20:44, 16:44] = 60
    found = views._without(lit + thing, ground)
    assert found.dtype == np.float32
    # One round with even weights and one without leave a twentieth of the object in the light.
    np.testing.assert_allclose(found, thing, atol=3)


def test_the_ground_is_fitted_in_two_rounds_to_every_second_row() -> None:
    """What is left is that of weighted ridge regression, with floor and ridge as they are; odd rows don't count."""
    ground = rough(4, 3, 64, 64)
    levels = 0.7 * ground + 3 * RIGHT + rough(5, 0.4, 64, 64) + np.where(rough(6, 1, 64, 64) > 101, 8, 0)
    columns = np.stack([np.ones((64, 64)), RIGHT, DOWN, ground, ground * RIGHT, ground * DOWN]).astype(np.float64)
    design, target = columns[:, ::2].reshape(6, -1), levels[::2].ravel()
    mixture, off = np.zeros(6), np.zeros(2048)
    for _ in range(2):
        roots = 1 / np.sqrt(1 + (off / (1.5 * np.median(np.abs(off)) + 0.5)) ** 2)
        rows = np.vstack([(design * roots).T, np.sqrt(1e-3) * np.eye(6)])
        mixture = np.linalg.lstsq(rows, np.concatenate([target * roots, np.zeros(6)]), rcond=None)[0]
        off = target - mixture @ design
    wanted = levels - np.tensordot(mixture, columns, axes=1)
    levels[1::2] += 50
    found = views._without(levels.astype(np.float32), ground)
    found[1::2] -= 50
    # Single precision: the ground's columns are nearly those of the light.
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_a_black_ground_takes_nothing_but_the_light() -> None:
    levels = (50 + 20 * RIGHT + 10 * DOWN).astype(np.float32)
    found = views._without(levels, np.zeros((64, 64), np.float32))
    np.testing.assert_allclose(found, np.zeros((64, 64)), atol=1e-3)


def test_views_leave_out_the_ground_where_they_know_it_and_only_there() -> None:
    ground = rough(3, 15, 64, 64)
    thing = np.zeros((64, 64), np.float32)
    thing[20:44, 16:44] = 60
    plain, known = View(grey(ground + thing)), View(grey(ground + thing), 0, 0, grey(ground))
    np.testing.assert_array_equal(plain.object, plain.luma)
    np.testing.assert_array_equal(plain.object_spectra, plain.spectra)
    np.testing.assert_allclose(known.object - known.object[0, 0], thing, atol=3)
    np.testing.assert_array_equal(known.object_spectra, alignment.spectra(known.object))
    np.testing.assert_array_equal(known.spectra, plain.spectra)
    for view, detail, picture in (
        (plain, plain.detail, plain.luma),
        (known, known.detail, known.object),
        (known, known.whole_detail, known.luma),
    ):
        soft = gaussian(picture, 0.8)
        np.testing.assert_allclose(detail, soft - gaussian(soft, 2.5), atol=5e-3, err_msg=str(view.number))
