"""Noise and creases: the smooth random fields that every surface is made of."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Rng = np.random.Generator
Field = npt.NDArray[np.floating[Any]]
"""One value a pixel, float32 [h, w]."""
Rgb = npt.NDArray[np.floating[Any]]
"""Linear light in planes, float32 [3, h, w] or [3, 1, 1]; 1.0 is a white surface in full light."""


def fork(rng: Rng) -> Rng:
    """A generator of its own: how much is drawn from it does not change what `rng` gives next.

    Whatever draws a number of values that depends on the picture's size does so from a fork, so that the same seed
    shows the same scrap at every size.
    """
    return np.random.default_rng(rng.integers(2**63))


def cloud(rng: Rng, shape: tuple[int, int], cell: float | tuple[float, float], *, octaves: int = 1) -> Field:
    """Smooth noise of about [-1, 1] and shape [h, w]; `cell` is the size in pixels of a feature (or down, across).

    Drawn on a coarse grid and enlarged, because random numbers cost more than interpolation. Each further octave has
    half the size and half the strength, and is added before the last, costly enlargement.
    """
    rng = fork(rng)
    down, across = cell if isinstance(cell, tuple) else (cell, cell)
    finest = 2 ** (octaves - 1)
    down, across = max(down / finest, 0.5), max(across / finest, 0.5)
    rows, columns = math.ceil(shape[0] / down) + 2, math.ceil(shape[1] / across) + 2
    grid = np.zeros((rows, columns), np.float32)
    for octave in range(octaves):
        coarser = finest // 2**octave
        layer = rng.random((-(-rows // coarser) + 1, -(-columns // coarser) + 1), dtype=np.float32) * 2 - 1
        layer *= 0.5**octave
        grid += layer[:rows, :columns] if coarser == 1 else _resized(layer, (rows, columns), 1 / coarser)
    return _resized(grid, shape, 1 / down, 1 / across, margin=1.0)


def _resized(
    grid: Field, shape: tuple[int, int], rows_each: float, columns_each: float | None = None, *, margin: float = 0.0
) -> Field:
    """Resample so that one step of the result is `rows_each` by `columns_each` steps of the grid."""
    columns_each = rows_each if columns_each is None else columns_each
    window = (margin, margin, margin + shape[1] * columns_each, margin + shape[0] * rows_each)
    # Below a few pixels a feature the straight interpolation looks the same and costs half.
    method = Image.Resampling.BILINEAR if max(rows_each, columns_each) > 0.35 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(grid).resize((shape[1], shape[0]), method, box=window))


def folds(rng: Rng, u: Field, v: Field, *, count: int, steep: float) -> Field:
    """Heights of a sheet creased along `count` random straight lines, its typical slope being `steep`."""
    total = np.zeros_like(u)
    for _ in range(count):
        angle, offset = rng.uniform(0, math.pi), rng.uniform(-0.8, 0.8)
        depth = rng.choice((-1.0, 1.0)).item() * rng.uniform(0.4, 1.6) * steep / math.sqrt(count)
        total += depth * np.abs(math.cos(angle) * u + math.sin(angle) * v - offset)
    return total


def facets(rng: Rng, u: Field, v: Field, *, count: int, steep: float) -> Field:
    """Heights of a lump that is crushed into about `count` flat facets: the planes touching a dome at random points."""
    height = np.full_like(u, np.inf)
    for _ in range(count):
        at_u, at_v, tilt_u, tilt_v = rng.uniform(-1, 1), rng.uniform(-1, 1), rng.normal(0, 0.5), rng.normal(0, 0.5)
        touch = at_u**2 + at_v**2 + rng.uniform(-0.15, 0.15)
        plane = (touch - (2 * at_u + tilt_u) * u - (2 * at_v + tilt_v) * v) * (steep / 2)
        np.minimum(height, plane, out=height)
    return height


def distance(u: Field, v: Field) -> Field:
    """Distance from the origin; several times faster than numpy's hypot."""
    return np.sqrt(u * u + v * v)


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below `low`, 1 above `high` and a smooth ramp between; `low` above `high` falls instead of rising."""
    t: Field = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def mix(low: Rgb, high: Rgb, share: Field) -> Rgb:
    """Blend two colours by `share` [h, w]: [3, h, w]."""
    return low + (high - low) * share


def paint(code: str) -> Rgb:
    """A colour such as `c8a06a` as linear light [3, 1, 1] (gamma 2, as everywhere in the renderer)."""
    return (np.array(list(bytes.fromhex(code)), dtype=np.float32).reshape(3, 1, 1) / 255) ** 2


def grey(level: float) -> Rgb:
    """A colourless tone: [3, 1, 1]."""
    return np.full((3, 1, 1), level, np.float32)


def pick(rng: Rng, codes: str) -> Rgb:
    """One of the space-separated colours, slightly changed in brightness and hue: [3, 1, 1]."""
    base = paint(str(rng.choice(codes.split())))
    varied = base * rng.uniform(0.82, 1.15) * rng.uniform(0.95, 1.05, (3, 1, 1)).astype(np.float32)
    return np.asarray(np.clip(varied, 0, 1))
