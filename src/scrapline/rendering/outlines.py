"""Outlines of scrap: polygons in local units, u along the piece from -1 to 1."""

import dataclasses
import math

import numpy as np

from scrapline.rendering.fields import Field, Rng
from scrapline.rendering.piece import Outline, Patch, Pose, cut


def rectangle(aspect: float, *, corner: float = 0.0) -> Outline:
    """A rectangle 2 long and 2 * `aspect` wide, its corners rounded by `corner`."""
    if corner <= 0:
        return np.array([(-1, -aspect), (1, -aspect), (1, aspect), (-1, aspect)], dtype=np.float64)
    turn = np.linspace(0, math.pi / 2, 5)
    points = []
    for quarter, (u, v) in enumerate([(1, 1), (-1, 1), (-1, -1), (1, -1)]):
        angle = turn + quarter * math.pi / 2
        points.append(
            np.stack([u * (1 - corner) + corner * np.cos(angle), v * (aspect - corner) + corner * np.sin(angle)], 1)
        )
    return np.concatenate(points)


def circle(radius: float) -> Outline:
    """A circle round the origin."""
    angle = np.linspace(0, 2 * math.pi, 48, endpoint=False)
    return np.stack([np.cos(angle) * radius, np.sin(angle) * radius], axis=1)


def skewed(rng: Rng, outline: Outline, *, amount: float) -> Outline:
    """The outline with every corner moved by up to `amount`."""
    return outline + rng.uniform(-amount, amount, outline.shape)


def torn(
    rng: Rng, outline: Outline, *, amount: float, sides: tuple[int, ...] | None = None, steps: int = 14
) -> Outline:
    """The outline with its `sides` (all by default) broken into ragged `steps`, `amount` deep."""
    pieces = []
    for side, start in enumerate(outline):
        end = outline[(side + 1) % len(outline)]
        if sides is not None and side not in sides:
            pieces.append(start[None])
            continue
        share = np.linspace(0, 1, steps, endpoint=False)[:, None]
        walk = np.convolve(rng.normal(0, 1, steps + 2), (0.5, 1.0, 0.5), mode="valid")[:, None]
        along = end - start
        across = np.array([-along[1], along[0]]) / (math.hypot(*along) + 1e-9)
        pieces.append(start + along * share + across * walk * amount * np.sin(share * math.pi) ** 0.3)
    return np.concatenate(pieces)


def blob(rng: Rng, aspect: float, *, rough: float, corners: int = 26) -> Outline:
    """A closed lump whose radius wanders by `rough`."""
    angle = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    radius = np.ones(corners)
    for wave in range(2, 9):
        radius += rough * rng.normal(0, 1) / wave**0.7 * np.cos(wave * angle + rng.uniform(0, 2 * math.pi))
    radius += rough * 0.35 * rng.normal(0, 1, corners)
    return np.stack([np.cos(angle) * radius, np.sin(angle) * radius * aspect], axis=1) * 0.9


def splinter(rng: Rng, *, corners: int) -> Outline:
    """A broken piece: a few sharp corners at uneven angles and distances."""
    angle = (np.arange(corners) + rng.uniform(-0.35, 0.35, corners)) * 2 * math.pi / corners
    radius = rng.uniform(0.55, 1.05, corners)
    return np.stack([np.cos(angle) * radius, np.sin(angle) * radius * rng.uniform(0.55, 1.0)], axis=1)


def disc(pose: Pose, radius: float, *, squash: float) -> Patch:
    """A round end or lid seen at a slant, which shortens it along u by `squash`.

    The patch's own u is stretched back, so that on it the disc is a circle of `radius`.
    """
    patch = cut(pose, circle(radius) * (squash, 1.0))
    return dataclasses.replace(patch, u=patch.u / np.float32(squash))


def revolved(pose: Pose, profile: list[tuple[float, float]]) -> tuple[Patch, Field, Field]:
    """A turned body lying on its side, from its profile (u, radius) points.

    Returns its patch, the radius at every pixel and the height of its upper surface.
    """
    along, radius = np.array(profile).T
    steps = np.linspace(along[0], along[-1], 60)
    widths = np.interp(steps, along, radius)
    # Real profiles have no kinks.
    soft = np.convolve(np.pad(widths, 2, mode="edge"), (0.1, 0.2, 0.4, 0.2, 0.1), mode="valid")
    outline = np.concatenate([np.stack([steps, soft], 1), np.stack([steps, -soft], 1)[::-1]])
    patch = cut(pose, outline)
    here = np.interp(patch.u, steps, soft).astype(np.float32)
    return patch, here, np.sqrt(np.maximum(here**2 - patch.v**2, 0))
