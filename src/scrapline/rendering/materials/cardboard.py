"""Cardboard: corrugated sheets, opened boxes, flattened cartons, tubes and egg boxes."""

import math

import numpy as np

from scrapline.rendering.fields import Field, Rgb, Rng, cloud, folds, mix, pick, smoothstep
from scrapline.rendering.outlines import disc, rectangle, revolved, skewed, torn
from scrapline.rendering.piece import Outline, Patch, Piece, Pose, cut
from scrapline.rendering.prints import Print, artwork

_KRAFT = "b58c5c c49a68 a27c4e 94714a caa878 8c7250"
_LINED = "e6e3da d2cfc6 b4b1a8 8f8d88 c9c2b2"
_INKS = "26221c 3a2f24 1e3a5c 7a2018 1f4a2c"
_BRANDS = "c03428 2458a0 e0b020 2c7c48 7a3c86 e07828 20808c e8e4d8 30343a d05c84"


def sheet(rng: Rng, pose: Pose) -> list[Piece]:
    """A piece of corrugated board, torn on some sides so that the flutes show, with print and tape."""
    aspect = rng.uniform(0.5, 0.95)
    ragged = tuple(int(side) for side in rng.permutation(4)[: rng.integers(1, 4)])
    patch = cut(pose, torn(rng, skewed(rng, rectangle(aspect), amount=0.07), amount=0.028, sides=ragged))
    liner = _board(rng)
    flutes = _flutes(rng, patch)
    bare = np.zeros_like(patch.u)
    for side in ragged:
        inward = (patch.v + aspect, 1 - patch.u, aspect - patch.v, patch.u + 1)[side]
        bare = np.maximum(bare, smoothstep(0.06, 0.0, inward - rng.uniform(0.05, 0.22) - 0.16 * patch.cloud(rng, 0.3)))
    albedo, height = _fibres(rng, patch, liner), 0.005 * flutes + folds(rng, patch.u, patch.v, count=2, steep=0.16)
    if rng.random() < 0.65:
        albedo = _stamp(rng, patch, albedo, aspect)
    inside = pick(rng, _KRAFT) * 0.8
    albedo = mix(albedo, inside * (0.75 + 0.35 * flutes), bare)
    height = height + bare * (0.014 * flutes - 0.02)
    pieces = [Piece(patch, albedo, height, polish=2, lift=rng.uniform(0.03, 0.12))]
    if rng.random() < 0.4:
        pieces.append(_tape(rng, pose, aspect))
    return pieces


def box(rng: Rng, pose: Pose) -> list[Piece]:
    """A box seen from above, its four flaps folded out, its inside in shadow."""
    liner, wide, long = _board(rng), rng.uniform(0.36, 0.52), rng.uniform(0.5, 0.62)
    pieces = []
    for turn, reach, half in [(0, long, wide), (1, wide, long), (2, long, wide), (3, wide, long)]:
        flap = pose.at(*_polar(reach, turn * math.pi / 2), turn=turn * math.pi / 2 + rng.normal(0, 0.05))
        deep, narrow = rng.uniform(0.26, 0.4), half * rng.uniform(0.88, 1.0)
        outline = np.array([(-0.03, -half), (deep, -narrow), (deep, narrow), (-0.03, half)])
        patch = cut(flap, torn(rng, outline, amount=0.008))
        albedo = _fibres(rng, patch, liner)
        if rng.random() < 0.3:
            albedo = _stamp(rng, patch, albedo, half * 0.6)
        tilt = rng.uniform(-0.5, 0.25)
        height = tilt * patch.u + 0.005 * _flutes(rng, patch) + folds(rng, patch.u, patch.v, count=1, steep=0.1)
        pieces.append(Piece(patch, albedo, height, polish=2, lift=rng.uniform(0.08, 0.2)))
    patch = cut(pose, np.array([(-long, -wide), (long, -wide), (long, wide), (-long, wide)]))
    inward = np.minimum(long - np.abs(patch.u), wide - np.abs(patch.v))
    wall = rng.uniform(0.1, 0.2)
    depth = smoothstep(0.0, wall * 1.6, inward)
    albedo = _fibres(rng, patch, liner) * (1.0 - rng.uniform(0.45, 0.75) * depth)
    seam = smoothstep(0.014, 0.004, np.abs(patch.v)) * (inward > wall)
    pieces.append(Piece(patch, albedo * (1 - 0.5 * seam), -1.1 * np.minimum(inward, wall), polish=2, lift=0.0))
    return pieces


def carton(rng: Rng, pose: Pose) -> list[Piece]:
    """A folding carton laid flat: a printed front, side panels behind score lines, glue tabs."""
    aspect, score = rng.uniform(0.42, 0.62), rng.uniform(0.5, 0.68)
    tab, cuff = rng.uniform(0.08, 0.2), rng.uniform(0.04, 0.09)
    corners = [
        (-1, -aspect),
        (score, -aspect),
        (score + 0.03, -aspect - tab),
        (0.97, -aspect - tab * 0.8),
        (1, -aspect),
    ]
    corners += [(1, aspect - cuff), (1.06, aspect), (score, aspect), (score - 0.05, aspect + tab)]
    corners += [(-0.93, aspect + tab * 0.9), (-1, aspect)]
    patch = cut(pose, skewed(rng, np.array(corners), amount=0.02))
    ground = pick(rng, _KRAFT)
    albedo = _fibres(rng, patch, ground)
    if rng.random() < 0.15:
        design = Print(patch, (-0.96, -aspect * 0.97, score - 0.02, aspect * 0.97))
        artwork(rng, design, pick(rng, _BRANDS), pick(rng, _BRANDS), pick(rng, _BRANDS))
        if rng.random() < 0.5:
            design.barcode(rng, 0.05, 0.7, 0.2, 0.22)
        albedo, _ = design.wrap(patch, albedo)
    ridge = np.minimum(np.abs(patch.u - score), np.abs(np.abs(patch.v) - aspect))
    height = 0.02 * smoothstep(0.05, 0.0, ridge) + folds(rng, patch.u, patch.v, count=3, steep=0.22)
    height = height + np.where(patch.u > score, rng.uniform(-0.4, 0.3) * (patch.u - score), 0)
    albedo = mix(albedo, ground * 0.9, 0.8 * smoothstep(0.02, 0.005, ridge))
    return [Piece(patch, albedo, height, gloss=0.02, polish=2, lift=rng.uniform(0.04, 0.14))]


def tube(rng: Rng, pose: Pose) -> list[Piece]:
    """A cardboard core on its side: a spiral seam, and the dark hole at one end."""
    radius = rng.uniform(0.2, 0.42)
    patch, _, height = revolved(pose, [(-1, radius), (0, radius * rng.uniform(0.85, 1.0)), (1, radius)])
    liner = _board(rng)
    pitch, lean = rng.uniform(0.5, 0.9), rng.choice((-0.7, 0.7)).item()
    turn = np.mod(patch.u + lean * np.arcsin(np.clip(patch.v / radius, -1, 1)) * radius, pitch)
    seam = smoothstep(0.03, 0.012, np.abs(turn - pitch / 2))
    albedo = _fibres(rng, patch, liner) * (1 - 0.45 * seam)
    body = Piece(patch, albedo, height + 0.01 * smoothstep(0, 0.05, turn - pitch / 2), polish=2, lift=0.2)
    end = pose.at(1.0, 0.0)
    rim, hole = disc(end, radius, squash=0.4), disc(end, radius * 0.85, squash=0.38)
    dark = liner * 0.25 * (1 + 0.8 * hole.u / radius)
    return [body, Piece(rim, liner * 0.9, polish=2, lift=0.0), Piece(hole, dark.astype(np.float32), lift=0.0)]


def egg_box(rng: Rng, pose: Pose) -> list[Piece]:
    """Moulded pulp with two or three rows of cups."""
    across, along = int(rng.integers(2, 4)), int(rng.integers(3, 6))
    aspect = across / along * rng.uniform(0.95, 1.1)
    patch = cut(pose, torn(rng, rectangle(aspect, corner=0.08), amount=0.012, steps=4))
    cups = np.cos(patch.u * (math.pi * along)) * np.cos(patch.v / aspect * (math.pi * across))
    if along % 2 != across % 2:
        cups = -cups
    height = rng.uniform(0.05, 0.11) * (cups + 0.35 * cups**2) + 0.006 * patch.cloud(rng, 0.05, octaves=2)
    colour = pick(rng, "b09a78 b89868 a08058 b08c60 a88450")
    shade = 0.72 + 0.28 * smoothstep(-0.9, 0.4, cups) + 0.08 * cloud(rng, patch.shape, 2.0)
    return [Piece(patch, (colour * shade).astype(np.float32), height, polish=2, lift=0.12)]


def _board(rng: Rng) -> Rgb:
    return pick(rng, _KRAFT if rng.random() < 0.97 else _LINED)


def _fibres(rng: Rng, patch: Patch, colour: Rgb) -> Rgb:
    """Board in `colour` with its fibres and blotches: [h, w, 3]."""
    grain = 1 + 0.07 * cloud(rng, patch.shape, (1.0, 2.5)) + 0.1 * patch.cloud(rng, 0.5, octaves=2)
    return colour * grain


def _flutes(rng: Rng, patch: Patch) -> Field:
    """The corrugation's wave in [-1, 1], running along u or across it."""
    axis = patch.u if rng.random() < 0.5 else patch.v
    pitch = max(rng.uniform(0.055, 0.085), 3.2 / patch.scale)
    return np.sin(axis * (2 * math.pi / pitch) + 0.4 * patch.cloud(rng, 0.6))


def _stamp(rng: Rng, patch: Patch, albedo: Rgb, aspect: float) -> Rgb:
    """Shipping marks in one ink: a word, arrows, a frame, a barcode or handling lines."""
    ink, low = pick(rng, _INKS), rng.uniform(-0.8, -0.4)
    stamp = Print(patch, (low, -aspect * 0.7, low + rng.uniform(0.7, 1.1), aspect * 0.55))
    if rng.random() < 0.7:
        stamp.word(rng, 0.5, 0.25, rng.uniform(0.25, 0.4), ink, cover=0.85)
    if rng.random() < 0.6:
        for x in (0.15, 0.4):
            stamp.shape([(x, 0.75), (x + 0.1, 0.5), (x + 0.2, 0.75)], ink, cover=0.85)
            stamp.bar(x + 0.065, 0.75, x + 0.135, 0.97, ink, cover=0.85)
    if rng.random() < 0.5:
        stamp.barcode(rng, 0.66, 0.58, 0.32, 0.38)
    return stamp.wrap(patch, albedo)[0]


def _tape(rng: Rng, pose: Pose, aspect: float) -> Piece:
    """A strip of parcel tape across the board, shiny and half clear."""
    turn, half = rng.choice((0.0, math.pi / 2)).item() + rng.normal(0, 0.06), rng.uniform(0.06, 0.12)
    reach = 0.98 if abs(turn) < 1 else aspect * 0.97
    outline: Outline = np.array([(-reach, -half), (reach, -half), (reach, half), (-reach, half)])
    patch = cut(pose.at(0, rng.uniform(-0.25, 0.25) * aspect, turn=turn), outline)
    height = folds(rng, patch.u, patch.v, count=4, steep=0.2) + 0.004 * patch.cloud(rng, 0.06)
    return Piece(patch, pick(rng, "caa468 b08448 e8e2d0 dcd8cc"), height, gloss=0.09, polish=1, clear=0.45, lift=0.0)


def _polar(radius: float, angle: float) -> tuple[float, float]:
    return radius * math.cos(angle), radius * math.sin(angle)


FORMS = (sheet, sheet, sheet, sheet, box, box, box, carton, tube, egg_box)
