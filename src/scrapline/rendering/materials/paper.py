"""Paper: printed sheets, newspaper, crumpled balls, envelopes, torn scraps and stacks."""

import dataclasses

import numpy as np

from scrapline.rendering.fields import Field, Rgb, Rng, cloud, facets, folds, grey, mix, pick, smoothstep
from scrapline.rendering.outlines import blob, rectangle, skewed, torn
from scrapline.rendering.piece import Outline, Patch, Piece, Pose, cut
from scrapline.rendering.prints import Print

_WHITES = "f4f2ec eceae2 e6e2d4 f0eee8"
_COLOURS = "e8d878 e09ab0 9ac0e0 a4d098 dcdad4"
_NEWS = "d4d0c8 c8c6c0 dcdad4 c4c0b8"
_INKS = "1c1c20 24242c 20304c 3c2c24"
_PICTURES = "35404c 7c8c6c a06848 4c6c8c 98948c b08c5c 6c3c3c c8b070"


def page(rng: Rng, pose: Pose) -> list[Piece]:
    """A letter, form or note: a heading and lines of text, or a ruled or squared pad."""
    aspect = rng.uniform(0.62, 0.78)
    patch = cut(pose, skewed(rng, rectangle(aspect), amount=0.05))
    albedo = _stock(rng, patch, _WHITES if rng.random() < 0.96 else _COLOURS)
    sheet = Print(patch, (-aspect * 0.9, -0.92, aspect * 0.9, 0.92))
    ink = pick(rng, _INKS)
    kind = rng.random()
    if kind < 0.8:
        sheet.word(rng, 0.3, 0.07, 0.08, ink)
        sheet.lines(rng, 0.04, 0.17, rng.uniform(0.85, 0.97), rng.uniform(0.6, 0.97), rng.uniform(0.026, 0.045), ink)
        if rng.random() < 0.3:
            sheet.bar(0.1, 0.62, 0.9, 0.9, pick(rng, _PICTURES))
    elif kind < 0.97:
        _ruled(rng, sheet)
    albedo, _ = sheet.wrap(patch, albedo, u=-patch.v, v=patch.u)
    return [_leaf(rng, patch, albedo, creases=int(rng.integers(1, 6)), steep=rng.uniform(0.08, 0.4))]


def newspaper(rng: Rng, pose: Pose) -> list[Piece]:
    """A newspaper page: a masthead, narrow columns, grey pictures, one or two folds."""
    aspect = rng.uniform(0.6, 0.95)
    ragged = tuple(int(side) for side in rng.permutation(4)[: rng.integers(0, 3)])
    patch = cut(pose, torn(rng, skewed(rng, rectangle(aspect), amount=0.05), amount=0.03, sides=ragged))
    albedo = _stock(rng, patch, _NEWS)
    sheet, ink = Print(patch, (-0.96, -aspect * 0.95, 0.96, aspect * 0.95)), pick(rng, _INKS)
    top = 0.04
    if rng.random() < 0.7:
        sheet.word(rng, 0.5, 0.1, 0.16, ink)
        sheet.bar(0.02, 0.19, 0.98, 0.2, ink)
        top = 0.23
    columns = int(rng.integers(3, 6))
    for column in range(columns):
        left, right = 0.02 + 0.96 * column / columns, 0.02 + 0.96 * (column + 0.88) / columns
        y = top
        while y < 0.9:
            if rng.random() < 0.25:
                down = min(0.97, y + rng.uniform(0.12, 0.3))
                sheet.bar(left, y, right, down, pick(rng, _PICTURES))
            else:
                down = min(0.98, y + rng.uniform(0.15, 0.5))
                sheet.lines(rng, left, y, right, down, rng.uniform(0.024, 0.032), ink)
            y = down + 0.03
    albedo, _ = sheet.wrap(patch, albedo)
    height = -rng.uniform(0.1, 0.35) * np.abs(patch.u - rng.uniform(-0.3, 0.3))
    leaf = _leaf(rng, patch, albedo, creases=int(rng.integers(2, 8)), steep=rng.uniform(0.12, 0.45))
    return [dataclasses.replace(leaf, height=leaf.height + height)]


def crumpled(rng: Rng, pose: Pose) -> list[Piece]:
    """A sheet balled up: flat facets meeting in sharp creases, text broken up by them."""
    patch = cut(pose, _ball(rng))
    bend = 0.12 * patch.cloud(rng, 0.5)
    lump = facets(rng, patch.u + bend, patch.v - bend, count=int(rng.integers(16, 28)), steep=rng.uniform(0.4, 0.7))
    crease = folds(rng, patch.u - bend, patch.v - bend, count=11, steep=rng.uniform(0.4, 0.7))
    height = lump + crease
    albedo = _stock(rng, patch, _WHITES if rng.random() < 0.96 else f"{_COLOURS} {_NEWS}")
    if rng.random() < 0.8:
        sheet = Print(patch, (-1.3, -1.3, 1.3, 1.3))
        sheet.lines(rng, 0, 0, 1, 1, rng.uniform(0.025, 0.04), pick(rng, _INKS))
        albedo, _ = sheet.wrap(patch, albedo, u=patch.u + 0.5 * height, v=patch.v + 0.3 * crease)
    hollow = smoothstep(-0.25, 0.1, crease - crease.mean())
    return [Piece(patch, albedo * (0.7 + 0.3 * hollow), height, polish=2, lift=0.22)]


def _ball(rng: Rng) -> Outline:
    corners = int(rng.integers(9, 14))
    return skewed(rng, blob(rng, rng.uniform(0.7, 1.0), rough=0.09, corners=corners), amount=0.07)


def envelope(rng: Rng, pose: Pose) -> list[Piece]:
    """An envelope: its flap's V, or an address with stamp and window; torn open along one side at times."""
    aspect = rng.uniform(0.45, 0.7)
    outline = skewed(rng, rectangle(aspect), amount=0.03)
    patch = cut(pose, torn(rng, outline, amount=0.025, sides=(0,)) if rng.random() < 0.5 else outline)
    albedo = _stock(rng, patch, _WHITES if rng.random() < 0.95 else _COLOURS)
    leaf = _leaf(rng, patch, albedo, creases=3, steep=0.15)
    if rng.random() < 0.5:
        flap = patch.v + aspect - (1 - np.abs(patch.u)) * aspect * rng.uniform(1.0, 1.3)
        below = smoothstep(-0.012, 0.0, flap)
        shade = 1 - 0.3 * smoothstep(0.1, 0.0, flap) * below
        seams = np.minimum(np.abs(np.abs(patch.u) - (0.9 - 0.5 * (patch.v + aspect))), 1)
        shade = shade - 0.15 * smoothstep(0.015, 0.0, seams) * below
        return [dataclasses.replace(leaf, albedo=albedo * shade, height=leaf.height + 0.012 * (1 - below))]
    sheet, ink = Print(patch, (-1, -aspect, 1, aspect)), pick(rng, _INKS)
    sheet.bar(0.84, 0.06, 0.95, 0.28, pick(rng, _PICTURES))
    sheet.lines(rng, 0.45, 0.5, 0.85, 0.85, 0.075, ink)
    sheet.lines(rng, 0.05, 0.08, 0.3, 0.25, 0.05, ink)
    return [dataclasses.replace(leaf, albedo=sheet.wrap(patch, albedo)[0])]


def scraps(rng: Rng, pose: Pose) -> list[Piece]:
    """A few torn pieces of one sheet."""
    stock, ink, pieces = _WHITES if rng.random() < 0.96 else f"{_COLOURS} {_NEWS}", pick(rng, _INKS), []
    tone = str(rng.choice(stock.split()))
    for place in range(int(rng.integers(2, 5))):
        part = pose.beside(rng, 0.4 * bool(place), 0.8 * bool(place), scale=rng.uniform(0.4, 0.75))
        patch = cut(part, torn(rng, skewed(rng, rectangle(rng.uniform(0.5, 0.9)), amount=0.2), amount=0.05))
        albedo = _stock(rng, patch, tone)
        sheet = Print(patch, (-1, -1, 1, 1))
        sheet.lines(rng, 0, 0.05, 1, 1, rng.uniform(0.04, 0.06), ink)
        albedo, _ = sheet.wrap(patch, albedo)
        # A torn edge shows the white core of the sheet.
        core = smoothstep(0.95, 0.6, patch.alpha)
        pieces.append(_leaf(rng, patch, mix(albedo, grey(0.85), core), creases=3, steep=0.3))
    return pieces


def stack(rng: Rng, pose: Pose) -> list[Piece]:
    """Several sheets lying over one another at slightly different angles."""
    aspect, pieces = rng.uniform(0.6, 0.75), []
    stock = _WHITES if rng.random() < 0.93 else _COLOURS
    for sheet in range(int(rng.integers(2, 5))):
        turn = rng.normal(0, 0.2) if sheet else 0.0
        part = pose.at(rng.normal(0, 0.08), rng.normal(0, 0.08), turn=turn, scale=0.9)
        pieces += page(rng, part) if rng.random() < 0.6 else _blank(rng, part, aspect, stock)
    return pieces


def _blank(rng: Rng, pose: Pose, aspect: float, stock: str) -> list[Piece]:
    patch = cut(pose, skewed(rng, rectangle(aspect), amount=0.03))
    return [_leaf(rng, patch, _stock(rng, patch, stock), creases=2, steep=0.15)]


def _leaf(rng: Rng, patch: Patch, albedo: Rgb, *, creases: int, steep: float) -> Piece:
    """A flat sheet with `creases` and a little waviness."""
    wavy: Field = 0.05 * patch.cloud(rng, 0.8)
    height = folds(rng, patch.u + 0.3 * wavy, patch.v, count=creases, steep=steep) + wavy
    return Piece(patch, albedo, height, polish=2, lift=rng.uniform(0.01, 0.08))


def _stock(rng: Rng, patch: Patch, codes: str) -> Rgb:
    return pick(rng, codes) * (1 + 0.03 * cloud(rng, patch.shape, 1.5) + 0.05 * patch.cloud(rng, 0.7))


def _ruled(rng: Rng, sheet: Print) -> None:
    line, gap = pick(rng, "7090c0 c07070 888888"), rng.uniform(0.04, 0.07)
    for y in np.arange(0.05, 0.99, gap).tolist():
        sheet.bar(0, y, 1, y + 0.008, line, cover=0.7)
    if rng.random() < 0.5:
        for x in np.arange(0.05, 0.99, gap * sheet.height / sheet.width).tolist():
            sheet.bar(x, 0, x + 0.008, 1, line, cover=0.7)


FORMS = (page, page, page, newspaper, newspaper, newspaper, crumpled, envelope, scraps, stack)
