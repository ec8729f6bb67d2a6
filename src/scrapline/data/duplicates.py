"""Near-duplicates: photos that show the same thing, found by small fingerprints of their pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from scrapline.cli.console import counter

_HASH_SIDE = 16
# Of 256 dHash bits. Measured on TrashNet: with the correlation below, every pair found up to here shows the same
# object, while dHash alone groups low-texture look-alikes from different classes.
_MAX_DIFFERING_BITS = 16
_MIN_CORRELATION = 0.95
THUMB_SIDE = 32
_BLOCK_PAIRS = 1 << 18


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`dhash`: 256 bits, whether each pixel of a 17 x 16 picture is brighter than its left neighbour.

    `thumbnail`: grey levels at 32 x 32 pixels, row by row, a byte each.
    """

    dhash: bytes
    thumbnail: bytes


class Fingerprinted(Protocol):
    """A photo whose fingerprint was taken; `thumbnail` numbers its row in the file of thumbnails."""

    @property
    def image_id(self) -> str: ...  # noqa: D102
    @property
    def dhash(self) -> bytes: ...  # noqa: D102
    @property
    def thumbnail(self) -> int: ...  # noqa: D102


def fingerprint(image: Image.Image) -> Fingerprint:
    """The fingerprint of one image; the hash is the difference hash of Krawetz (2013) at 16 x 16 bits."""
    grey = image.convert("L")
    levels = np.asarray(grey.resize((_HASH_SIDE + 1, _HASH_SIDE), Image.Resampling.LANCZOS))
    thumbnail = grey.resize((THUMB_SIDE, THUMB_SIDE), Image.Resampling.BOX)
    return Fingerprint(np.packbits(levels[:, 1:] > levels[:, :-1]).tobytes(), thumbnail.tobytes())


def group_near_duplicates(photos: Sequence[Fingerprinted], thumbnails: Path) -> list[str]:
    """The near-duplicate group of each photo, named by its smallest image_id; `photos` are sorted by id.

    `thumbnails` is a file of all their thumbnails, one after another as `fingerprint` makes them.
    Two photos belong together when few bits of their 256-bit difference hashes differ and the grey levels of their
    thumbnails correlate. Memory is bounded whatever the number of photos; time is quadratic with a small constant.
    """
    parent = list(range(len(photos)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    rows = np.memmap(thumbnails, np.uint8, "r").reshape(-1, THUMB_SIDE**2) if photos else np.empty((0, 0), np.uint8)

    @lru_cache(maxsize=256)
    def thumb(index: int) -> npt.NDArray[np.float32]:
        return _standardised(rows[photos[index].thumbnail])

    hashes = np.frombuffer(b"".join(photo.dhash for photo in photos), dtype=np.uint64).reshape(len(photos), -1)
    height = max(1, _BLOCK_PAIRS // max(1, len(photos)))
    with counter("comparing images", len(photos)) as advance:
        for start in range(0, len(photos), height):
            block = hashes[start : start + height, None, :] ^ hashes[None, start:, :]
            close = np.argwhere(np.bitwise_count(block).sum(axis=2, dtype=np.uint16) <= _MAX_DIFFERING_BITS)
            for left, right in (close + start).tolist():
                if left < right and root(left) != root(right) and float(thumb(left) @ thumb(right)) >= _MIN_CORRELATION:
                    low, high = sorted((root(left), root(right)))
                    parent[high] = low
            advance(len(block))
    return [photos[root(index)].image_id for index in range(len(photos))]


def _standardised(thumbnail: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Grey levels with mean 0 and length 1, so that a dot product is a correlation; flat images give zeros."""
    levels = thumbnail.astype(np.float32)
    levels -= levels.mean()
    length = float(np.linalg.norm(levels))
    return levels / length if length > 0 else levels
