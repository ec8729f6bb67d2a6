"""Sound JPEGs by libjpeg-turbo, at once as small as they may be, into memory that a thread uses again and again."""

import threading

import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

_LIBJPEG_HALVES = 3  # it decodes at an eighth of the size at least


class _Scratch(threading.local):
    """A thread's memory to decode frame after frame into: fresh pages would cost as much as decoding."""

    memory = bytearray()

    def at_least(self, size: int) -> bytearray:
        if len(self.memory) < size:
            self.memory = bytearray(size)
        return self.memory


_scratch = _Scratch()


def sound(data: bytes, image: Image.Image, short_side: int) -> npt.NDArray[np.uint8] | None:
    """RGB pixels of a JPEG that libjpeg-turbo has nothing to say against, as Pillow decodes them in twice the time.

    With a `short_side`, libjpeg does the halving that `imaging.scale` would do, and the pixels lie in the thread's
    scratch memory. None for all else: whether a damaged file is of use is for Pillow to say.
    """
    if image.format not in {"JPEG", "MPO"} or image.mode not in {"RGB", "L"}:
        return None
    width, height = image.size
    for _ in range(_LIBJPEG_HALVES if short_side else 0):
        if min(width, height) >= 2 * short_side:
            width, height = -(-width // 2), -(-height // 2)
    buffer = _scratch.at_least(3 * width * height) if short_side else None
    try:
        pixels: npt.NDArray[np.uint8] = simplejpeg.decode_jpeg(
            data, "RGB", min_width=width, min_height=height, buffer=buffer
        )
    except ValueError:
        return None
    return pixels if pixels.shape == (height, width, 3) else None
