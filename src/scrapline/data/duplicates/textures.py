"""Fine detail of a picture whose strongest parts are clipped, since those are the object's: what a ground shows."""

import cv2
import numpy as np

from scrapline.data.duplicates.thumbnails import Levels

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_COARSE_BLUR = 2.5
_CLIPPED_AT = 2.0
# In levels; a plain picture's detail is what rounding leaves.
_LEAST_DETAIL = 0.05


def luma(picture: Levels) -> Levels:
    """Float32 [H, W] of RGB [H, W, 3]."""
    return np.asarray(picture @ _LUMA, dtype=np.float32)


def blurred(picture: Levels, sigma: float) -> Levels:
    """A picture [H, W] or [H, W, 3] under a Gaussian blur, in pixels."""
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), dtype=np.float32)


def fine_detail(picture: Levels) -> Levels:
    """A picture less its blur of 2.5 pixels."""
    return picture - blurred(picture, _COARSE_BLUR)


def median(values: Levels) -> float:
    """The upper one of an even number; NumPy's own takes three times as long for as few values as here."""
    flat = values.ravel()
    return float(np.partition(flat, len(flat) // 2)[len(flat) // 2])


def texture(levels: Levels) -> Levels:
    """Luma less its blur of 2.5 pixels, clipped at twice the median detail: float32 [64, 64], in units of that."""
    detail = fine_detail(levels)
    usual = max(median(np.abs(detail)), _LEAST_DETAIL)
    return np.asarray((detail / usual).clip(-_CLIPPED_AT, _CLIPPED_AT), dtype=np.float32)


def robust_mixture(
    columns: Levels, levels: Levels, weights: Levels, off: Levels, *, rounds: int, floor: float, ridge: float
) -> Levels:
    """How much of each column [k, n] makes up the levels [n], by least squares with Cauchy weights: float32 [k].

    `off`: the misfit that the first round's weights are made of; `floor`, in levels, is added to the scale of each.
    """
    damping = ridge * np.eye(len(columns), dtype=np.float32)
    mixture = np.zeros(len(columns), np.float32)
    for _ in range(rounds):
        scale = 1.5 * median(np.abs(off)) + floor
        robust = columns * (weights / (1 + (off / scale) ** 2))
        mixture = np.linalg.solve(robust @ columns.T + damping, robust @ levels)
        off = levels - mixture @ columns
    return mixture


def correlation(first: Levels, second: Levels) -> float:
    """Of two textures."""
    length = float(np.sqrt((first * first).sum() * (second * second).sum()))
    return float((first * second).sum()) / max(length, 1e-6)
