"""What photos are compared by: 64 x 64 RGB pixels of each, without its border, a row each in one file."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scrapline.data import imaging
from scrapline.data.imaging import Pixels

SIDE = 64
SIZE = SIDE * SIDE * 3

Levels = npt.NDArray[np.float32]

# A border may have an eighth of a side, and JPEG's ringing beside the picture's edge.
_WIDEST_BORDER = 0.125
# A camera's noise alone is more than this.
_MEAN_DEVIATION = 1.5
# From one line to the next: without a step along most of it, what looks like a border is the ground of an object.
_STEP = 12.0
_MOST = 0.6
_FUZZY_LINES = 8


def thumbnail(pixels: Pixels) -> Pixels:
    """The thumbnail of a photo, uint8 [64, 64, 3] of uint8 [H, W, 3]: borders of one colour cut off, squeezed."""
    return imaging.scale(without_border(pixels), SIDE, SIDE)


def without_border(pixels: Pixels) -> Pixels:
    """The part of a picture inside its border; all of it where no side ends in lines of one colour and a step."""
    height = pixels.shape[0]
    top, bottom = _border(pixels), _border(pixels[::-1])
    rows = pixels[top : height - bottom]
    columns = rows.swapaxes(0, 1)
    left, right = _border(columns), _border(columns[::-1])
    return rows[:, left : columns.shape[0] - right]


class Thumbnails:
    """The thumbnails in a file, one after another in the order of their numbers; read as asked for, never all."""

    def __init__(self, path: Path, rows: npt.NDArray[np.int64]) -> None:
        """`rows`: the number in the file of each photo to be compared, in the photos' order."""
        self.path, self.rows = path, rows
        self._stream = path.open("rb", buffering=0)

    def __len__(self) -> int:
        """How many photos."""
        return len(self.rows)

    def __getitem__(self, index: int) -> Pixels:
        """One photo's thumbnail, uint8 [64, 64, 3]."""
        self._stream.seek(int(self.rows[index]) * SIZE)
        return np.frombuffer(self._stream.read(SIZE), np.uint8).reshape(SIDE, SIDE, 3)

    def block(self, start: int, stop: int) -> Pixels:
        """Those of photos `start` to `stop`, uint8 [n, 64, 64, 3]."""
        block = np.empty((max(0, min(stop, len(self)) - start), SIDE, SIDE, 3), np.uint8)
        for place in range(len(block)):
            block[place] = self[start + place]
        return block


def smaller(thumbnails: Pixels | Levels, side: int) -> Levels:
    """Thumbnails [n, 64, 64, 3] at a smaller side that divides theirs: float32 [n, side, side, 3] of means."""
    return np.stack([cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in thumbnails]).astype(
        np.float32
    )


def _border(lines: Pixels) -> int:
    """How many of the first lines are a border."""
    widest = int(_WIDEST_BORDER * len(lines))
    colour = np.median(lines[0], axis=0).astype(np.int16)
    width = 0
    while width <= widest and _plain(lines[width], colour):
        width += 1
    if not 0 < width <= widest:
        return 0
    for at in range(width, min(width + _FUZZY_LINES, len(lines))):
        if np.mean(np.abs(lines[at] - lines[at - 1].astype(np.int16)).max(axis=1) > _STEP) >= _MOST:
            return at
    return 0


def _plain(line: Pixels, colour: npt.NDArray[np.int16]) -> bool:
    return bool(np.abs(line - colour).mean() <= _MEAN_DEVIATION)
