"""Whether this processor computes what the exporting one computed: a file's answers to 16 drawn images.

The images are not stored but drawn again, in integers alone, from the raw output of a generator that NumPy keeps as it
is: they are the same bytes everywhere.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scrapline.data.imaging import Pixels
from scrapline.runtime.metadata import FINGERPRINT_IMAGES
from scrapline.system.parallel import thread_map

# Between sound processors float32 differs in its last digits, INT8 by a rounding here and there.
TOLERANCE = 0.02

_SEED = 20_240_229
_GRIDS = (2, 4, 8, 16)  # from soft gradients to patches
_IMAGES_A_RUN = 4
_DIGITS = 4

Run = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]


def images(input_size: int) -> Pixels:
    """The 16 images, uint8 [16, S, S, 3]: random colours on grids, blended between the grid's points."""
    generator = np.random.PCG64(_SEED)
    drawn = []
    for number in range(FINGERPRINT_IMAGES):
        side = _GRIDS[number % len(_GRIDS)]
        colours = (generator.random_raw(side * side * 3) >> np.uint64(56)).astype(np.int64)
        drawn.append(enlarge(colours.reshape(side, side, 3), input_size))
    return np.stack(drawn)


def enlarge(grid: npt.NDArray[np.int64], size: int) -> Pixels:
    """A grid [G, G, 3] of 0 to 255 as uint8 [size, size, 3]; its outer points lie on the outer pixels."""
    grid32 = grid.astype(np.int32)  # holds the largest sum, 255 * 256 * 256, and takes half the time of int64
    cells = len(grid) - 1
    at = np.arange(size, dtype=np.int32) * (256 * cells) // max(1, size - 1)
    low = np.minimum(at >> 8, cells - 1)
    part = (at - (low << 8)).reshape(-1, 1, 1)  # 0 to 256, between one grid point and the next
    rows = grid32[low] * (256 - part) + grid32[low + 1] * part
    part = part.reshape(1, -1, 1)
    blended = rows[:, low] * (256 - part) + rows[:, low + 1] * part
    pixels: Pixels = (blended >> 16).astype(np.uint8)
    return pixels


def take(run: Run, input_size: int) -> list[list[float]]:
    """A model's probabilities [16, C] of the images, with the digits that a file keeps."""
    probabilities = _answers(run, input_size).astype(np.float64)
    return [[round(value, _DIGITS) for value in row] for row in probabilities.tolist()]


def difference(run: Run, input_size: int, kept: list[list[float]]) -> float:
    """The largest difference of any probability from those that the file keeps; NaN where a model gives NaN."""
    return float(np.abs(_answers(run, input_size) - np.array(kept)).max())


def _answers(run: Run, input_size: int) -> npt.NDArray[np.float32]:
    drawn = images(input_size)
    parts = (drawn[start : start + _IMAGES_A_RUN] for start in range(0, len(drawn), _IMAGES_A_RUN))
    return np.concatenate([*thread_map(run, parts, window=len(drawn))])
