"""Pixels of more than eight bits to eight: by the depth that the file declares, else by the whole folder's range.

Industrial cameras write 10, 12 or 14 bits into 16-bit files; shown as 16 bits they are nearly black.
"""

import struct
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from scrapline.data.errors import ImageError, UndeclaredDepthError

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_DEPTH_AT = 24
_TIFF: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
_BITS_PER_SAMPLE, _PHOTOMETRIC, _EXTRA_SAMPLES, _SAMPLE_FORMAT, _S_MAX_SAMPLE = 258, 262, 338, 339, 341
_UNSIGNED = 1
_WHITE_IS_ZERO = 0
_TO_RGB = {3: cv2.COLOR_BGR2RGB, 4: cv2.COLOR_BGRA2RGBA}
# A value from here on needs more bits than any camera short of 16 writes.
_SURELY_SIXTEEN = 1 << 14


def is_deep(data: bytes, image: Image.Image) -> bool:
    """Whether an opened image stores more than eight bits a channel, whatever Pillow would make of them."""
    if image.format == "PNG":
        return len(data) > _PNG_DEPTH_AT and data[_PNG_DEPTH_AT] == 16
    if image.format == "TIFF":
        return bool(max(_tag(image, _BITS_PER_SAMPLE, 1)) > 8)
    return image.mode in {"I", "F"} or image.mode.startswith("I;16")


def has_tiff_directory(data: bytes) -> bool:
    """Whether a TIFF is whole to the end of its first directory: then Pillow does not know it for its layout."""
    order = _TIFF.get(data[:4])
    if order is None:
        return False
    at = int.from_bytes(data[4:8], order)
    return at + 2 + 12 * int.from_bytes(data[at : at + 2], order) + 4 <= len(data)


def bits_for(level: int) -> int:
    """The least of 8, 10, 12, 14 and 16 bits that holds a value."""
    return next(bits for bits in (8, 10, 12, 14, 16) if level < 1 << bits)


def to_eight_bits(data: bytes, image: Image.Image, undeclared_bits: int | None) -> Image.Image:
    """A deep image as L, RGB or RGBA. Raises ImageError for what is neither unsigned nor of 16 bits at most.

    `undeclared_bits` is the depth of files that declare none; a file that goes past it raises UndeclaredDepthError.
    None: unknown, so that only a file whose values need all 16 bits is read.
    """
    if image.mode == "F":
        raise ImageError("unsupported", "floating-point pixels")
    if image.format == "TIFF":
        if set(_tag(image, _SAMPLE_FORMAT, _UNSIGNED)) != {_UNSIGNED}:
            raise ImageError("unsupported", "signed or floating-point pixels")
        if max(_tag(image, _BITS_PER_SAMPLE, 1)) > 16:
            raise ImageError("unsupported", "more than 16 bits a channel")
    levels = _levels(data, image)
    opaque = levels[..., :3] if levels.ndim == 3 else levels
    highest = int(opaque.max())
    bits = _declared_bits(data, image)
    if bits is None:
        bits = _undeclared(highest, undeclared_bits)
    elif highest >= 1 << bits:
        bits = 16  # the significant bits stand at the upper end, as the PNG specification has it
    scaled = _scaled(levels, bits)
    if levels.ndim == 3 and levels.shape[2] == 4 and int(levels[..., 3].max()) >= 1 << bits:
        scaled[..., 3] = _scaled(levels[..., 3], 16)
    if image.format == "TIFF" and levels.ndim == 3 and levels.shape[2] == 4 and _tag(image, _EXTRA_SAMPLES, 0)[0] == 0:
        scaled = scaled[..., :3]  # a fourth channel that means nothing
    if image.format == "TIFF" and _tag(image, _PHOTOMETRIC, 1)[0] == _WHITE_IS_ZERO:
        scaled = 255 - scaled
    transparent = image.info.get("transparency")
    if transparent is not None and (levels.ndim == 2 or levels.shape[2] == 3):
        hidden = (levels == np.asarray(transparent)).reshape(*levels.shape[:2], -1).all(axis=2)
        scaled[hidden] = 255
    return Image.fromarray(scaled)


def _undeclared(highest: int, bits: int | None) -> int:
    if bits is None and highest >= _SURELY_SIXTEEN:
        return 16
    if bits is None or highest >= 1 << bits:
        raise UndeclaredDepthError(highest)
    return bits


def _levels(data: bytes, image: Image.Image) -> npt.NDArray[np.uint16]:
    """Values [H, W] or [H, W, RGB or RGBA] as they are stored."""
    image.load()
    if image.mode == "I" or image.mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16)
    # Pillow keeps the upper byte of colours alone.
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if found is None or found.dtype != np.uint16 or found.shape[:2] != image.size[::-1]:
        raise ImageError("unsupported", "a layout of 16-bit colours that is not known")
    if found.ndim == 2:
        return np.asarray(found, dtype=np.uint16)
    return np.asarray(cv2.cvtColor(found, _TO_RGB[found.shape[2]]), dtype=np.uint16)


def _scaled(levels: npt.NDArray[np.uint16], bits: int) -> npt.NDArray[np.uint8]:
    if bits >= 8:
        return np.asarray(levels >> (bits - 8), dtype=np.uint8)
    return np.asarray(levels * 255 // max(1, (1 << bits) - 1), dtype=np.uint8)


def _declared_bits(data: bytes, image: Image.Image) -> int | None:
    """Bits that the file says are used. Pillow has spread a PGM's or PPM's over all 16."""
    if image.format == "PNG":
        return _significant_bits(data)
    if image.format == "TIFF":
        stored = max(_tag(image, _BITS_PER_SAMPLE, 1))
        highest = max(_tag(image, _S_MAX_SAMPLE, 0))
        if stored < 16:
            return int(stored)
        return min(16, int(highest).bit_length()) if highest > 0 else None
    return 16


def _significant_bits(data: bytes) -> int | None:
    """What a PNG's sBIT chunk says of its colours."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IDAT":
            return None
        if kind == b"sBIT":
            colours = data[at + 8 : at + 8 + (length if length in {1, 3} else length - 1)]
            bits = max(colours, default=0)
            return bits if 0 < bits <= 16 else None
        at += 12 + length
    return None


def _tag(image: Image.Image, number: int, default: int) -> tuple[Any, ...]:
    """A TIFF tag's values."""
    value = getattr(image, "tag_v2", {}).get(number, default)
    return value if isinstance(value, tuple) and value else (value if value != () else default,)
