"""How bright and how sharp photos are."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scrapline.data import decoding
from scrapline.data.imaging import Pixels, Preprocessing

_BATCH = 32


@dataclass(frozen=True)
class Appearance:
    """Of N photos: `brightness` 0 (black) to 1 (white), and `sharpness` in grey levels, both float64 [N]."""

    brightness: npt.NDArray[np.float64]
    sharpness: npt.NDArray[np.float64]


def of_split(folder: Path, split: str, preprocessing: Preprocessing) -> Appearance:
    """Every photo of a prepared split, in id order, as the network sees it."""
    found = [
        (brightness(pixels), sharpness(pixels))
        for batch in decoding.read(folder, split, preprocessing, _BATCH)
        for pixels in batch.images
    ]
    values = np.array(found, np.float64).reshape(-1, 2)
    return Appearance(values[:, 0], values[:, 1])


def brightness(pixels: Pixels) -> float:
    """Mean grey of RGB pixels uint8 [H, W, 3], as a share of white."""
    return float(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).mean()) / 255


def sharpness(pixels: Pixels) -> float:
    """Standard deviation of the Laplacian of the grey levels, which blur takes away first (Pech-Pacheco 2000)."""
    return float(cv2.Laplacian(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.CV_64F).std())
