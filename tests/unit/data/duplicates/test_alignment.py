"""Phase correlation and least squares, against planted moves and the same formulas in NumPy and SciPy."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from scrapline.data.duplicates import alignment
from scrapline.data.duplicates.alignment import Peak, Round, Spectra

CROPS = (1.0, 0.95, 0.9)
STILL = np.array([1.0, 1.0, 0.0, 0.0, 0.0])


def smooth(seed: int, sigma: float = 2.0, side: int = 64) -> np.ndarray:
    """A picture with detail of some pixels, about 100 with a standard deviation of 30."""
    picture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(side, side)), sigma, mode="wrap")
    return (100 + 30 * picture / picture.std()).astype(np.float32)


def gaussian(picture: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(picture.astype(np.float64), sigma, mode="mirror", truncate=4)


def halved(picture: np.ndarray) -> np.ndarray:
    """Means of 2 x 2 pixels."""
    return picture.astype(np.float64).reshape(32, 2, 32, 2).mean(axis=(1, 3))


def matrix(pose: np.ndarray, side: int = 64) -> np.ndarray:
    """Zoom and turn about the centre of the picture, and then shift; shifts are in pixels of 64 a side."""
    zoom_x, zoom_y, turn, right, down = pose
    linear = np.array([[zoom_x, -turn], [turn, zoom_y]])
    centre = np.full(2, (side - 1) / 2)
    return np.column_stack([linear, centre - linear @ centre + np.array([right, down]) * side / 64])


def undone(by: np.ndarray) -> np.ndarray:
    """The matrix that leads back."""
    return np.linalg.inv(np.vstack([by, [0, 0, 1]]))[:2]


def sampled(picture: np.ndarray, by: np.ndarray, side: int, mode: str = "grid-constant", fill: float = 0) -> np.ndarray:
    """The picture at `by` of each pixel, between pixels by bilinear interpolation."""
    y, x = np.mgrid[0:side, 0:side]
    at_x, at_y = (row[0] * x + row[1] * y + row[2] for row in np.asarray(by, np.float64))
    return ndimage.map_coordinates(picture.astype(np.float64), [at_y, at_x], order=1, mode=mode, cval=fill)


# Phase correlation


def test_spectra_are_the_phases_of_the_picture_and_of_its_inner_parts() -> None:
    """Weak frequencies count less than in full, and those of a band most, by the formulas of the method."""
    picture = smooth(1)
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.rfftfreq(32)[None])
    band = np.exp(-((frequency / 0.44) ** 2)) * (1 - np.exp(-((frequency / 0.1) ** 2)))
    hann = np.sin(np.pi * np.arange(1, 33) / 33) ** 2
    wanted = []
    for crop in CROPS:
        zoom = 2 * crop
        inner = sampled(
            gaussian(picture, 0.8), [[zoom, 0, 31.5 - 15.5 * zoom], [0, zoom, 31.5 - 15.5 * zoom]], 32, "nearest"
        )
        found = np.fft.rfft2((inner - inner.mean()) * np.sqrt(np.outer(hann, hann)))
        size = np.abs(found)
        # The upper of the two middle sizes.
        wanted.append(found / (size + 0.3 * np.sort(size.ravel())[size.size // 2] + 1e-3) * band)
    found = alignment.spectra(picture)
    assert found.dtype == np.complex64
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_the_spectra_of_a_plain_picture_are_nothing() -> None:
    """Its frequencies of single precision's size are divided by a thousandth of a level at least."""
    assert np.abs(alignment.spectra(np.full((64, 64), 90, np.float32))).max() < 0.05


def test_faint_frequencies_are_divided_by_a_thousandth_of_a_level_more() -> None:
    picture = 1e-4 * (smooth(2) - 100)
    by_hand = alignment.spectra(1e4 * picture)
    soft = gaussian(picture, 0.8)
    inner = sampled(soft, [[2, 0, 0.5], [0, 2, 0.5]], 32)
    hann = np.sin(np.pi * np.arange(1, 33) / 33) ** 2
    size = np.abs(np.fft.rfft2((inner - inner.mean()) * np.sqrt(np.outer(hann, hann))))
    middle = 0.3 * np.sort(size.ravel())[size.size // 2]
    wanted = by_hand[0] * (size + middle) / (size + middle + 1e-3)
    np.testing.assert_allclose(alignment.spectra(picture)[0], wanted, atol=1e-3)


def phases(seed: int) -> tuple[np.ndarray, Spectra]:
    """Three pictures 32 x 32 each of whose frequencies is as strong as the others; and their spectra."""
    spectra = np.fft.rfft2(np.random.default_rng(seed).normal(size=(3, 32, 32)))
    spectra /= np.abs(spectra)
    return np.fft.irfft2(spectra), spectra.astype(np.complex64)


# A correlation of 1 at one place and 0 at the 1,023 others, in standard deviations.
LONE = 1024 / np.sqrt(1023)


@pytest.mark.parametrize(
    ("first", "second", "right", "down"),
    [(0, 0, 3, -2), (0, 1, -4, 4), (0, 2, 1, 0), (1, 0, 4, -4), (2, 0, 0, -1), (0, 0, 0, 0)],
)
def test_a_peak_is_where_one_crop_of_a_picture_lies_on_another(first: int, second: int, right: int, down: int) -> None:
    """The other picture's crop shows at x what the reference's shows at x + (right, down), in pixels of two."""
    pictures, reference = phases(1)
    other = phases(2)[1]
    other[second] = np.fft.rfft2(np.roll(pictures[first], (-down, -right), axis=(0, 1)))
    found = alignment.peak(reference, other)
    assert found.height == pytest.approx(LONE, rel=1e-3)
    zoom, step = CROPS[second] / CROPS[first], 2 * CROPS[second]
    np.testing.assert_allclose(found.pose, [zoom, zoom, 0, -step * right, -step * down], atol=1e-12)
    assert alignment.heights(reference, np.stack([phases(3)[1], other]))[1] == pytest.approx(LONE, rel=1e-3)


@pytest.mark.parametrize(("right", "down"), [(5, 0), (-5, 0), (0, 5), (0, -5), (16, 16)])
def test_a_move_of_more_than_four_coarse_pixels_is_not_looked_for(right: int, down: int) -> None:
    pictures, reference = phases(1)
    other = phases(2)[1]
    other[0] = np.fft.rfft2(np.roll(pictures[0], (-down, -right), axis=(0, 1)))
    assert alignment.peak(reference, other).height < 6


def test_heights_are_the_highest_correlations_over_all_pairs_of_crops() -> None:
    reference, others = phases(1)[1], np.stack([phases(seed)[1] for seed in (2, 3, 4)])
    others *= np.array([1, 0.01, 100], np.float32)[:, None, None, None]
    others[:, 1] *= 50
    wanted = []
    for other in others:
        highest = -np.inf
        for first, second in ((0, 0), (0, 1), (0, 2), (1, 0), (2, 0)):
            surface = np.fft.irfft2(reference[first] * other[second].conj())
            near = np.roll(surface, (4, 4), axis=(0, 1))[:9, :9]
            highest = max(highest, near.max() / surface.std())
        wanted.append(highest)
    found = alignment.heights(reference, others)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    np.testing.assert_allclose([alignment.peak(reference, other).height for other in others], wanted, rtol=1e-4)


def test_next_to_nothing_peaks_nowhere() -> None:
    """To the standard deviation, 1e-12 is added."""
    spectra = phases(1)[1]
    faint = np.float32(1e-12) * spectra
    assert alignment.heights(spectra, faint[None])[0] == pytest.approx(1 / (1 / LONE + 1), rel=1e-3)
    nothing = np.zeros((3, 32, 17), np.complex64)
    assert alignment.heights(phases(1)[1], nothing[None]).tolist() == [0]
    assert alignment.peak(nothing, nothing).height == 0


def test_a_peak_is_in_place_when_it_is_neither_zoomed_nor_moved_by_more_than_two_pixels() -> None:
    assert Peak(9, np.array([1, 1, 0, -2, 2.0])).in_place
    assert not Peak(9, np.array([1, 1, 0, 4, 0.0])).in_place
    assert not Peak(9, np.array([1, 1, 0, 0, -4.0])).in_place
    assert not Peak(9, np.array([0.95, 0.95, 0, 0, 0])).in_place


# The glance


def test_coarse_detail_lies_between_two_blurs_of_the_halved_picture() -> None:
    picture = smooth(3, 1.0)
    small = gaussian(halved(picture), 0.6)
    np.testing.assert_allclose(alignment.coarse_detail(picture), small - gaussian(small, 1.5), atol=2e-3)


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.vdot(first, second) / (np.linalg.norm(first) * np.linalg.norm(second)))


@pytest.mark.parametrize("pose", [[1, 1, 0, 0, 0], [1.05, 0.97, 0.03, 5, -3], [1, 1, 0, 0, 6], [1, 1, 0, 0, -6]])
def test_agreement_is_the_cosine_of_the_details_where_they_are_laid_on_each_other(pose: list[float]) -> None:
    """Of all rows, of all but the upper eight or of all but the lower eight: the highest."""
    reference = smooth(4, 1.0, 32) - 100
    laid_under = sampled(reference, undone(matrix(pose, 32)), 32)
    other = (0.6 * laid_under + 0.4 * (smooth(5, 1.0, 32) - 100)).astype(np.float32)
    laid = sampled(other, matrix(pose, 32), 32)
    wanted = max(cosine(reference[rows], laid[rows]) for rows in (slice(None), slice(8, None), slice(None, -8)))
    assert alignment.agreement(reference, other, np.array(pose)) == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("stamp", [slice(0, 8), slice(24, 32)])
def test_a_stamp_in_the_upper_or_lower_quarter_does_not_count(stamp: slice) -> None:
    reference = smooth(4, 1.0, 32) - 100
    other = reference.copy()
    other[stamp] = 300 * np.random.default_rng(5).normal(size=(8, 32))
    assert alignment.agreement(reference, 0.5 * other, STILL) == pytest.approx(1, abs=1e-5)
    other[8 if stamp.start == 0 else 23] *= -1
    assert alignment.agreement(reference, 0.5 * other, STILL) < 0.99


def test_details_of_almost_nothing_do_not_agree() -> None:
    reference = np.zeros((32, 32), np.float32)
    reference[14:18, 14:18] = 0.02
    energy = 16 * 0.02**2
    assert alignment.agreement(reference, reference, STILL) == pytest.approx(energy / np.sqrt(energy**2 + 1e-3), 1e-4)
    assert alignment.agreement(0 * reference, reference, STILL) == 0


# Least squares


def test_rounds_hold_the_softened_picture_and_its_derivatives_by_pose_and_light() -> None:
    """Derivatives: of a zoom along x and y, a turn, shifts along x and y, gain and offset; all per pixel of 64."""
    picture = smooth(6)
    first, second = alignment.rounds(picture)
    assert (first.side, first.blur, first.steps) == (32, 1.0, 10)
    assert (second.side, second.blur, second.steps) == (64, 1.0, 5)
    softened = alignment.softened(picture)
    for each, small, soft in zip((first, second), (halved(picture), picture), softened, strict=True):
        wanted = gaussian(small, 1.0)
        np.testing.assert_allclose(soft, wanted, atol=2e-3)
        assert each.levels.shape == (each.side**2,)
        np.testing.assert_allclose(each.levels.reshape(soft.shape), wanted, atol=2e-3)
        assert each.derivatives.dtype == np.float32
        pixel = 64 / each.side
        along_y, along_x = (ndimage.sobel(wanted, axis=axis, mode="mirror") / 8 / pixel for axis in (0, 1))
        at_y, at_x = (np.mgrid[0 : each.side, 0 : each.side] - (each.side - 1) / 2) * pixel
        columns = [along_x * at_x, along_y * at_y, along_y * at_x - along_x * at_y, along_x, along_y, wanted]
        for number, column in enumerate([*columns, np.ones_like(wanted)]):
            found = each.derivatives[number].reshape(each.side, each.side)
            np.testing.assert_allclose(found, column, atol=0.02, err_msg=str(number))


def without_steps(side: int) -> tuple[list[Round], list[np.ndarray]]:
    """What makes `aligned` judge the pose that it begins at."""
    return [Round(side, 1.0, 0, np.ones(side * side), np.ones((7, side * side)))], [np.ones((side, side))]


@pytest.mark.parametrize(
    "pose", [[1.1, 1.12, 0.03, 4, -2], [0.9, 0.9, -0.05, -1, 3], [1, 1, 0, 0.5, 0], [1.0, 1.1, 0.01, 0, 7]]
)
def test_the_matrix_zooms_and_turns_about_the_centre_and_then_shifts(pose: list[float]) -> None:
    for side in (32, 64):
        found = alignment.aligned(*without_steps(side), np.array(pose))
        np.testing.assert_allclose(found, matrix(np.array(pose)), atol=1e-5)


EVEN = float(np.exp(0.029))
UNEVEN = float(np.exp(0.031))
LESS_UNEVEN = float(np.exp(0.044))
MORE_UNEVEN = float(np.exp(0.046))


@pytest.mark.parametrize(
    ("pose", "early", "late"),
    [
        ([1.209, 1.209, 0, 0, 0], True, True),
        ([1.21, 1.21, 0, 0, 0], False, False),
        ([1.195, 1.211, 0, 0, 0], False, False),
        ([0.828, 0.828, 0, 0, 0], True, True),
        ([1 / 1.21, 1 / 1.21, 0, 0, 0], False, False),
        ([0.84, 0.825, 0, 0, 0], False, False),
        ([1, 1, 0.069, 0, 0], True, True),
        ([1, 1, -0.069, 0, 0], True, True),
        ([1, 1, 0.07, 0, 0], False, False),
        ([1, 1, -0.071, 0, 0], False, False),
        ([1, 1, 0, 9.9, -9.9], True, True),
        ([1, 1, 0, 10, 0], False, False),
        ([1, 1, 0, 0, -10.1], False, False),
        # Sides that are stretched unevenly, more of it before the last round
        ([1.05, 1.05 * EVEN, 0, 0, 0], True, True),
        ([1.05 * EVEN, 1.05, 0, 0, 0], True, True),
        ([1.05, 1.05 * UNEVEN, 0, 0, 0], True, False),
        ([0.9 * UNEVEN, 0.9, 0, 0, 0], True, False),
        ([1.05, 1.05 * LESS_UNEVEN, 0, 0, 0], True, False),
        ([1.05, 1.05 * MORE_UNEVEN, 0, 0, 0], False, False),
        # One side kept as it is, to within 0.012, the other one cropped
        ([1.011, 1.15, 0, 0, 0], True, True),
        ([1.15, 0.989, 0, 0, 0], True, True),
        ([1.013, 1.15, 0, 0, 0], True, False),
        ([0.9, 0.983, 0, 0, 0], True, False),
        ([1.019, 1.15, 0, 0, 0], False, False),
        ([0.9, 0.981, 0, 0, 0], False, False),
    ],
)
def test_poses_that_copies_do_not_come_in_are_none(pose: list[float], early: bool, late: bool) -> None:
    """`early`: at 32 pixels a side, where more is let through; `late`: at 64."""
    assert (alignment.aligned(*without_steps(32), np.array(pose)) is not None) is early
    assert (alignment.aligned(*without_steps(64), np.array(pose)) is not None) is late


def test_an_implausible_pose_of_the_first_round_is_not_made_good_by_the_second() -> None:
    first, second = without_steps(32), without_steps(64)
    far, near = np.array([1.3, 1.3, 0, 0, 0]), np.array([1.05, 1.05, 0, 0, 0])
    both = [*first[0], *second[0]], [*first[1], *second[1]]
    assert alignment.aligned(*both, far) is None
    np.testing.assert_allclose(alignment.aligned(*both, near), matrix(near), atol=1e-5)


def test_rounds_need_a_picture_each() -> None:
    rounds, softened = without_steps(64)
    with pytest.raises(ValueError, match="zip"):
        alignment.aligned([*rounds, *rounds], softened, STILL)


USUAL = np.array([0.06, 0.06, 0.03, 3, 3])
# Eight pixels count as one: so strongly the prior holds the pose where it began, zooms together, and light barely.
PRIOR = np.sqrt(8) * np.vstack(
    [np.diag([*1 / USUAL, 1e-3, 1e-3]), np.array([1 / 0.015, -1 / 0.015, 0, 0, 0, 0, 0])[None]]
)


def by_hand(reference: list[Round], other: list[np.ndarray], start: np.ndarray) -> np.ndarray:
    """The pose that the steps of `aligned` lead to, each the solution of one system of weighted equations.

    Unknown are the move of the pose and the change of the light; a row for each pixel says what they do to the misfit,
    and the rows of PRIOR pull the pose back to where it began.
    """
    pose, light = np.array(start, np.float64), None
    for each, soft in zip(reference, other, strict=True):
        scale = None
        levels = each.levels.astype(np.float64)
        for _ in range(each.steps):
            moved = sampled(soft, matrix(pose, each.side), each.side, fill=-1e4).ravel()
            inside = moved > -1
            moved, shown = moved[inside], levels[inside]
            if light is None:
                light = np.linalg.lstsq(np.column_stack([shown, np.ones_like(shown)]), moved, rcond=None)[0]
            off = moved - light[0] * shown - light[1]
            if scale is None:
                scale = 1.5 * np.sort(np.abs(off))[len(off) // 2] + 0.3
            rows = each.derivatives[:, inside].T.astype(np.float64)
            rows[:, :5] *= light[0]
            roots = 1 / np.sqrt(scale**2 + off**2)
            system = np.vstack([rows * roots[:, None], PRIOR])
            behind = PRIOR @ np.concatenate([pose - start, [0, 0]])
            step = np.linalg.lstsq(system, np.concatenate([off * roots, behind]), rcond=None)[0]
            longest = np.array([0.04, 0.04, 0.03, 2, 2])
            move = np.minimum(np.maximum(step[:5], -longest), longest)
            pose, light = pose - move, light + step[5:]
            if np.all(np.abs(move) < np.array([0.001, 0.001, 0.001, 0.03, 0.03]) * 64 / each.side):
                break
    return pose


def pair(kind: str) -> tuple[list[Round], list[np.ndarray]]:
    """A picture, and the same one cropped, turned, moved, darker and stamped, in white and in black."""
    picture = smooth(7, 3.0)
    known = {"near": [0.97, 0.96, 0.01, 1, -1.5], "far": [1.0, 1.08, -0.02, 5, 4]}[kind]
    other = 25 + 0.7 * sampled(picture, undone(matrix(known)), 64, "reflect")
    other += np.random.default_rng(8).normal(0, 1, other.shape)
    other[5:15, 5:25] = 250
    other[44:56, 30:46] = 0
    return alignment.rounds(picture), alignment.softened(other.astype(np.float32))


@pytest.mark.parametrize("kind", ["near", "far"])
@pytest.mark.parametrize("steps", [(1, 0), (0, 1), (3, 2), (10, 5)])
@pytest.mark.parametrize("start", [[1, 1, 0, 0, 0], [1.02, 1.0, 0.01, 1, -3]])
def test_each_step_solves_the_weighted_equations_of_all_pixels_and_the_prior(
    kind: str, steps: tuple[int, int], start: list[float]
) -> None:
    rounds, softened = pair(kind)
    reference = [replace(each, steps=count) for each, count in zip(rounds, steps, strict=True)]
    pose = by_hand(reference, softened, np.array(start))
    with np.errstate(divide="raise", invalid="raise"):
        found = alignment.aligned(reference, softened, np.array(start))
    assert found is not None
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, matrix(pose), atol=2e-3)


def test_a_black_reference_leaves_the_pose_where_it_began() -> None:
    black = np.zeros((64, 64), np.float32)
    start = np.array([1.02, 1.02, 0.0, 1.0, 0.0])
    found = alignment.aligned(alignment.rounds(black), alignment.softened(smooth(9)), start)
    np.testing.assert_allclose(found, matrix(start), atol=1e-6)


# Moving a picture


def test_a_moved_picture_repeats_its_edge_and_covers_what_it_reaches() -> None:
    picture = np.stack([smooth(seed) for seed in (1, 2, 3)], axis=-1)
    by = matrix([1.04, 0.98, 0.02, 3.3, -4.6]).astype(np.float32)
    wanted = np.stack([sampled(picture[..., each], by, 64, "nearest") for each in range(3)], axis=-1)
    found = alignment.moved(picture, by)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert alignment.moved(picture.astype(np.float64), by).dtype == np.float32
    covered = alignment.covered(by)
    assert covered.dtype == np.bool_
    np.testing.assert_array_equal(covered, sampled(np.ones((64, 64)), by, 64) > 0.99)
    assert 0 < covered.sum() < 64 * 64


def test_a_pixel_is_covered_when_the_picture_makes_up_more_than_99_hundredths_of_it() -> None:
    """Moved by 0.005 of a pixel, the last column is covered; by 0.02, it isn't."""
    assert alignment.covered(np.array([[1, 0, 0.005], [0, 1, 0]], np.float32)).all()
    assert np.flatnonzero(~alignment.covered(np.array([[1, 0, 0.02], [0, 1, 0]], np.float32))[0]).tolist() == [63]
