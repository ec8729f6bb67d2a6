"""The eight ways to turn and mirror a picture: bit 2 swaps its sides, bits 0 and 1 mirror x and y after that."""

import numpy as np

from scrapline.data.duplicates.thumbnails import Levels

COUNT = 8
NAMES = (
    "upright",
    "mirrored",
    "flipped",
    "turned by 180",
    "mirrored, turned by 90",
    "turned by 90",
    "turned by 270",
    "mirrored, turned by 270",
)
# Swapping sides and mirroring one of them is a quarter turn, whose inverse mirrors the other one.
INVERSE = (0, 1, 2, 3, 4, 6, 5, 7)


def oriented(picture: Levels, orientation: int) -> Levels:
    """A picture [H, W, ...] in one of the eight orientations."""
    turned = picture.swapaxes(0, 1) if orientation & 4 else picture
    turned = turned[:, ::-1] if orientation & 1 else turned
    turned = turned[::-1] if orientation & 2 else turned
    return np.ascontiguousarray(turned)
