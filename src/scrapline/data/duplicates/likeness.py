"""How much of one aligned picture is in the other, block by block, once their grounds are taken out of both."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scrapline.data.duplicates import alignment
from scrapline.data.duplicates.textures import blurred, fine_detail, median, robust_mixture
from scrapline.data.duplicates.thumbnails import SIDE, Levels

_BLOCK = 8
_BLOCKS = SIDE // _BLOCK
# The other picture is sampled between its pixels, which blurs it a little; the reference gets as much.
_REFERENCE_BLUR, _MOVED_BLUR = 0.8, 0.6
# A block counts with at least so much of it inside both pictures.
_INSIDE = 0.3
# Of the blocks by their correlation: the best may be an object's mere outline, the worst a stamp's or a corner's.
_LOWER, _UPPER = 0.15, 0.6
_FEWEST_BLOCKS = 20
_ROUNDS = 3
_COLOUR_BLUR = 1.5
# So much noise in common leaves no doubt that only a stamp differs.
_SURE = 1.2
_BURNT_OUT = 250.0
# Pixels of a patch's side, and how many patches of the edge may show a border, a corner or another framing.
_PATCH, _EDGE = 4, 2
_PATCHES = SIDE // _PATCH

_RAMP_Y, _RAMP_X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5


@dataclass(frozen=True)
class Likeness:
    """How alike two aligned pictures are, grounds taken out, in blocks of 8 x 8 pixels.

    Fine detail (RGB less its blur of 2.5 pixels) correlates: by `mean` over the blocks, each counting the same; by
    `plain` over those from the 15 to the 60 % quantile, which neither an object's outline nor a stamp decides, so that
    it tells whether the camera's noise is the same; and by `bold` over blocks weighted by the detail that both
    pictures have, which tells whether the outlines are: of all, or but for a quarter that may hold a stamp where the
    noise is surely the same. `colour`: how far levels are apart where the bold detail is, once brightness and contrast
    are made equal; `patch`: how far at most in a patch of 4 x 4 pixels, but for the edge and a quarter that may hold a
    stamp. `blocks`: how many blocks both pictures show.
    """

    mean: float
    plain: float
    bold: float
    colour: float
    patch: float
    blocks: int


def likeness(
    reference: Levels,
    other: Levels,
    grounds: tuple[Levels | None, Levels | None],
    by: alignment.Matrix,
) -> Likeness:
    """Compare RGB pictures float32 [64, 64, 3]; `by` leads from the reference's pixels to the other's.

    `grounds`: what lies behind the reference and behind the other, each as its photo shows it.
    """
    inside = cv2.erode(alignment.covered(by).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
    pictures = [
        blurred(reference, _REFERENCE_BLUR),
        blurred(alignment.moved(other, by), _MOVED_BLUR),
    ]
    behind = []
    if grounds[0] is not None:
        behind.append(blurred(grounds[0], _REFERENCE_BLUR))
    if grounds[1] is not None:
        behind.append(blurred(alignment.moved(grounds[1], by), _MOVED_BLUR))
    used = _blocks(inside[..., None]).mean(axis=1) > _INSIDE
    count = int(used.sum())
    if count < _FEWEST_BLOCKS:
        return Likeness(0.0, 0.0, 0.0, np.inf, np.inf, count)
    details = [fine_detail(picture) for picture in pictures]
    if behind:
        details = _without(details, [fine_detail(ground) for ground in behind], inside)
    first, second = (_blocks(detail * inside[..., None])[used] for detail in details)
    own, others = (first**2).sum(axis=1), (second**2).sum(axis=1)
    correlation = (first * second).sum(axis=1) / np.sqrt(own * others + 1e-3)
    middle = np.sort(correlation)[int(_LOWER * count) : int(_UPPER * count)]
    noise = float(correlation.mean()) + float(middle.mean())
    weights = np.minimum(own, others) + 1e-6
    bold = float(np.average(correlation, weights=weights))
    if noise >= _SURE:
        bold, weights = _boldest(correlation, weights, np.flatnonzero(used))
    apart = _apart(pictures[0], pictures[1], inside)
    off = np.sqrt((_blocks(apart)[used] ** 2).mean(axis=1))
    return Likeness(
        float(correlation.mean()),
        float(middle.mean()),
        bold,
        float(np.average(off, weights=weights)),
        _furthest(apart),
        count,
    )


@dataclass(frozen=True)
class Outlines:
    """A first look at two aligned pictures by luma alone: `bold` as in Likeness, and each block's weight in it."""

    bold: float
    weights: Levels


def outlines(reference: Levels, other: Levels, by: alignment.Matrix) -> Outlines:
    """Compare two pictures' fine detail of luma, float32 [64, 64], whose grounds are out of it already."""
    first, second = _blocks(reference[..., None]), _blocks(alignment.moved(other, by)[..., None])
    own, others = (first**2).sum(axis=1), (second**2).sum(axis=1)
    correlation = (first * second).sum(axis=1) / np.sqrt(own * others + 1e-3)
    return Outlines(*_boldest(correlation, np.minimum(own, others) + 1e-6, np.arange(_BLOCKS**2)))


def _boldest(correlation: Levels, weights: Levels, blocks: npt.NDArray[np.int64]) -> tuple[float, Levels]:
    """The weighted correlation of all blocks, or but for the upper or lower quarter, where a stamp may be.

    And the weights with which it is highest; `blocks` are the blocks' numbers.
    """
    row = blocks // _BLOCKS
    parts = (weights, weights * (row >= _BLOCKS // 4), weights * (row < _BLOCKS - _BLOCKS // 4))
    found = [(float(np.average(correlation, weights=part + 1e-9)), part) for part in parts]
    return max(found, key=lambda each: each[0])


def colour_apart(reference: Levels, other: Levels, by: alignment.Matrix, weights: Levels) -> float:
    """`Likeness.colour` of two RGB pictures by a first look's weights."""
    inside = alignment.covered(by).astype(np.float32)
    apart = (_blocks(_apart(reference, alignment.moved(other, by), inside)) ** 2).mean(axis=1)
    return float(np.average(np.sqrt(apart), weights=weights))


def _furthest(apart: Levels) -> float:
    """`Likeness.patch` of differences of levels [64, 64, 3]."""
    patches = (apart**2).mean(axis=2).reshape(_PATCHES, _PATCH, _PATCHES, _PATCH).mean(axis=(1, 3))
    rows = patches[_EDGE:-_EDGE, _EDGE:-_EDGE].max(axis=1)
    stamp = _PATCHES // 4 - _EDGE
    return float(np.sqrt(min(rows[stamp:].max(), rows[:-stamp].max())))


def _apart(first: Levels, second: Levels, inside: Levels) -> Levels:
    """Differences of levels [64, 64, 3], with equal brightness and contrast.

    One gain and one offset for all channels, by least squares with Cauchy weights. What either picture has burnt out
    does not count.
    """
    soft, target = (blurred(picture, _COLOUR_BLUR) for picture in (first, second))
    some = inside[::2, ::2] > 0
    given, wanted = soft[::2, ::2][some].ravel(), target[::2, ::2][some].ravel()
    weights = np.ones_like(given)
    gain, offset = 1.0, 0.0
    for _ in range(_ROUNDS):
        total = float(weights.sum())
        mean, level = float(weights @ given) / total, float(weights @ wanted) / total
        spread = weights * (given - mean)
        gain = float(spread @ (wanted - level)) / (float(spread @ (given - mean)) + 1.0)
        offset = level - gain * mean
        off = np.asarray(gain * given + offset - wanted, np.float32)
        weights = np.asarray(1 / (1 + (off / (1.5 * median(np.abs(off)) + 0.5)) ** 2), np.float32)
    fitted = gain * soft + offset
    counted = (np.maximum(np.maximum(first, second), fitted) < _BURNT_OUT) * inside[..., None]
    scale = min(max(gain, 0.5), 2.0)
    return np.asarray((fitted - target) * counted / scale, dtype=np.float32)


def _without(pictures: list[Levels], grounds: list[Levels], inside: Levels) -> list[Levels]:
    """Both pictures less what a mixture of the grounds explains, whose light falls off evenly to any side.

    Least squares for each channel over every other line, with Cauchy weights from the start, so that the objects do not
    decide the mixture.
    """
    left = [np.empty_like(picture) for picture in pictures]
    weights = inside[::2].ravel()
    for channel in range(3):
        planes = [ground[..., channel] for ground in grounds]
        columns = np.stack([part for each in planes for part in (each, each * _RAMP_X, each * _RAMP_Y)])
        fitted = columns[:, ::2].reshape(len(columns), -1)
        for picture, out in zip(pictures, left, strict=True):
            levels = picture[::2, :, channel].ravel()
            mixture = robust_mixture(fitted, levels, weights, levels, rounds=_ROUNDS, floor=0.2, ridge=0.3)
            out[..., channel] = picture[..., channel] - np.tensordot(mixture, columns, axes=1)
    return left


def _blocks(picture: Levels) -> npt.NDArray[np.float32]:
    """[64, 64, c] as [blocks, 8 * 8 * c]."""
    split = picture.reshape(_BLOCKS, _BLOCK, _BLOCKS, _BLOCK, -1)
    return split.transpose(0, 2, 1, 3, 4).reshape(_BLOCKS**2, -1)
