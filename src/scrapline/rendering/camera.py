"""The camera over the belt: uneven light, blur along the belt, exposure, noise."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from scrapline.rendering.fields import Rgb, Rng, cloud

Picture = npt.NDArray[np.uint8]
"""RGB, [height, width, 3]."""


def photograph(rng: Rng, scene: Rgb) -> Picture:
    """What the camera makes of the linear `scene` [3, height, width]."""
    rows, columns = scene.shape[1:]
    side = min(rows, columns)
    falloff = 1 + 0.22 * cloud(rng, (rows, columns), (rows / 0.9, columns / 0.9), octaves=2)
    balance = (1 + rng.normal(0, 0.02, (3, 1, 1))).astype(np.float32) * rng.uniform(0.82, 1.12)
    # Gamma 2 with a soft shoulder: x / (x + 0.3) alone would grey the whites out.
    toned = np.sqrt(np.clip(scene * falloff * balance, 0, None))
    toned = toned * (1.18 - 0.18 * np.minimum(toned, 1.5))
    pixels = Image.merge("RGB", [Image.fromarray(plane) for plane in (np.clip(toned, 0, 1) * 255).astype(np.uint8)])
    motion = max(0.0, rng.normal(0.0, 0.006)) * columns
    focus = side / 600 + max(0.0, rng.normal(0.0, 0.0016)) * side
    blurred = np.asarray(pixels.filter(ImageFilter.BoxBlur((focus + motion, focus))), dtype=np.float32)
    grain = rng.integers(0, 256, (rows, columns, 3), dtype=np.uint8).astype(np.float32)
    return np.clip(blurred + (grain - 127.5) * rng.uniform(0.01, 0.04), 0, 255).astype(np.uint8)
