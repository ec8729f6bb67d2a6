"""Glass: bottles, jars, tumblers and shards, through which the belt shows."""

import dataclasses

import numpy as np
from scipy.ndimage import uniform_filter

from scrapline.rendering.fields import Field, Rgb, Rng, distance, folds, grey, mix, pick, smoothstep
from scrapline.rendering.outlines import disc, revolved, splinter
from scrapline.rendering.piece import Patch, Piece, Pose, cut
from scrapline.rendering.prints import Print, around, artwork

_TINTS = (
    "dcebe4 e4ecec d4e4dc f0f4f0",
    "5ca860 80bc70 4c9058 a0c058",
    "c87c34 b06828 d49848 985824",
)
_LABELS = "e8e0cc d8c8a0 f0ece4 f4f0e4 e0d8c4"
_LABEL_INKS = "283c30 702028 20284c a88028 2c2420"


def bottle(rng: Rng, pose: Pose) -> list[Piece]:
    """A wine, beer or spirits bottle on its side, often with what is left of its label."""
    body, neck, shoulder = rng.uniform(0.24, 0.36), rng.uniform(0.085, 0.11), rng.uniform(-0.05, 0.35)
    lip = neck * 1.25
    profile = [(-1, body * 0.9), (-0.95, body), (shoulder, body), (shoulder + rng.uniform(0.18, 0.4), neck)]
    profile += [(0.86, neck), (0.88, lip), (0.95, lip), (0.97, neck), (1.0, neck)]
    patch, radius, height = revolved(pose, profile)
    tint = _tint(rng)
    pieces = [_vessel(rng, patch, radius, height, tint)]
    if rng.random() < 0.4:
        low, high = -0.8, min(shoulder - 0.08, rng.uniform(-0.25, 0.2))
        pieces.append(_label(rng, patch, radius, height, low, high))
    return pieces


def broken_bottle(rng: Rng, pose: Pose) -> list[Piece]:
    """What is left of a bottle: the neck or the base, with a jagged bright edge."""
    body, neck = rng.uniform(0.4, 0.55), rng.uniform(0.15, 0.19)
    profile = [(-1, body), (0.1, body), (0.5, neck), (0.85, neck), (0.87, neck * 1.3), (1, neck * 1.3)]
    if rng.random() < 0.4:
        profile = [(-1, body), (0.75, body), (0.85, body * 0.97), (0.9, body * 0.85)]
    patch, radius, height = revolved(pose, profile)
    points = int(rng.integers(5, 9))
    jag = np.interp(patch.v, np.linspace(-body, body, points), rng.uniform(-0.75, -0.1, points)).astype(np.float32)
    beyond = patch.u - jag
    patch = dataclasses.replace(patch, alpha=patch.alpha * smoothstep(0.0, 0.015, beyond))
    piece = _vessel(rng, patch, radius, height, _tint(rng))
    edge = smoothstep(0.06, 0.02, beyond)
    return [dataclasses.replace(piece, gloss=piece.gloss + 0.35 * edge, height=piece.height - 0.12 * edge)]


def jar(rng: Rng, pose: Pose) -> list[Piece]:
    """A preserve jar on its side with a threaded mouth, sometimes with its label."""
    body, mouth, waist = rng.uniform(0.5, 0.68), rng.uniform(0.36, 0.46), rng.uniform(0.5, 0.62)
    profile = [(-0.95, body * 0.85), (-0.86, body), (waist, body), (waist + 0.14, mouth), (0.78, mouth)]
    profile += [(0.8, mouth * 1.06), (0.84, mouth), (0.88, mouth * 1.06), (0.92, mouth), (0.96, mouth)]
    patch, radius, height = revolved(pose, profile)
    pieces = [_vessel(rng, patch, radius, height, _tint(rng))]
    if rng.random() < 0.3:
        pieces.append(_label(rng, patch, radius, height, rng.uniform(-0.75, -0.6), rng.uniform(0.1, 0.42)))
    return pieces


def tumbler(rng: Rng, pose: Pose) -> list[Piece]:
    """A drinking glass or jar seen from above: thick rings of glass, the base at the bottom."""
    patch = disc(pose, 0.8, squash=rng.uniform(0.82, 1.0))
    reach = distance(patch.u, patch.v)
    base = rng.uniform(0.38, 0.55)
    rim = np.exp(-(((reach - 0.74) / 0.045) ** 2))
    foot = np.exp(-(((reach - base) / 0.05) ** 2))
    height = 0.06 * rim + 0.05 * foot + 0.04 * np.exp(-((reach / 0.15) ** 2)) + 0.1 * reach**2
    facets = int(rng.choice((0, 0, 8, 12)))
    if facets:
        height = height + 0.012 * np.cos(np.arctan2(patch.v, patch.u) * facets) * smoothstep(base, 0.7, reach)
    dense = 0.35 * rim + 0.3 * foot
    tint = _tint(rng)
    return [Piece(patch, _depth(tint, dense), height, gloss=0.045 + 0.06 * rim, polish=0, clear=0.9, lift=0.1)]


def shards(rng: Rng, pose: Pose) -> list[Piece]:
    """Several splinters of one broken pane or bottle, each with bright broken edges."""
    tint, pieces = _tint(rng), []
    curved = rng.uniform(0.0, 0.5)
    for place in range(int(rng.integers(2, 6))):
        part = (
            pose.beside(rng, 0.35, 0.85, scale=rng.uniform(0.25, 0.5))
            if place
            else pose.at(0, 0, scale=rng.uniform(0.6, 0.85))
        )
        patch = cut(part, splinter(rng, corners=int(rng.integers(3, 7))))
        pieces.append(_shard(rng, patch, tint, curved))
    return pieces


def _shard(rng: Rng, patch: Patch, tint: Rgb, curved: float) -> Piece:
    inner = _inset(patch)
    edge = 1 - inner
    height = 0.05 * inner - curved * patch.u**2 + folds(rng, patch.u, patch.v, count=2, steep=0.08)
    return Piece(
        patch, _depth(tint, edge * 0.9), height, gloss=0.08 + 0.3 * edge, polish=0, clear=0.9 - 0.25 * edge, lift=0.05
    )


def _inset(patch: Patch) -> Field:
    """0 at the outline's edge, 1 from a few hundredths of a unit inwards."""
    size = max(3, int(patch.scale * 0.1))
    return smoothstep(0.5, 1.0, uniform_filter(patch.alpha, size))


def _vessel(rng: Rng, patch: Patch, radius: Field, height: Field, tint: Rgb) -> Piece:
    """A turned glass body: its walls look thick, and so dark, towards the outline; its base is a dense ring."""
    rim = np.abs(patch.v) / np.maximum(radius, 1e-3)
    base = smoothstep(-0.86, -0.97, patch.u)
    dense = 0.45 * rim**3 + 0.5 * rim**8 + 0.4 * base + 0.25 * np.exp(-(((rim - 0.86) / 0.05) ** 2))
    # Coloured glass scatters a little inside and so glows; clear glass only shows what lies behind it.
    clear = 0.96 if float(tint.min()) > 0.4 else 0.92
    ripple = 0.006 * patch.cloud(rng, 0.25, octaves=2)
    return Piece(patch, _depth(tint, dense), height * 0.9 + ripple, gloss=0.045, polish=0, clear=clear, lift=0.22)


def _depth(tint: Rgb, dense: Field) -> Rgb:
    """The light that comes through glass of `tint`, less where `dense` [h, w] nears 1."""
    return mix(tint, tint**2 * 0.55, np.minimum(dense, 1))


def _label(rng: Rng, patch: Patch, radius: Field, height: Field, low: float, high: float) -> Piece:
    reach = float(radius.max())
    design = Print(patch, (low, -1.25 * reach, high, 1.25 * reach))
    artwork(rng, design, pick(rng, _LABELS), pick(rng, _LABEL_INKS), pick(rng, _LABELS))
    albedo, ink = design.wrap(patch, grey(1.0), v=around(radius, patch.v) + rng.uniform(-0.1, 0.1))
    if rng.random() < 0.5:
        ink = ink * smoothstep(-0.25, -0.2, patch.cloud(rng, 0.35, octaves=2) + rng.uniform(-0.1, 0.4))
    shown = dataclasses.replace(patch, alpha=patch.alpha * ink)
    return Piece(shown, albedo, height + 0.004 * patch.cloud(rng, 0.08), gloss=0.02, polish=2, lift=0.0)


def _tint(rng: Rng) -> Rgb:
    kind = 0 if rng.random() < 0.1 else int(rng.choice((1, 1, 1, 2, 2)))
    return pick(rng, _TINTS[kind])


FORMS = (*(bottle,) * 6, broken_bottle, jar, jar, tumbler, shards)
