"""Trash, what no bin wants: wrappers, peels, soiled tissue, used cups, rags and heaps of bits."""

import dataclasses
import math

import numpy as np

from scrapline.rendering.fields import Field, Rgb, Rng, cloud, folds, grey, mix, pick, smoothstep
from scrapline.rendering.outlines import blob, rectangle, revolved, splinter, torn
from scrapline.rendering.piece import Outline, Piece, Pose, cut, dirtied
from scrapline.rendering.prints import Print, around, artwork

_BRANDS = "d02c28 e8b820 2c50a8 2c8c4c 7c3890 e87820 f0ece0 282830 d84890 38a0b0"
_SLEEVES = "a87c4c 8c6438 b89060 484038 7c5830 c8a878 383028"
_STAINS = "5c3c1c 6c4418 7c2c14 4c3c24 84682c"
_CRUMBS = f"{_STAINS} c8a060 d8c090 a04028"
_TISSUE = "f0eeea e8e4dc dce4ec e8dcd8 d8ccb4"


def crisp_packet(rng: Rng, pose: Pose) -> list[Piece]:
    """A puffed snack wrapper: bright print, saw-toothed crimped ends, silver where it is torn open."""
    aspect, teeth = rng.uniform(0.55, 0.75), 15
    zigzag = np.linspace(-aspect, aspect, 2 * teeth)
    end = [(1.0 if tooth % 2 else 0.96, v) for tooth, v in enumerate(zigzag.tolist())]
    sides = [(0.0, aspect * rng.uniform(0.86, 0.96))]
    outline: Outline = np.array(end + sides + [(-u, v) for u, v in reversed(end)] + [(0.0, -sides[0][1])])
    patch = cut(pose, outline)
    crimp = smoothstep(0.8, 0.84, np.abs(patch.u))
    bend = 0.2 * patch.cloud(rng, 0.5)
    crinkle = folds(rng, patch.u + bend, patch.v + bend, count=9, steep=0.55)
    crinkle = crinkle + 0.06 * np.abs(patch.cloud(rng, 0.25, octaves=2))
    puff = 0.3 * np.sqrt(np.maximum((1 - patch.u**2) * (1 - (patch.v / aspect) ** 2), 0))
    lines = np.sin(patch.v * (2 * math.pi / max(0.06, 3 / patch.scale)))
    height = (crinkle + puff) * (1 - crimp) + 0.012 * lines * crimp
    design = Print(patch, (-0.85, -aspect, 0.85, aspect))
    artwork(rng, design, pick(rng, _BRANDS), pick(rng, _BRANDS), pick(rng, _BRANDS))
    albedo, _ = design.wrap(patch, grey(0.6), u=patch.u + 0.3 * crinkle, v=patch.v)
    silver = smoothstep(0.45, 0.5, patch.cloud(rng, 0.8) + rng.uniform(-0.5, 0.3))
    albedo = mix(albedo, grey(0.7), silver)
    return [
        *_spilt(rng, pose),
        Piece(patch, albedo, height, gloss=0.08, polish=1, metal=0.25 + 0.65 * silver, lift=0.1),
    ]


def peel(rng: Rng, pose: Pose) -> list[Piece]:
    """A banana or citrus peel: curved lobes from one stem, spotted outside, pale inside."""
    colour = pick(rng, "d8b030 c89c28 b08428 8ca038 6c4c20 d88028")
    turn, pieces = rng.uniform(0, 2 * math.pi), []
    lobes = int(rng.integers(3, 5))
    for lobe in range(lobes):
        part = pose.at(0, 0, turn=turn + lobe * 2 * math.pi / lobes + rng.normal(0, 0.4))
        bend, length, wide = rng.uniform(-1.2, 1.2), rng.uniform(0.5, 1.05), rng.uniform(0.16, 0.26)
        along = np.linspace(0, length, 16)
        half = wide * np.sin(np.pi * (along / length * 0.86 + 0.1)) ** 0.7
        spine = bend * along**2 * 0.6
        outline = np.concatenate([np.stack([along, spine + half], 1), np.stack([along, spine - half], 1)[::-1]])
        patch = cut(part, outline)
        across = (patch.v - bend * patch.u**2 * 0.6) / wide
        spots = smoothstep(0.15, 0.4, patch.cloud(rng, 0.16, octaves=2))
        skin = mix(colour, pick(rng, "4c3014 382410"), spots * rng.uniform(0.4, 0.95))
        albedo = skin
        if rng.random() < 0.4:
            albedo = mix(skin, pick(rng, "e0cc98 d0b880"), smoothstep(0.75, 0.55, np.abs(across)) * 0.9)
        ridge = 0.1 * np.sqrt(np.maximum(1 - across**2, 0)) + 0.03 * np.abs(across)
        pieces.append(Piece(patch, albedo, ridge + 0.01 * patch.cloud(rng, 0.1), gloss=0.04, polish=1, lift=0.1))
    stem = cut(pose, blob(rng, 0.8, rough=0.08) * 0.16)
    return [*_spilt(rng, pose), *pieces, Piece(stem, pick(rng, "3c2c14 4c3818"), -0.4 * stem.u**2, lift=0.08)]


def tissue(rng: Rng, pose: Pose) -> list[Piece]:
    """A used tissue or napkin: soft, quilted, wet and stained."""
    patch = cut(pose, torn(rng, blob(rng, rng.uniform(0.65, 1.0), rough=0.1, corners=22), amount=0.015, steps=3))
    quilt = np.sin(patch.u * 38) * np.sin(patch.v * 38)
    soft = folds(rng, patch.u + 0.2 * patch.cloud(rng, 0.4), patch.v, count=8, steep=0.5)
    height = soft + 0.08 * np.abs(patch.cloud(rng, 0.3, octaves=3)) + 0.006 * quilt
    albedo = pick(rng, _TISSUE) * (1 + 0.05 * cloud(rng, patch.shape, 1.2))
    return [
        *_spilt(rng, pose),
        _soiled(rng, Piece(patch, albedo, height, polish=2, lift=0.12), amount=rng.uniform(0.5, 0.85)),
    ]


def coffee_cup(rng: Rng, pose: Pose) -> list[Piece]:
    """A used paper cup with its plastic lid and a sleeve, coffee run down its side."""
    foot, mouth = rng.uniform(0.28, 0.34), rng.uniform(0.42, 0.5)
    patch, radius, height = revolved(pose, [(-0.9, foot), (0.55, mouth), (0.57, mouth)])
    body = pick(rng, "f0ece4 e4dcc8 b08858 30343c a83028 2c6c50 d8d4cc")
    albedo = np.broadcast_to(body, (3, *patch.shape))
    sleeve = Print(patch, (-0.5, -1.5 * mouth, 0.25, 1.5 * mouth))
    artwork(rng, sleeve, pick(rng, _SLEEVES), pick(rng, _BRANDS), pick(rng, _SLEEVES))
    albedo, _ = sleeve.wrap(patch, albedo, v=around(radius, patch.v))
    wall = _soiled(rng, Piece(patch, albedo, height, polish=2, lift=0.22), amount=rng.uniform(0.25, 0.5))
    rim = mouth * 1.1
    lid, _, dome = revolved(pose, [(0.5, rim), (0.6, rim), (0.64, mouth), (0.8, mouth * 0.93), (0.84, mouth * 0.85)])
    cover = Piece(lid, pick(rng, "f0f0ec 28282c 30302c e8e4d8 6c4428"), dome, gloss=0.06, polish=1, lift=0.05)
    return [*_spilt(rng, pose), wall, _soiled(rng, cover, amount=rng.uniform(0.1, 0.4))]


def rag(rng: Rng, pose: Pose) -> list[Piece]:
    """A dirty cloth or sponge: a coarse weave, soft folds, frayed edges."""
    patch = cut(pose, torn(rng, blob(rng, rng.uniform(0.55, 0.95), rough=0.13, corners=30), amount=0.02, steps=3))
    pitch = max(0.045, 3 / patch.scale)
    bend = 0.1 * patch.cloud(rng, 0.5, octaves=2)
    weave = np.sin((patch.u + bend) * (2 * math.pi / pitch)) * np.sin((patch.v + bend) * (2 * math.pi / pitch))
    draped = 0.16 * patch.cloud(rng, 0.4, octaves=2) + folds(rng, patch.u + bend, patch.v, count=3, steep=0.3)
    height = draped + 0.009 * weave
    colour, second = pick(rng, "5c6c7c 8c3c34 4c7048 a89878 c8c4b8 3c4454 b08840 7c6888"), pick(rng, _TISSUE)
    albedo: Rgb = colour * (0.85 + 0.25 * weave)
    if rng.random() < 0.5:
        stripe = smoothstep(0.3, 0.5, np.sin((patch.v + bend) * rng.uniform(8, 16)))
        albedo = mix(albedo, second * (0.85 + 0.25 * weave), stripe)
    return [
        *_spilt(rng, pose),
        _soiled(rng, Piece(patch, albedo, height, polish=2, lift=0.1), amount=rng.uniform(0.25, 0.6)),
    ]


def heap(rng: Rng, pose: Pose) -> list[Piece]:
    """A handful of bits that nobody will part again: film, paper, food and crumbs in one another."""
    pieces = []
    for _ in range(int(rng.integers(6, 10))):
        piece = _bit(rng, pose.beside(rng, 0.0, 0.62, scale=rng.uniform(0.3, 0.65)))
        pieces.append(_soiled(rng, piece, amount=rng.uniform(0.2, 0.6)))
    return [*_spilt(rng, pose), *pieces]


def _spilt(rng: Rng, pose: Pose) -> list[Piece]:
    """What trash leaves under and around itself: a wet stain on the belt and crumbs."""
    puddle = cut(pose.at(rng.normal(0, 0.15), rng.normal(0, 0.15)), 1.15 * blob(rng, rng.uniform(0.7, 1.0), rough=0.14))
    depth = 0.1 * smoothstep(0.4, 1.0, puddle.alpha) + 0.04 * puddle.cloud(rng, 0.4)
    pieces = [Piece(puddle, pick(rng, _STAINS), depth, gloss=0.05, polish=0, clear=rng.uniform(0.3, 0.6), lift=0.0)]
    for _ in range(int(rng.integers(16, 30))):
        crumb = cut(pose.beside(rng, 0.3, 1.3, scale=rng.uniform(0.04, 0.1)), blob(rng, 0.8, rough=0.15))
        pieces.append(Piece(crumb, pick(rng, _CRUMBS), -0.5 * crumb.u**2, lift=0.3))
    return pieces


def _bit(rng: Rng, pose: Pose) -> Piece:
    kind = int(rng.integers(4))
    if kind == 0:
        patch = cut(pose, torn(rng, rectangle(rng.uniform(0.4, 0.9)), amount=0.08))
        return Piece(patch, pick(rng, _TISSUE), folds(rng, patch.u, patch.v, count=7, steep=0.7), polish=2, lift=0.1)
    if kind == 1:
        patch = cut(pose, blob(rng, rng.uniform(0.5, 1.0), rough=0.14))
        relief = 0.25 * patch.cloud(rng, 0.35, octaves=3) - 0.3 * (patch.u**2 + patch.v**2)
        return Piece(patch, pick(rng, "8c6430 b08c40 6c7c38 a84c28 583c20 c89c58"), relief, gloss=0.03, lift=0.15)
    if kind == 2:
        patch = cut(pose, splinter(rng, corners=int(rng.integers(4, 8))))
        crushed = folds(rng, patch.u, patch.v, count=6, steep=0.8)
        return Piece(patch, pick(rng, _BRANDS), crushed, gloss=0.08, metal=rng.choice((0.0, 0.4)).item(), lift=0.08)
    patch, _, height = revolved(pose, [(-1, 0.1), (1, 0.1)])
    return Piece(patch, pick(rng, _BRANDS), height, gloss=0.06, lift=0.1)


def _soiled(rng: Rng, piece: Piece, *, amount: float) -> Piece:
    """Wet stains with dark rims, then grease."""
    patch = piece.patch
    wet: Field = patch.cloud(rng, rng.uniform(0.35, 0.8), octaves=3)
    level = 0.55 - amount
    inside, rim = smoothstep(level, level + 0.08, wet), smoothstep(0.09, 0.0, np.abs(wet - level - 0.06))
    stain: Rgb = pick(rng, _STAINS)
    base = np.broadcast_to(piece.albedo, (3, *patch.shape))
    albedo = mix(base, base * (0.25 + stain), inside * 0.85) * (1 - 0.35 * rim)
    return dirtied(rng, dataclasses.replace(piece, albedo=albedo), pick(rng, _STAINS), amount=amount * 0.5)


FORMS = (crisp_packet, peel, tissue, coffee_cup, rag, heap, heap, heap)
