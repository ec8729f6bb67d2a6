"""Fine detail and the fits of it, against SciPy's filters and least squares worked out anew."""

import numpy as np
import pytest
from scipy import ndimage, optimize

from scrapline.data.duplicates import textures


def rough(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(100, 20, shape).astype(np.float32)


def gaussian(picture: np.ndarray, sigma: float) -> np.ndarray:
    """OpenCV's for float32 ends at four standard deviations and mirrors the picture at its edge pixels' centres."""
    return ndimage.gaussian_filter(picture.astype(np.float64), sigma, mode="mirror", truncate=4)


def test_luma_weighs_the_channels_as_television_does() -> None:
    picture = np.array([[[100, 0, 0], [0, 100, 0]], [[0, 0, 100], [10, 20, 30]]], np.float64)
    found = textures.luma(picture)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[29.9, 58.7], [11.4, 2.99 + 11.74 + 3.42]], rtol=1e-6)


@pytest.mark.parametrize("sigma", [0.8, 2.5])
def test_a_blur_is_gaussian_in_each_channel(sigma: float) -> None:
    picture = rough(40, 40, 3)
    wanted = np.stack([gaussian(picture[..., channel], sigma) for channel in range(3)], axis=-1)
    for found, expected in (
        (textures.blurred(picture, sigma), wanted),
        (textures.blurred(picture.astype(np.float64)[..., 1], sigma), wanted[..., 1]),
    ):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=2e-3)


def test_fine_detail_is_what_a_blur_of_two_and_a_half_pixels_takes_away() -> None:
    picture = rough(64, 64)
    np.testing.assert_allclose(textures.fine_detail(picture), picture - gaussian(picture, 2.5), atol=2e-3)


def test_the_median_is_the_upper_of_two_middle_values() -> None:
    assert textures.median(np.array([[9, 1], [5, 3]], np.float32)) == 5
    assert textures.median(np.array([9, 1, 5, 3, 4], np.float32)) == 4
    assert textures.median(np.array([7], np.float32)) == 7
    values = rough(7, 11)
    assert textures.median(values) == np.median(values)
    assert isinstance(textures.median(values), float)


def test_texture_is_detail_in_units_of_its_median_but_at_most_two() -> None:
    """A tenth of the pixels are far brighter: unclipped, they would be ten units and more."""
    picture = rough(64, 64).astype(np.float64)
    picture[np.random.default_rng(1).random((64, 64)) < 0.1] += 300
    detail = picture - gaussian(picture, 2.5)
    found = textures.texture(picture)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.clip(detail / np.median(np.abs(detail)), -2, 2), atol=2e-3)
    assert found.max() == 2
    assert found.min() == -2


def test_the_texture_of_a_picture_with_next_to_no_detail_is_in_twentieths_of_a_level() -> None:
    """All but the place around one dot is flat: the median detail is 0. Rounding leaves no texture."""
    picture = np.zeros((64, 64), np.float32)
    picture[30, 30] = 0.075
    detail = picture - gaussian(picture, 2.5)
    np.testing.assert_allclose(textures.texture(picture), detail / 0.05, atol=1e-4)
    assert np.abs(textures.texture(np.full((64, 64), 77, np.float32))).max() < 0.001


def columns_and_levels() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three columns and levels that 2, -1 and 30 of them make up, to within 0.5, but for a tenth of them; weights."""
    rng = np.random.default_rng(3)
    columns = np.stack([rng.normal(0, 5, 400), rng.normal(0, 5, 400), np.ones(400)]).astype(np.float32)
    levels = (np.array([2, -1, 30]) @ columns + rng.normal(0, 0.5, 400)).astype(np.float32)
    levels[:40] += 60
    return columns, levels, rng.uniform(0.2, 1, 400).astype(np.float32), rng.normal(0, 4, 400).astype(np.float32)


def test_one_round_of_a_mixture_is_ridge_regression_with_weights_from_the_misfit_given() -> None:
    columns, levels, weights, off = columns_and_levels()
    scale = 1.5 * np.median(np.abs(off)) + 0.7
    roots = np.sqrt(weights / (1 + (off / scale) ** 2))
    design = np.vstack([(columns * roots).T, np.sqrt(50.0) * np.eye(3)])
    wanted = np.linalg.lstsq(design, np.concatenate([levels * roots, np.zeros(3)]))[0]
    found = textures.robust_mixture(columns, levels, weights, off, rounds=1, floor=0.7, ridge=50.0)
    assert found.dtype == np.float32
    # The upper of two middle misfits is a little more than their mean, which is NumPy's median.
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_many_rounds_of_a_mixture_lead_to_the_least_cauchy_loss() -> None:
    """The scale is `floor` itself where the misfits are far smaller: then the loss has one form in every round."""
    columns, levels, weights, off = columns_and_levels()
    floor = 1000.0

    def residuals(mixture: np.ndarray) -> np.ndarray:
        misfit = (levels - mixture @ columns) / floor
        return np.sqrt(weights * np.log1p(misfit**2))

    wanted = optimize.least_squares(residuals, [1.0, 1.0, 1.0], xtol=1e-14, ftol=1e-14, gtol=1e-14).x
    found = textures.robust_mixture(columns, levels, weights, off, rounds=3, floor=floor, ridge=1e-6)
    np.testing.assert_allclose(found, wanted, rtol=2e-3)


def test_rounds_of_a_mixture_leave_out_what_does_not_fit() -> None:
    """The first round, with even weights, is 6 levels off; later ones know the misfit of the round before."""
    columns, levels, weights, off = columns_and_levels()
    even = np.zeros_like(off)
    once, often = (
        textures.robust_mixture(columns, levels, weights, even, rounds=rounds, floor=0.5, ridge=1e-3)
        for rounds in (1, 8)
    )
    assert abs(once[2] - 30) > 3
    np.testing.assert_allclose(often, [2, -1, 30], atol=0.1)


def test_a_mixture_begins_with_nothing_of_any_column() -> None:
    columns, levels, weights, off = columns_and_levels()
    found = textures.robust_mixture(columns, levels, weights, off, rounds=0, floor=1.0, ridge=1.0)
    assert found.dtype == np.float32
    assert found.tolist() == [0, 0, 0]


def test_correlation_is_the_cosine_of_the_angle_between_two_textures() -> None:
    first, second = rough(8, 8, seed=1) - 100, rough(8, 8, seed=2) - 90
    cosine = np.vdot(first, second) / (np.linalg.norm(first) * np.linalg.norm(second))
    assert textures.correlation(first, second) == pytest.approx(cosine, rel=1e-5)
    assert textures.correlation(first, -3 * first) == pytest.approx(-1, rel=1e-5)
    assert textures.correlation(np.array([3, 4], np.float32), np.array([4, 3], np.float32)) == pytest.approx(0.96)


def test_a_texture_of_nothing_correlates_with_nothing() -> None:
    assert textures.correlation(np.zeros(4, np.float32), np.ones(4, np.float32)) == 0
    # Two of length 1e-4: their product is divided by a millionth at least.
    tiny = np.array([1e-4, 0], np.float32)
    assert textures.correlation(tiny, tiny) == pytest.approx(1e-8 / 1e-6, rel=1e-4)
