"""How to move, zoom and slightly turn one picture so that it lies on another: phase correlation, then least squares."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from scrapline.data.duplicates.textures import blurred, median
from scrapline.data.duplicates.thumbnails import SIDE, Levels

# One of the pictures cropped, by pairs of numbers in _CROPS; both whole comes first.
_CROPS = (1.0, 0.95, 0.9)
_CROPPED = ((0, 0), (0, 1), (0, 2), (1, 0), (2, 0))
_COARSE = 32
_REACH = 4
_NEAR = np.arange(-_REACH, _REACH + 1)
_CENTRE = (SIDE - 1) / 2
# The two rounds of least squares: pixels of the side, blur in those pixels, most steps.
_ROUNDS = ((32, 1.0, 10), (64, 1.0, 5))
_WARP = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP

Spectra = npt.NDArray[np.complex64]
Matrix = npt.NDArray[np.float32]

_ONE = np.ones((SIDE, SIDE), np.float32)
_WINDOW = np.sqrt(np.outer(np.hanning(_COARSE + 2)[1:-1], np.hanning(_COARSE + 2)[1:-1])).astype(np.float32)
_RADIUS = np.hypot(fft.fftfreq(_COARSE)[:, None], fft.rfftfreq(_COARSE)[None])
_BAND = (np.exp(-((_RADIUS / 0.44) ** 2)) * (1 - np.exp(-((_RADIUS / 0.1) ** 2)))).astype(np.float32)
# Standard deviations of what copies undergo: zoom along x and y, turn in radians, shifts in pixels.
_USUAL = np.array([0.06, 0.06, 0.03, 3.0, 3.0])
# Neighbouring pixels of blurred pictures tell the same: so many count as one.
_ALIKE = 8.0
_PRIOR = _ALIKE * np.diag(np.concatenate([_USUAL**-2, [1e-6, 1e-6]]))
_UNEVEN = 0.015
_PRIOR[:2, :2] += _ALIKE / _UNEVEN**2 * np.array([[1, -1], [-1, 1]])
_LONGEST_STEP = np.array([0.04, 0.04, 0.03, 2.0, 2.0])
_SHORTEST_STEP = np.array([0.001, 0.001, 0.001, 0.03, 0.03])
# Crops, turns and zooms stretch both sides alike; only a crop on one side leaves the other as it is.
_STRETCH, _KEPT = 0.03, 0.012
_LARGEST_ZOOM, _LARGEST_TURN, _LARGEST_SHIFT = 1.21, 0.07, 10.0


@dataclass(frozen=True)
class Peak:
    """A place where one picture lies on another; `height` in standard deviations of the correlation elsewhere."""

    height: float
    pose: npt.NDArray[np.float64]

    @property
    def in_place(self) -> bool:
        """Whether nothing needs to be moved, to within the coarse picture's pixel."""
        return bool(self.pose[0] == 1 and np.abs(self.pose[3:]).max() <= SIDE // _COARSE)


@dataclass(frozen=True)
class Round:
    """A reference's luma for one round of least squares: levels [n], their derivatives by pose and light [7, n]."""

    side: int
    blur: float
    steps: int
    levels: Levels
    derivatives: Levels


def spectra(levels: Levels) -> Spectra:
    """Phases of a luma picture's frequencies at 32 x 32 pixels, whole and cropped twice: complex64 [3, 32, 17]."""
    soft = blurred(levels, 0.8)
    step = SIDE / _COARSE
    cropped = np.empty((len(_CROPS), _COARSE, _COARSE), np.float32)
    for crop, out in zip(_CROPS, cropped, strict=True):
        at = _CENTRE - crop * step * (_COARSE - 1) / 2
        matrix = np.array([[crop * step, 0, at], [0, crop * step, at]])
        cv2.warpAffine(soft, matrix, (_COARSE, _COARSE), dst=out, flags=_WARP)
    frequencies = fft.rfft2((cropped - cropped.mean(axis=(1, 2), keepdims=True)) * _WINDOW)
    size = np.abs(frequencies)
    floor = np.array([0.3 * median(each) + 1e-3 for each in size], np.float32)[:, None, None]
    return np.asarray(frequencies / (size + floor) * _BAND, dtype=np.complex64)


def peak(reference: Spectra, other: Spectra) -> Peak:
    """Where `other` lies best on `reference`, either of them whole or cropped."""
    width = 2 * _REACH + 1
    near = _surfaces(reference, other[None])[0]
    places = near.argmax(axis=1)
    heights = near[np.arange(len(_CROPPED)), places]
    best = int(heights.argmax())
    down, right = divmod(int(places[best]), width)
    first, second = (_CROPS[crop] for crop in _CROPPED[best])
    shift = second * SIDE / _COARSE
    zoom = second / first
    pose = np.array([zoom, zoom, 0.0, -shift * (right - _REACH), -shift * (down - _REACH)])
    return Peak(float(heights[best]), pose)


def heights(reference: Spectra, others: Spectra) -> npt.NDArray[np.float32]:
    """The height of `peak` for each of several others, complex64 [n, 3, 32, 17]: float32 [n]."""
    highest: npt.NDArray[np.float32] = _surfaces(reference, others).max(axis=(1, 2))
    return highest


def _surfaces(reference: Spectra, others: Spectra) -> Levels:
    """The correlation around no shift, in its standard deviations elsewhere, [n, pairs of crops, 9 * 9]."""
    firsts, seconds = zip(*_CROPPED, strict=True)
    surfaces = fft.irfft2(reference[list(firsts)] * others[:, list(seconds)].conj())
    spread = surfaces.reshape(len(others), len(_CROPPED), -1).std(axis=2) + 1e-12
    near = surfaces[..., _NEAR[:, None], _NEAR].reshape(len(others), len(_CROPPED), -1)
    return np.asarray(near / spread[..., None], np.float32)


def coarse_detail(levels: Levels) -> Levels:
    """What `agreement` compares of a luma picture: its detail of 2 to 6 pixels, float32 [32, 32]."""
    small = _softened(levels, _COARSE, 0.6)
    return small - blurred(small, 1.5)


def agreement(reference: Levels, other: Levels, pose: npt.NDArray[np.float64]) -> float:
    """How well the detail [32, 32] of one picture correlates with that of another laid on it.

    Of all of it, or but for the upper or lower quarter, where a stamp may be: the highest.
    """
    laid = cv2.warpAffine(other, _matrix(pose, _COARSE), (_COARSE, _COARSE), flags=_WARP)
    each = np.stack([reference * laid, reference * reference, laid * laid]).sum(axis=2)
    quarter = _COARSE // 4
    sums = np.stack([each.sum(axis=1), each[:, quarter:].sum(axis=1), each[:, :-quarter].sum(axis=1)], axis=1)
    return float((sums[0] / np.sqrt(sums[1] * sums[2] + 1e-3)).max())


def rounds(levels: Levels) -> list[Round]:
    """What `aligned` needs of the reference, once for all its partners."""
    made = []
    for side, blur, steps in _ROUNDS:
        soft = _softened(levels, side, blur)
        along_x = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3, scale=side / SIDE / 8)
        along_y = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3, scale=side / SIDE / 8)
        at_y, at_x = np.mgrid[0:side, 0:side].astype(np.float32) * np.float32(SIDE / side)
        at_y, at_x = at_y - at_y.mean(), at_x - at_x.mean()
        columns = (along_x * at_x, along_y * at_y, along_y * at_x - along_x * at_y, along_x, along_y, soft)
        derivatives = np.stack([*(column.ravel() for column in columns), np.ones(side * side, np.float32)])
        made.append(Round(side, blur, steps, soft.ravel(), derivatives))
    return made


def softened(levels: Levels) -> list[Levels]:
    """What `aligned` needs of the other picture: its luma for each round."""
    return [_softened(levels, side, blur) for side, blur, _ in _ROUNDS]


def aligned(reference: list[Round], other: list[Levels], pose: npt.NDArray[np.float64]) -> Matrix | None:
    """The 2 x 3 matrix from the reference's pixels to the other picture's, begun at `pose`; None if it is implausible.

    A pose is zoom along x and y, turn in radians, shift along x and y in pixels. Inverse compositional least squares
    (Baker and Matthews 2004) with the other's gain and offset, a prior around the start, and Cauchy weights against
    stamps, borders and corners that only one of the two has.
    """
    start = pose
    light: npt.NDArray[np.float64] | None = None
    for each, soft in zip(reference, other, strict=True):
        scale = 0.0
        for _ in range(each.steps):
            moved = cv2.warpAffine(
                soft, _matrix(pose, each.side), (each.side, each.side), flags=_WARP, borderValue=-1e4
            ).ravel()
            inside = moved > -1
            if light is None:
                lit = each.derivatives[5:] * inside
                light = np.linalg.solve((lit @ lit.T).astype(np.float64) + 1e-3 * np.eye(2), lit @ (moved * inside))
            off = moved - (each.levels * np.float32(light[0]) + np.float32(light[1]))
            scale = scale or 1.5 * median(np.abs(off[inside])) + 0.3
            weights = inside / (scale**2 + off * off * inside)
            weighted = each.derivatives * weights
            normal = (weighted @ each.derivatives.T).astype(np.float64)
            right = (weighted @ (off * inside)).astype(np.float64)
            normal[:5] *= light[0]
            normal[:, :5] *= light[0]
            right[:5] *= light[0]
            normal += _PRIOR
            right[:5] += _PRIOR[:5, :5] @ (pose - start)
            step = np.linalg.solve(normal, right)
            move = np.clip(step[:5], -_LONGEST_STEP, _LONGEST_STEP)
            pose, light = pose - move, light + step[5:]
            if (np.abs(move) < _SHORTEST_STEP * SIDE / each.side).all():
                break
        if not _plausible(pose, 1 + SIDE / each.side):
            return None
    return _matrix(pose, SIDE)


def moved(picture: Levels, by: Matrix) -> Levels:
    """A picture [64, 64] or [64, 64, 3] as seen from the reference; its edge is repeated where it ends."""
    return np.asarray(
        cv2.warpAffine(picture, by, (SIDE, SIDE), flags=_WARP, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32
    )


def covered(by: Matrix) -> npt.NDArray[np.bool_]:
    """Which of the reference's pixels the other picture reaches."""
    return np.asarray(cv2.warpAffine(_ONE, by, (SIDE, SIDE), flags=_WARP) > 0.99, dtype=np.bool_)


def _softened(levels: Levels, side: int, blur: float) -> Levels:
    small = np.asarray(cv2.resize(levels, (side, side), interpolation=cv2.INTER_AREA), dtype=np.float32)
    return blurred(small, blur)


def _matrix(pose: npt.NDArray[np.float64], side: int) -> Matrix:
    """The 2 x 3 matrix of a pose about the centre of a picture of `side` pixels."""
    zoom_x, zoom_y, turn, shift_x, shift_y = pose.tolist()
    centre, scale = (side - 1) / 2, side / SIDE
    right = centre * (1 - zoom_x + turn) + shift_x * scale
    down = centre * (1 - zoom_y - turn) + shift_y * scale
    return np.array([[zoom_x, -turn, right], [turn, zoom_y, down]], np.float32)


def _plausible(pose: npt.NDArray[np.float64], margin: float) -> bool:
    """Whether copies come about like this; `margin` 2 at the last round, more before."""
    zooms = pose[:2]
    fits = zooms.max() < _LARGEST_ZOOM and zooms.min() > 1 / _LARGEST_ZOOM and abs(pose[2]) < _LARGEST_TURN
    fits = fits and np.abs(pose[3:]).max() < _LARGEST_SHIFT
    even = abs(np.log(zooms[0] / zooms[1])) <= _STRETCH * margin / 2 or np.abs(zooms - 1).min() <= _KEPT * margin / 2
    return bool(fits and even)
