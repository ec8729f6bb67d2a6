"""How `prepare` scales: photos drawn by number, and what preparing many of them takes.

Run as a program (`python -m scale FOLDER`, a folder with room for 6 GB), it makes data sets of several sizes, prepares
each as a user would, and writes docs/scale/prepare.json, .md and .png.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

CLASSES = ("glass", "metal", "paper", "plastic")
WIDTH, HEIGHT = 512, 384


def draw(number: int) -> bytes:
    """Photo `number`: a JPEG of 512 x 384 pixels, a few pieces on a ground in uneven light, and a camera's noise."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 60, (rng.integers(3, 9), rng.integers(4, 12), 3)).astype(np.float32)
    picture = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) + rng.integers(40, 200, 3)
    for _ in range(rng.integers(1, 5)):
        centre = rng.uniform((60, 60), (WIDTH - 60, HEIGHT - 60))
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(4, 14)))
        reach = rng.uniform(30, 130) * rng.uniform(0.5, 1.0, len(angles))
        corners = centre + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        colour = rng.integers(0, 256, 3).astype(float).tolist()
        cv2.fillPoly(picture, [corners.astype(np.int32)], colour, lineType=cv2.LINE_AA)
        for _ in range(rng.integers(0, 6)):
            ends = centre + rng.uniform(-60, 60, (2, 2))
            one, other = ends.astype(int).tolist()
            line = rng.integers(0, 256, 3).astype(float).tolist()
            cv2.line(picture, one, other, line, int(rng.integers(1, 6)), cv2.LINE_AA)
    noise = rng.integers(-6, 7, (HEIGHT // 2, WIDTH // 2, 1), dtype=np.int16).astype(np.float32)
    picture += cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR)[..., None]
    pixels = np.ascontiguousarray(picture.clip(0, 255).astype(np.uint8))
    return bytes(simplejpeg.encode_jpeg(pixels, quality=88))


def write(folder: Path, start: int, stop: int) -> None:
    """Photos `start` to `stop` as `<class>/<number>.jpg`, in turn; those that are there stay."""
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_write, folder), range(start, stop), chunksize=64))


def _write(folder: Path, number: int) -> None:
    path = folder / CLASSES[number % len(CLASSES)] / f"{number:06d}.jpg"
    if not path.exists():
        path.write_bytes(draw(number))


if __name__ == "__main__":
    write(Path(sys.argv[1]), 0, int(sys.argv[2]))
