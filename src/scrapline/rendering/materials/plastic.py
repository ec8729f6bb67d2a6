"""Plastic: drink and detergent bottles, bags, cups, tubs, lids and trays."""

import dataclasses
import math

import numpy as np

from scrapline.rendering.fields import Field, Rgb, Rng, distance, folds, grey, mix, pick, smoothstep
from scrapline.rendering.outlines import blob, disc, rectangle, revolved, torn
from scrapline.rendering.piece import Patch, Piece, Pose, cut
from scrapline.rendering.prints import Print, around, artwork

_SOLIDS = "e03028 2058d0 18a058 f0c818 9838b0 f070a8 20b0d0 68c830"
_SHEER = "b8d8f4 a0ccf0 88c0f0 98d0f0"
_BAGS = "3868d8 20a8d8 e03838 f0c030 38c058 e858a0"


def drink_bottle(rng: Rng, pose: Pose) -> list[Piece]:
    """A thin ribbed drink bottle with a screw cap, part squashed, with a wrap-around label."""
    body, neck, shoulder = rng.uniform(0.27, 0.36), rng.uniform(0.08, 0.1), rng.uniform(0.3, 0.5)
    waist = rng.uniform(0.82, 1.0)
    profile = [(-0.97, body * 0.75), (-0.88, body), (-0.1, body * waist), (shoulder, body), (0.8, neck), (0.86, neck)]
    patch, radius, height = revolved(pose, profile)
    pitch = rng.uniform(0.09, 0.16)
    ribs = np.cos(patch.u * (2 * math.pi / pitch)) * smoothstep(shoulder, shoulder - 0.1, patch.u)
    squashed = folds(rng, patch.u, patch.v * 0.6, count=6, steep=rng.uniform(0.1, 0.7))
    height = height * rng.uniform(0.6, 0.9) + 0.016 * ribs + squashed
    tint = pick(rng, _SHEER if rng.random() < 0.6 else "58a8f0 4898f0 40b0e8")
    rim = np.abs(patch.v) / np.maximum(radius, 1e-3)
    albedo = mix(tint, tint * 0.55, smoothstep(0.8, 1.0, rim))
    pieces = [Piece(patch, albedo, height, gloss=0.09, polish=0, clear=rng.uniform(0.72, 0.86), lift=0.2)]
    if rng.random() < 0.65:
        low = rng.uniform(-0.5, -0.15)
        pieces.append(_sleeve(rng, patch, radius, height, low, low + rng.uniform(0.3, 0.5)))
    return [*pieces, _cap(rng, pose.at(0.92, 0.0), neck * 1.35, 0.1)]


def canister(rng: Rng, pose: Pose) -> list[Piece]:
    """An opaque bottle for detergent or shampoo: shoulders, a grip, a label and a coloured cap."""
    body = rng.uniform(0.36, 0.52)
    slope = rng.uniform(0.3, 0.6)
    colour = pick(rng, _SOLIDS)
    profile = [(-0.95, body * 0.92), (-0.85, body), (slope - 0.2, body), (slope + 0.1, body * 0.5), (0.7, 0.17)]
    patch, radius, height = revolved(pose, profile)
    soft = height * 0.62 + 0.02 * patch.cloud(rng, 0.7)
    grip = distance((patch.u - slope + 0.22) / 0.2, (patch.v - body * 0.5) / (body * 0.22))
    if rng.random() < 0.45:
        patch = dataclasses.replace(patch, alpha=patch.alpha * smoothstep(0.95, 1.05, grip))
    soft = soft + 0.06 * smoothstep(1.5, 1.0, grip)
    albedo = colour * (1 - 0.1 * smoothstep(0.7, 1.0, np.abs(patch.v) / np.maximum(radius, 1e-3)))
    pieces = [Piece(patch, albedo, soft, gloss=0.07, polish=1, lift=0.2)]
    if rng.random() < 0.75:
        pieces.append(_sleeve(rng, patch, radius, soft, -0.72, slope - rng.uniform(0.4, 0.5)))
    return [*pieces, _cap(rng, pose.at(0.82, 0.0), 0.2, 0.17)]


def bag(rng: Rng, pose: Pose) -> list[Piece]:
    """A thin carrier bag or film: soft ridges running everywhere, half transparent, sometimes with handles."""
    patch = cut(pose, *_bag_outline(rng))
    bend = 0.35 * patch.cloud(rng, 0.5, octaves=2)
    ridges = 0.10 * (1 - np.abs(patch.cloud(rng, 0.4))) ** 2
    ridges = ridges + 0.07 * (1 - np.abs(patch.cloud(rng, 0.2, octaves=2))) ** 2
    pull = 0.05 * np.sin((patch.v + bend) * rng.uniform(9, 16)) * smoothstep(-0.6, 1.0, patch.u)
    height = ridges + pull + folds(rng, patch.u + bend, patch.v + bend, count=5, steep=0.25)
    albedo = np.broadcast_to(pick(rng, _BAGS), (3, *patch.shape))
    if rng.random() < 0.4:
        design = Print(patch, (-0.6, -0.4, 0.35, 0.4))
        ink = pick(rng, _SOLIDS)
        design.word(rng, 0.5, 0.3, 0.35, ink, cover=0.8)
        design.spot(0.5, 0.72, 0.2, ink, cover=0.8)
        albedo, _ = design.wrap(patch, albedo, u=patch.u + bend * 0.3, v=patch.v + bend * 0.3)
    return [Piece(patch, albedo, height, gloss=0.08, polish=1, clear=rng.uniform(0.15, 0.6), lift=0.08)]


def cup(rng: Rng, pose: Pose) -> list[Piece]:
    """A tapered drinking cup on its side: stacked ribs, a rolled rim and a dark or clear mouth."""
    mouth, foot = rng.uniform(0.46, 0.56), rng.uniform(0.3, 0.38)
    lip = mouth * 1.06
    patch, _, height = revolved(pose, [(-0.9, foot), (-0.6, foot * 1.05), (0.82, mouth), (0.86, lip), (0.9, lip)])
    beads = np.cos(patch.u * (2 * math.pi / rng.uniform(0.1, 0.2))) * (np.abs(patch.u) < rng.uniform(0.3, 0.7))
    sheer = rng.random() < 0.2
    height = height + (0.006 if sheer else 0.014) * beads
    colour = pick(rng, _SHEER if sheer else _SOLIDS)
    polish, clear = (0, 0.75) if sheer else (1, 0.0)
    wall = Piece(patch, colour, height * 0.85, gloss=0.08, polish=polish, clear=clear, lift=0.22)
    squash = rng.uniform(0.15, 0.38)
    opening = disc(pose.at(0.9, 0.0), lip, squash=squash)
    inside = disc(pose.at(0.9, 0.0), mouth * 0.98, squash=squash)
    shade = 0.4 + 0.35 * inside.u / mouth
    return [
        wall,
        Piece(opening, colour, gloss=0.12, clear=clear, lift=0.0),
        Piece(inside, (colour * shade).astype(np.float32), 0.5 * inside.v**2, gloss=0.05, clear=clear, lift=0.0),
    ]


def closure(rng: Rng, pose: Pose) -> list[Piece]:
    """A cap, lid or tub from above: a knurled edge, smooth rings, a moulded mark in the middle."""
    teeth = int(rng.integers(24, 60))
    patch = disc(pose, 0.8, squash=rng.uniform(0.8, 1.0))
    reach = distance(patch.u, patch.v) / np.float32(0.8)
    rim, wall = rng.uniform(0.7, 0.88), rng.uniform(-0.3, 0.2)
    knurl = np.cos(np.arctan2(patch.v, patch.u) * teeth) * smoothstep(rim, rim + 0.06, reach)
    height = wall * smoothstep(rim + 0.1, rim - 0.05, reach) - 0.12 * reach**4 + 0.012 * knurl
    for ring in rng.uniform(0.15, 0.65, int(rng.integers(0, 3))).tolist():
        height = height + 0.012 * np.exp(-(((reach - ring) / 0.03) ** 2))
    colour = pick(rng, _SOLIDS)
    albedo = colour * (1 - 0.25 * smoothstep(rim, rim + 0.05, reach) + 0.12 * knurl)
    if rng.random() < 0.5:
        design = Print(patch, (-0.5, -0.5, 0.5, 0.5))
        design.word(rng, 0.5, 0.5, rng.uniform(0.25, 0.4), pick(rng, _SOLIDS))
        albedo, _ = design.wrap(patch, albedo)
    return [Piece(patch, albedo, height, gloss=0.07, polish=1, lift=0.12)]


def tray(rng: Rng, pose: Pose) -> list[Piece]:
    """A thermoformed food tray: a flat rim, sloping walls, a ribbed floor; clear, black or coloured."""
    aspect = rng.uniform(0.55, 0.85)
    patch = cut(pose, rectangle(aspect, corner=0.16))
    corner = distance(np.maximum(np.abs(patch.u) - 0.84, 0), np.maximum(np.abs(patch.v) - aspect + 0.16, 0))
    inward = np.minimum(np.minimum(1 - np.abs(patch.u), aspect - np.abs(patch.v)), 0.16 - corner)
    floor = smoothstep(0.06, 0.2, inward)
    ribs = np.cos(patch.u * (2 * math.pi / rng.uniform(0.14, 0.28))) * smoothstep(0.2, 0.26, inward)
    height = 0.02 * smoothstep(0.0, 0.03, inward) - rng.uniform(0.12, 0.2) * floor + 0.025 * ribs
    height = height + folds(rng, patch.u, patch.v, count=2, steep=0.1)
    sheer = rng.random() < 0.25
    polish, clear = (0, rng.uniform(0.65, 0.8)) if sheer else (1, 0.0)
    colour = pick(rng, _SHEER if sheer else _SOLIDS)
    return [Piece(patch, colour, height, gloss=0.08, polish=polish, clear=clear, lift=0.1)]


def _bag_outline(rng: Rng) -> tuple[np.ndarray, ...]:
    if rng.random() < 0.45:
        return (blob(rng, rng.uniform(0.65, 1.0), rough=0.09, corners=30),)
    half = rng.uniform(0.5, 0.7)
    body = [(-1, -half), (0.35, -half), (0.95, -half * 0.85), (0.97, -half * 0.45), (0.5, -half * 0.35)]
    outline = np.array(body + [(u, -v) for u, v in reversed(body)])
    return (torn(rng, outline, amount=0.035, steps=6),)


def _sleeve(rng: Rng, patch: Patch, radius: Field, height: Field, low: float, high: float) -> Piece:
    reach = float(radius.max())
    design = Print(patch, (low, -1.5 * reach, high, 1.5 * reach))
    artwork(rng, design, pick(rng, _SOLIDS), pick(rng, _SOLIDS), pick(rng, _SOLIDS))
    albedo, ink = design.wrap(patch, grey(1.0), v=around(radius, patch.v))
    return Piece(dataclasses.replace(patch, alpha=patch.alpha * ink), albedo, height, gloss=0.06, polish=1, lift=0.0)


def _cap(rng: Rng, pose: Pose, radius: float, half: float) -> Piece:
    """A ribbed screw cap on its side, `half` long each way."""
    patch, here, height = revolved(pose, [(-half, radius), (half * 0.8, radius), (half, radius * 0.93)])
    ribs = np.cos(around(here, patch.v) * (2 * math.pi / max(radius * 0.22, 2.5 / patch.scale)))
    colour: Rgb = pick(rng, _SOLIDS)
    return Piece(patch, colour * (0.9 + 0.12 * ribs), height, gloss=0.07, polish=1, lift=0.1)


FORMS = (drink_bottle, drink_bottle, canister, canister, bag, bag, cup, closure, tray)
