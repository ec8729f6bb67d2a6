"""The empty conveyor belt: dark rubber, its profile, seams, scratches and dust."""

import math

import numpy as np

from scrapline.rendering.fields import Field, Rgb, Rng, cloud, mix, pick, smoothstep
from scrapline.rendering.light import Light, lit_flat

_RUBBER = "202224 2a2a2c 34363a 3c3c3e 46484a"


def belt(rng: Rng, light: Light, *, height: int, width: int) -> Rgb:
    """An empty stretch of belt, lit: [3, height, width]. It runs along the picture's x axis."""
    shape, side = (height, width), min(height, width)
    relief = 0.35 * cloud(rng, shape, side / 160) + _profile(rng, shape)
    worn = cloud(rng, shape, (side / 14, side / 0.7)) * 0.6 + cloud(rng, shape, side / 3, octaves=2) * 0.5
    scratches = smoothstep(0.72, 1.0, cloud(rng, shape, (max(1.0, side / 160), side / 2.5)))
    base = pick(rng, _RUBBER)
    dust = pick(rng, "8c8478 a09078 9c9c98 74644c")
    albedo: Rgb = base * (1 + 0.16 * worn)
    albedo = mix(albedo, dust, rng.uniform(0, 0.3) * scratches + rng.uniform(0, 0.18) * smoothstep(0.0, 1.0, worn))
    albedo = mix(albedo, dust, _specks(rng, shape, side))
    slope = np.zeros(shape, np.float32)
    slope[1:-1, 1:-1] = light.direction[0] * (relief[1:-1, :-2] - relief[1:-1, 2:])
    slope[1:-1, 1:-1] += light.direction[1] * (relief[:-2, 1:-1] - relief[2:, 1:-1])
    return albedo * (lit_flat(light) * (1 + slope * (side / 700)))


def _profile(rng: Rng, shape: tuple[int, int]) -> Field:
    """Plain, ribbed, studded or chevron rubber, and at times the seam where the belt is joined."""
    rows, columns = shape
    side = min(shape)
    y = np.arange(rows, dtype=np.float32)[:, None] / side
    x = np.arange(columns, dtype=np.float32) / side + rng.uniform(0, 1)
    kind, pitch = int(rng.integers(6)), rng.uniform(0.05, 0.12)
    relief: Field = np.zeros(shape, np.float32)
    if kind == 0:
        relief = relief + np.sin(x * (2 * math.pi / pitch)) * 0.9
    elif kind == 1:
        studs = np.sin(x * (2 * math.pi / pitch)) * np.sin(y * (2 * math.pi / pitch))
        relief = relief + smoothstep(0.5, 0.9, studs) * 1.6
    elif kind == 2:
        wave = np.mod(x + np.abs(y - 0.5) * 0.8, 0.4)
        relief = relief + smoothstep(0.02, 0.012, np.abs(wave - 0.2)) * 1.8
    if rng.random() < 0.25:
        at, lean = rng.uniform(0, columns / side), rng.uniform(-0.3, 0.3)
        gap = np.abs(np.arange(columns, dtype=np.float32) / side - at + (y - 0.5) * lean)
        relief = relief - smoothstep(0.014, 0.006, gap) * 3
    return relief


def _specks(rng: Rng, shape: tuple[int, int], side: int) -> Field:
    """Crumbs and grit: how much of each pixel they cover."""
    share = rng.uniform(0.9, 1.1)
    return 0.7 * smoothstep(share, share + 0.08, cloud(rng, shape, side / 110))
