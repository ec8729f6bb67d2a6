"""How alike two aligned pictures are: against a slow reading of the definition, and against planted truths."""

from dataclasses import astuple
from functools import cache

import numpy as np
import pytest
from scipy import linalg, ndimage

from scrapline.data.duplicates import likeness as parts
from scrapline.data.duplicates.likeness import Likeness, colour_apart, likeness, outlines

IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
# Multiples of 1/32, at which OpenCV samples exactly.
SHIFTED = np.array([[1, 0, -2.5], [0, 1, 1.25]], np.float32)
ZOOMED = np.array([[1.0625, -0.03125, -3.75], [0.03125, 0.9375, 2.25]], np.float32)
AWAY = np.array([[1, 0, 31], [0, 1, 21]], np.float32)
MOSTLY_AWAY = np.array([[1, 0, 31], [0, 1, 33]], np.float32)
ROLLED = np.array([[1, 0, 4], [0, 1, -11]], np.float32)
EVERY_OTHER = (slice(None, None, 2), slice(None, None, 2))

Picture = np.ndarray


def blur(picture: Picture, sigma: float) -> Picture:
    return ndimage.gaussian_filter(picture.astype(float), (sigma, sigma, 0), mode="mirror", truncate=4)


def fine(picture: Picture) -> Picture:
    return picture - blur(picture, 2.5)


def places(by: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the other picture for each pixel of the reference."""
    y, x = np.mgrid[0:64, 0:64]
    across, down = (line[0] * x + line[1] * y + line[2] for line in by.astype(float))
    return down, across


def moved(picture: Picture, by: np.ndarray) -> Picture:
    """As seen from the reference; the edge is repeated where the picture ends."""
    planes = np.moveaxis(picture.astype(float), 2, 0)
    return np.dstack([ndimage.map_coordinates(plane, places(by), order=1, mode="nearest") for plane in planes])


def reached(by: np.ndarray) -> np.ndarray:
    down, across = places(by)
    return (np.minimum(down, across) >= 0) & (np.maximum(down, across) <= 63)


def in_blocks(picture: Picture) -> np.ndarray:
    """[64, 64, ...] as 64 rows, block by block from left to right, then down."""
    return np.array([picture[8 * n : 8 * n + 8, 8 * m : 8 * m + 8].ravel() for n in range(8) for m in range(8)])


def cauchy(off: np.ndarray, floor: float) -> np.ndarray:
    return 1 / (1 + (off / (1.5 * np.sort(np.abs(off))[len(off) // 2] + floor)) ** 2)


def slow_without(pictures: list[Picture], grounds: list[Picture], inside: np.ndarray) -> list[Picture]:
    """Each channel of each picture less its weighted ridge regression on the grounds and their ramps."""
    down, across = np.mgrid[0:64, 0:64] / 64 - 0.5
    left = [np.zeros((64, 64, 3)) for _ in pictures]
    for picture, out in zip(pictures, left, strict=True):
        for channel in range(3):
            columns = [ground[..., channel] * ramp for ground in grounds for ramp in (1, across, down)]
            design = np.stack([each[::2].ravel() for each in columns], 1)
            levels = picture[::2, :, channel].ravel()
            off = levels
            for _ in range(3):
                root = np.sqrt(inside[::2].ravel() * cauchy(off, 0.2))
                ridge = np.sqrt(0.3) * np.eye(len(columns))
                known = np.concatenate([levels * root, np.zeros(len(columns))])
                weighted = np.concatenate([design * root[:, None], ridge])
                mixture = linalg.lstsq(weighted, known, lapack_driver="gelsy")[0]
                off = levels - design @ mixture
            out[..., channel] = picture[..., channel] - sum(m * each for m, each in zip(mixture, columns, strict=True))
    return left


def slow_apart(first: Picture, second: Picture, inside: np.ndarray) -> Picture:
    """One straight line from the first picture's levels to the second's, fitted three times, and what is off it.

    For each pixel and channel.
    """
    soft, target = blur(first, 1.5), blur(second, 1.5)
    there = inside[EVERY_OTHER] > 0
    given, wanted = soft[EVERY_OTHER][there].ravel(), target[EVERY_OTHER][there].ravel()
    weights = np.ones(len(given))
    for _ in range(3):
        mean, level = (np.average(each, weights=weights) for each in (given, wanted))
        both = (weights * (given - mean) * (wanted - level)).sum()
        gain = both / ((weights * (given - mean) ** 2).sum() + 1)
        offset = level - gain * mean
        weights = cauchy(gain * given + offset - wanted, 0.5)
    fitted = gain * soft + offset
    seen = (first < 250) & (second < 250) & (fitted < 250) & (inside > 0)[..., None]
    return (fitted - target) / np.clip(gain, 0.5, 2) * seen


def slow_patch(apart: Picture) -> float:
    """Squares of 4 x 4 pixels from the 8th to the 55th line and column; the 16th line on, or to the 47th."""
    off = {(y, x): np.sqrt((apart[y : y + 4, x : x + 4] ** 2).mean()) for y in range(8, 56, 4) for x in range(8, 56, 4)}
    return min(max(each for (y, _), each in off.items() if first <= y < last) for first, last in ((16, 56), (8, 48)))


def slow_bold(correlation: np.ndarray, weights: np.ndarray, blocks: np.ndarray) -> tuple[float, np.ndarray]:
    """The weighted mean of all, but for the first two rows of blocks, but for the last two: the highest."""
    best = -np.inf, weights
    for kept in (range(64), range(16, 64), range(48)):
        part = weights * np.isin(blocks, kept)
        if (mean := (correlation * part).sum() / max(part.sum(), 1e-12)) > best[0]:
            best = mean, part
    return best


def slow_correlation(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each pair of blocks, and what the fainter of the two has."""
    squares = [(each**2).sum(axis=1) for each in (one, other)]
    return (one * other).sum(axis=1) / np.sqrt(squares[0] * squares[1] + 1e-3), np.minimum(*squares) + 1e-6


def slow_likeness(
    first: Picture, second: Picture, grounds: tuple[Picture | None, Picture | None], by: np.ndarray
) -> Likeness:
    inside = ndimage.binary_erosion(reached(by), np.ones((5, 5)), border_value=1)
    pictures = [blur(first, 0.8), blur(moved(second, by), 0.6)]
    details = [fine(picture) for picture in pictures]
    behind = [] if grounds[0] is None else [blur(grounds[0], 0.8)]
    behind += [] if grounds[1] is None else [blur(moved(grounds[1], by), 0.6)]
    if behind:
        details = slow_without(details, [fine(each) for each in behind], inside)
    used = np.flatnonzero(in_blocks(inside).sum(axis=1) > 0.3 * 64)
    if len(used) < 20:
        return Likeness(0, 0, 0, np.inf, np.inf, len(used))
    correlation, weights = slow_correlation(*(in_blocks(each * inside[..., None])[used] for each in details))
    middle = sorted(correlation)[int(0.15 * len(used)) : int(0.6 * len(used))]
    bold = np.average(correlation, weights=weights)
    if np.mean(correlation) + np.mean(middle) >= 1.2:
        bold, weights = slow_bold(correlation, weights, used)
    apart = slow_apart(pictures[0], pictures[1], inside)
    off = np.sqrt((in_blocks(apart)[used] ** 2).mean(axis=1))
    colour = np.average(off, weights=weights)
    return Likeness(np.mean(correlation), np.mean(middle), bold, colour, slow_patch(apart), len(used))


@cache
def rough(seed: int, blur_by: float = 1.2, size: float = 40.0) -> Picture:
    """Coloured noise around middle levels."""
    picture = np.random.default_rng(seed).normal(0, 1, (64, 64, 3))
    picture = ndimage.gaussian_filter(picture, (blur_by, blur_by, 0), mode="wrap")
    return (110 + size * picture / picture.std()).astype(np.float32)


def with_objects(ground: Picture, object_seed: int, noise_seed: int, noise: float) -> Picture:
    """A ground in a light that falls off to the right, an object whose colour is the seed's, and the camera's noise."""
    rng = np.random.default_rng(object_seed)
    picture = ground * np.linspace(1.0, 0.8, 64)[None, :, None]
    top, left = rng.integers(8, 30, 2)
    picture[top : top + 24, left : left + 20] = rng.uniform(30, 200, 3) + 0.6 * rough(object_seed)[:24, :20] - 66
    return (picture + np.random.default_rng(noise_seed).normal(0, noise, picture.shape)).astype(np.float32)


def stamp(picture: Picture, rows: slice, seed: int = 3) -> Picture:
    stamped = picture.copy()
    stamped[rows] = 2 * rough(seed, 1.0)[rows] - 90
    return stamped


GROUND, PHOTO = rough(1, 1.0, 12.0), with_objects(rough(1, 1.0, 12.0), 5, 6, 4.0)
AGAIN = with_objects(GROUND, 5, 7, 4.0)
FAINT = (0.01 * (rough(8) - 110) * (np.arange(64) >= 24)[:, None, None]).astype(np.float32)
BRIGHT = (1.9 * PHOTO).astype(np.float32)


@pytest.mark.parametrize(
    ("first", "second", "grounds", "by"),
    [
        (PHOTO, 0.8 * PHOTO + 20, (None, None), IN_PLACE),
        (PHOTO, AGAIN, (None, None), SHIFTED),
        (PHOTO, AGAIN, (GROUND, None), IN_PLACE),
        (PHOTO, AGAIN, (None, GROUND), SHIFTED),
        (PHOTO, 0.9 * AGAIN, (GROUND, rough(2, 1.0, 12.0)), ZOOMED),
        (PHOTO, stamp(PHOTO, slice(0, 16)), (None, None), IN_PLACE),
        (PHOTO, stamp(PHOTO, slice(48, 64)), (GROUND, GROUND), IN_PLACE),
        (PHOTO, stamp(rough(4), slice(0, 16)), (None, None), IN_PLACE),
        (PHOTO, np.roll(AGAIN, (-11, 4), (0, 1)), (GROUND, np.roll(GROUND, (-11, 4), (0, 1))), ROLLED),
        (PHOTO, np.roll(stamp(PHOTO, slice(50, 64)), (-11, 4), (0, 1)), (None, None), ROLLED),
        (FAINT, 0.3 * FAINT[::-1] + 0.5 * FAINT, (None, None), IN_PLACE),
        (BRIGHT, BRIGHT.clip(0, 255) * 0.7 + 60, (None, None), IN_PLACE),
        (PHOTO, AGAIN, (None, None), AWAY),
        (PHOTO, AGAIN, (None, None), MOSTLY_AWAY),
    ],
    ids=[
        "another light",
        "shifted",
        "first's ground",
        "second's ground",
        "two grounds, zoomed",
        "stamp above",
        "stamp below",
        "different",
        "rolled",
        "rolled, stamp below",
        "faint",
        "burnt out",
        "a quarter in both",
        "too little in both",
    ],
)
def test_likeness_is_what_its_definition_says(
    first: Picture, second: Picture, grounds: tuple[Picture | None, Picture | None], by: np.ndarray
) -> None:
    found = likeness(first, second.astype(np.float32), grounds, by)
    wanted = slow_likeness(first, second.astype(np.float32), grounds, by)
    np.testing.assert_allclose(astuple(found), astuple(wanted), rtol=1e-4, atol=1e-4)
    assert isinstance(found.blocks, int)


@pytest.mark.parametrize("by", [IN_PLACE, SHIFTED, ZOOMED])
def test_a_first_look_is_what_its_definition_says(by: np.ndarray) -> None:
    """Details of luma, in the lower half of which much is the same, and faint ones."""
    first = fine(rough(11))[..., 0].astype(np.float32)
    second = np.where(np.arange(64)[:, None] < 40, fine(rough(12))[..., 0], first).astype(np.float32)
    for one, other in ((first, second), (second[::-1].copy(), first[::-1].copy()), (0.01 * first, 0.02 * second)):
        found = outlines(one, other, by)
        correlation, weights = slow_correlation(in_blocks(one), in_blocks(moved(other[..., None], by)[..., 0]))
        bold, weights = slow_bold(correlation, weights, np.arange(64))
        assert found.bold == pytest.approx(bold, abs=1e-4)
        np.testing.assert_allclose(found.weights, weights, rtol=1e-3, atol=1e-5)


def test_a_first_look_at_the_same_detail_leaves_out_what_a_stamp_hides() -> None:
    detail = fine(rough(13))[..., 0].astype(np.float32)
    own = (in_blocks(detail) ** 2).sum(axis=1)
    for rows, kept in ((slice(0, 16), slice(16, 64)), (slice(48, 64), slice(0, 48))):
        stamped = detail.copy()
        stamped[rows] = 3 * fine(rough(14))[rows, :, 0]
        found = outlines(detail, stamped, IN_PLACE)
        assert found.bold == pytest.approx(1, abs=1e-4)
        # There are 64 rows of pixels and as many blocks, eight to a row of blocks.
        np.testing.assert_allclose(found.weights[kept], own[kept], rtol=1e-4)
        assert np.flatnonzero(found.weights).tolist() == list(range(64))[kept]


def test_a_stamp_is_left_out_by_its_row_of_blocks() -> None:
    """Blocks 15 and 48 are the last of the upper quarter and the first of the lower one; 16 and 47 always count."""
    blocks, weights = np.array([15, 16, 47, 48]), np.array([2.0, 1.0, 1.0, 4.0], np.float32)
    for correlation, bold, kept in (
        ([-1.0, 0.5, 1.0, 0.75], 4.5 / 6, [0, 1, 1, 4]),
        ([1.0, 0.5, 1.0, -1.0], 3.5 / 4, [2, 1, 1, 0]),
        ([1.0, 0.0, 0.0, 1.0], 6 / 8, [2, 1, 1, 4]),
    ):
        found, used = parts._boldest(np.array(correlation, np.float32), weights, blocks)
        assert found == pytest.approx(bold)
        assert used.tolist() == kept


def test_parts_that_are_equally_alike_all_count() -> None:
    weights = np.array([0, 2, 1, 0], np.float32)
    found, used = parts._boldest(np.array([0, 0.5, 0.5, 0], np.float32), weights, np.array([3, 20, 30, 60]))
    assert found == pytest.approx(0.5)
    assert used.tolist() == weights.tolist()


def test_a_first_look_takes_no_plain_part_for_alike() -> None:
    detail = np.zeros((64, 64), np.float32)
    detail[24:40] = fine(rough(17))[24:40, :, 0]
    assert outlines(detail, detail, IN_PLACE).bold == pytest.approx(1, abs=1e-4)
    assert outlines(0 * detail, detail, IN_PLACE).bold == 0


@pytest.mark.parametrize("by", [IN_PLACE, SHIFTED, ZOOMED])
def test_colour_apart_is_what_its_definition_says(by: np.ndarray) -> None:
    weights = np.random.default_rng(0).random(64).astype(np.float32)
    for one, other in (
        (PHOTO, AGAIN),
        (BRIGHT, 0.7 * BRIGHT + 60),
        (FAINT / 20, FAINT / 20),
        (PHOTO, 0.2 * rough(9) + 100),
    ):
        off = (slow_apart(one, moved(other, by), reached(by)) ** 2).mean(axis=2)
        wanted = np.average(np.sqrt(in_blocks(off).mean(axis=1)), weights=weights)
        assert colour_apart(one, other.astype(np.float32), by, weights) == pytest.approx(wanted, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize(
    ("top", "left", "seen"), [(30, 30, True), (14, 30, True), (10, 30, False), (50, 30, False), (30, 1, False)]
)
def test_a_small_object_in_one_picture_is_seen_but_at_the_edge_and_where_a_stamp_may_be(
    top: int, left: int, seen: bool
) -> None:
    """Six pixels wide, 80 levels brighter: two of its colour blur's standard deviations from edge to middle."""
    first = rough(16, 3.0).astype(np.float32)
    second = first.copy()
    second[top : top + 6, left : left + 6] += 80
    assert likeness(first, first, (None, None), IN_PLACE).patch < 1
    assert (likeness(first, second, (None, None), IN_PLACE).patch > 30) is seen


def test_a_known_offset_of_colour_is_found_where_it_lies() -> None:
    """The upper third is more red by 30 of the first picture's levels; the second one has less contrast as a whole.

    The weights ask for the upper quarter, with 30 in one of three channels, or for the lower half, which is the same.
    """
    first = rough(15, 6.0)
    second = 0.75 * first + 20
    second[:20, :, 0] += 0.75 * 30
    for blocks, wanted in ((slice(0, 16), 30 / np.sqrt(3)), (slice(32, 64), 0.0)):
        weights = np.zeros(64, np.float32)
        weights[blocks] = 1
        assert colour_apart(first, second, IN_PLACE, weights) == pytest.approx(wanted, abs=0.5)


def test_a_picture_without_any_contrast_asks_for_no_gain() -> None:
    plain = np.full((64, 64, 3), 100, np.float32)
    assert colour_apart(plain, plain + 20, IN_PLACE, np.ones(64, np.float32)) == 0


@pytest.mark.parametrize(("gain", "scale"), [(0.1, 0.5), (0.9, 0.9), (3.0, 2.0)])
def test_levels_apart_are_counted_on_the_first_pictures_scale_within_limits(gain: float, scale: float) -> None:
    """A contrast of less than half or more than twice the first picture's counts as just half or twice.

    The second picture's middle is 9 levels brighter than its contrast explains.
    """
    first = 60 + (rough(16, 4.0) - 110) / 6
    second = 60 + gain * (first - 60)
    second[24:40, 24:40] += 9
    weights = np.zeros(64, np.float32)
    weights[3 * 8 + 3] = weights[3 * 8 + 4] = weights[4 * 8 + 3] = weights[4 * 8 + 4] = 1
    found = colour_apart(first.astype(np.float32), second.astype(np.float32), IN_PLACE, weights)
    patch = np.zeros((64, 64, 1))
    patch[24:40, 24:40] = 9 / scale
    wanted = np.mean(np.sqrt((in_blocks(blur(patch, 1.5)) ** 2).mean(axis=1))[weights > 0])
    assert found == pytest.approx(wanted, rel=0.05)


def test_a_mixture_of_grounds_in_uneven_light_is_taken_out_and_objects_stay() -> None:
    grounds = [fine(rough(seed)).astype(np.float32) for seed in (21, 22)]
    down, across = np.mgrid[0:64, 0:64][..., None] / 64 - 0.5
    behind = (0.8 + 0.3 * across - 0.2 * down) * grounds[0] - 0.4 * grounds[1]
    objects = np.zeros((64, 64, 3))
    objects[10:30, 20:44] = 2 * fine(rough(23))[10:30, 20:44]
    inside = np.ones((64, 64), np.float32)
    left = parts._without([(behind + objects).astype(np.float32), behind.astype(np.float32)], grounds, inside)
    assert np.abs(left[0] - objects).max() < 0.02 * np.abs(objects).max()
    assert np.abs(left[1]).max() < 0.02
