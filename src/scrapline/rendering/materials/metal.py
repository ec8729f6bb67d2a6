"""Metal: drink cans, tins, lids, foil, sheet offcuts and pipes."""

import dataclasses
import math

import numpy as np

from scrapline.rendering.fields import Field, Rgb, Rng, cloud, distance, folds, fork, mix, pick, smoothstep
from scrapline.rendering.outlines import blob, circle, disc, rectangle, revolved, skewed
from scrapline.rendering.piece import Patch, Piece, Pose, cut
from scrapline.rendering.prints import Print, around, artwork

_BARE = "c8cacc b8babc d8d8d6 c4beb4 a8acb0"
_COATS = "b02c28 28508c 202024 28282c b8bcc0 e4e4e0"
_RUST = "6c3a1c 80481e 5a3420 94562a"


def can(rng: Rng, pose: Pose) -> list[Piece]:
    """A drink can on its side: printed wall, bare necked ends, one of them seen with its tab when it tips up."""
    radius = rng.uniform(0.42, 0.52)
    neck = radius * 0.84
    profile = [(-0.95, neck), (-0.86, radius), (0.84, radius), (0.94, neck), (0.97, neck * 1.03), (1, neck)]
    patch, here, height = revolved(pose, profile)
    height = _dented(rng, patch, height, amount=rng.choice((0.0, 0.3, 0.7)).item())
    piece = _printed_can(rng, patch, here, height)
    return [piece, *_end(rng, pose.at(1.0, 0.0), neck, squash=rng.uniform(0.12, 0.3))]


def crushed_can(rng: Rng, pose: Pose) -> list[Piece]:
    """A can trodden flat: buckled walls with sharp creases, ends pressed askew."""
    radius, waist = rng.uniform(0.45, 0.6), rng.uniform(0.6, 0.9)
    profile = [(-0.8, radius * 0.9), (-0.7, radius), (0, radius * waist), (0.7, radius), (0.8, radius * 0.9)]
    patch, here, height = revolved(pose, profile)
    bend = 0.12 * patch.cloud(rng, 0.7)
    buckle = folds(rng, patch.u + bend, patch.v * 0.5 + bend, count=9, steep=0.75)
    piece = _printed_can(rng, patch, here, 0.35 * height + buckle + 0.02 * patch.cloud(rng, 0.12))
    askew = pose.at(0.78, rng.uniform(-0.1, 0.1), turn=rng.normal(0, 0.3))
    return [piece, *_end(rng, askew, radius * 0.92, squash=rng.uniform(0.2, 0.5))]


def tin(rng: Rng, pose: Pose) -> list[Piece]:
    """A food tin on its side: rolled beads round the wall, rims, sometimes a paper label, sometimes rust."""
    radius = rng.uniform(0.5, 0.72)
    patch, here, height = revolved(pose, [(-0.9, radius * 1.03), (-0.86, radius), (0.86, radius), (0.9, radius * 1.03)])
    pitch = rng.uniform(0.08, 0.13)
    beads = np.cos(patch.u * (2 * math.pi / pitch)) * smoothstep(0.68, 0.6, np.abs(patch.u))
    height = _dented(rng, patch, height + 0.012 * beads, amount=rng.choice((0.0, 0.4)).item())
    bare = pick(rng, _BARE)
    albedo: Rgb = np.broadcast_to(bare, (3, *patch.shape))
    metal: Field | float = 0.9
    if rng.random() < 0.15:
        sleeve = Print(patch, (-0.7, -1.4 * radius, 0.7, 1.4 * radius))
        artwork(rng, sleeve, pick(rng, _COATS), pick(rng, _COATS), pick(rng, _COATS))
        albedo, ink = sleeve.wrap(patch, albedo, v=around(here, patch.v))
        metal = metal * (1 - 0.9 * ink)
    albedo, metal = _rusted(rng, patch, albedo, metal, amount=max(0.0, rng.uniform(-1.0, 0.5)))
    wall = Piece(patch, albedo, height, gloss=0.02, polish=int(rng.integers(0, 2)), metal=metal, lift=0.25)
    return [wall, *_end(rng, pose.at(0.9, 0.0), radius * 1.03, squash=rng.uniform(0.15, 0.4), tab=False)]


def lid(rng: Rng, pose: Pose) -> list[Piece]:
    """A lid or the end of a can from above: concentric beads, a rolled rim, a ring pull or a printed face."""
    patch = disc(pose, 0.85, squash=rng.uniform(0.75, 1.0))
    return [_round(rng, patch, 0.85, tab=rng.random() < 0.5, coat=pick(rng, _COATS) if rng.random() < 0.2 else None)]


def foil(rng: Rng, pose: Pose) -> list[Piece]:
    """Crumpled aluminium foil: many small facets, each mirroring another part of the hall."""
    patch = cut(pose, blob(rng, rng.uniform(0.6, 1.0), rough=rng.uniform(0.05, 0.13), corners=40))
    bend = 0.15 * patch.cloud(rng, 0.5)
    height = folds(rng, patch.u + bend, patch.v - bend, count=16, steep=rng.uniform(0.8, 1.3))
    height = height + 0.11 * np.abs(patch.cloud(rng, 0.22, octaves=2))
    colour = pick(rng, _BARE)
    return [Piece(patch, colour, height, gloss=0.05, polish=0, metal=0.96, lift=0.1)]


def offcut(rng: Rng, pose: Pose) -> list[Piece]:
    """A bent piece of brushed or chequered sheet with drilled holes, clean, painted or rusty."""
    aspect = rng.uniform(0.3, 0.8)
    holes = []
    for _ in range(int(rng.integers(3, 9))):
        centre = np.array([rng.uniform(-0.85, 0.85), rng.uniform(-0.75, 0.75) * aspect])
        holes.append(centre + circle(rng.uniform(0.05, 0.09)))
    patch = cut(pose, skewed(rng, rectangle(aspect), amount=0.12), *holes)
    bare = pick(rng, _BARE)
    brushed = _brushed(rng, patch)
    height = folds(rng, patch.u, patch.v, count=int(rng.integers(1, 4)), steep=0.45)
    height = height - rng.uniform(0.35, 0.9) * patch.v**2
    if rng.random() < 0.5:
        pitch = rng.uniform(0.2, 0.28)
        wave = 2 * math.pi / pitch
        lozenge = np.sin((patch.u + patch.v) * wave) * np.sin((patch.u - patch.v) * wave)
        height = height + 0.014 * smoothstep(0.35, 0.8, np.abs(lozenge))
    albedo = bare * (0.82 + 0.28 * brushed)
    albedo, metal = _rusted(rng, patch, albedo, 0.92, amount=max(0.0, rng.uniform(-1.0, 0.3)))
    height, lift = height + 0.0015 * brushed, rng.uniform(0.05, 0.2)
    return [Piece(patch, albedo, height, gloss=0.03, polish=1, metal=metal, lift=lift)]


def pipe(rng: Rng, pose: Pose) -> list[Piece]:
    """A length of threaded tube with sharp reflections along it, its open end dark."""
    radius = rng.uniform(0.2, 0.34)
    patch, _, height = revolved(pose, [(-1, radius), (1, radius)])
    thread = np.sin(patch.u * (2 * math.pi / max(0.08, 3 / patch.scale)) + patch.v / radius)
    height = height + 0.016 * thread * smoothstep(0.3, 0.4, np.abs(patch.u))
    colour = pick(rng, _BARE)
    albedo = colour * (0.85 + 0.2 * _brushed(rng, patch))
    albedo, metal = _rusted(rng, patch, albedo, 0.95, amount=max(0.0, rng.uniform(-1.0, 0.3)))
    end = pose.at(1.0, 0.0)
    rim, bore = disc(end, radius, squash=0.4), disc(end, radius * 0.8, squash=0.38)
    dark = colour * 0.15 * (1 + 0.8 * bore.u / radius)
    return [
        Piece(patch, albedo, height, gloss=0.03, polish=1, metal=metal, lift=0.15),
        Piece(rim, colour, gloss=0.03, metal=0.9, lift=0.0),
        Piece(bore, dark.astype(np.float32), lift=0.0),
    ]


def _printed_can(rng: Rng, patch: Patch, radius: Field, height: Field) -> Piece:
    reach = float(radius.max())
    design = Print(patch, (-0.84, -1.5 * reach, 0.82, 1.5 * reach))
    ground = pick(rng, _BARE if rng.random() < 0.75 else _COATS)
    artwork(rng, design, ground, pick(rng, _COATS), pick(rng, _COATS))
    albedo, ink = design.wrap(patch, pick(rng, _BARE), v=around(radius, patch.v))
    # Ink on a can is a lacquer: the metal shines through it.
    return Piece(patch, albedo, height, gloss=0.08, polish=0, metal=0.92 - 0.3 * ink, lift=0.22)


def _end(rng: Rng, pose: Pose, radius: float, *, squash: float, tab: bool = True) -> list[Piece]:
    face = disc(pose, radius, squash=squash)
    return [dataclasses.replace(_round(rng, face, radius, tab=tab, coat=None), lift=0.0)]


def _round(rng: Rng, patch: Patch, radius: float, *, tab: bool, coat: Rgb | None) -> Piece:
    reach = distance(patch.u, patch.v) / np.float32(radius)
    rings = np.zeros_like(reach)
    for ring in (0.93, *rng.uniform(0.3, 0.82, int(rng.integers(2, 5))).tolist()):
        rings = rings + np.exp(-(((reach - ring) / 0.035) ** 2))
    height = radius * (0.05 * rings - 0.1 * smoothstep(0.92, 0.84, reach) - rng.uniform(0.1, 0.3) * reach**2)
    albedo = np.broadcast_to(pick(rng, _BARE), (3, *patch.shape)) * (0.9 + 0.12 * cloud(rng, patch.shape, 1.5))
    metal = np.full(patch.shape, 0.92, np.float32)
    if coat is not None:
        face = smoothstep(0.86, 0.82, reach)
        albedo, metal = mix(albedo, coat, face), metal - 0.5 * face
    if tab:
        u, v = patch.u / radius, patch.v / radius
        ring = distance((u - 0.22) / 1.3, v) - 0.19
        height = height + radius * 0.05 * smoothstep(0.07, 0.04, np.abs(ring))
        mouth = smoothstep(0.3, 0.26, distance((u + 0.38), v * 0.8))
        albedo = albedo * (1 - rng.choice((0.0, 0.9)).item() * mouth)
    return Piece(patch, albedo, height, gloss=0.04, polish=0, metal=metal, lift=0.08)


def _dented(rng: Rng, patch: Patch, height: Field, *, amount: float) -> Field:
    if amount == 0:
        return height
    dents = smoothstep(0.1, 0.6, patch.cloud(rng, 0.45))
    return folds(rng, patch.u, patch.v, count=4, steep=0.2 * amount) - amount * 0.14 * dents + height


def _brushed(rng: Rng, patch: Patch) -> Field:
    """Fine streaks along u in [-1, 1]."""
    lines = fork(rng).random(int(4 * patch.scale) + 8, dtype=np.float32) * 2 - 1
    index = np.clip((patch.v + 1) * patch.scale * 0.7, 0, len(lines) - 1).astype(np.int32)
    return np.asarray(lines[index] * 0.7 + 0.3 * patch.cloud(rng, 0.4))


def _rusted(rng: Rng, patch: Patch, albedo: Rgb, metal: Field | float, *, amount: float) -> tuple[Rgb, Field | float]:
    if amount < 0.05:
        return albedo, metal
    rust = smoothstep(0.55 - amount, 0.85 - amount, patch.cloud(rng, 0.4, octaves=4) * 0.8)
    colour = pick(rng, _RUST) * (1 + 0.4 * patch.cloud(rng, 0.06))
    return mix(albedo, colour, rust), metal * (1 - 0.95 * rust)


FORMS = (can, can, crushed_can, tin, tin, lid, foil, foil, offcut, pipe, pipe)
