"""The lamps over the belt and how a piece looks under them."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import gaussian_filter

from scrapline.rendering.fields import Field, Rgb, Rng, smoothstep
from scrapline.rendering.piece import Piece

_MIRROR = 96  # side of the tables that hold what a mirror shows for each direction of its normal


@dataclass(frozen=True)
class Light:
    """One picture's light: `direction` (x, y, z) of the main lamp, its `colour` and the `ambient` [3, 1, 1].

    `mirrors` holds what a surface reflects for its normal's (y, x) in [-1, 1]: sharp, satin and dull, each [96, 96].
    """

    direction: tuple[float, float, float]
    colour: Rgb
    ambient: Rgb
    mirrors: tuple[Field, Field, Field]


def draw_light(rng: Rng) -> Light:
    """Switch on lamps of a random place, colour and strength."""
    azimuth, elevation = rng.uniform(0, 2 * math.pi), math.radians(rng.uniform(38, 72))
    flat = math.cos(elevation)
    direction = (flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation))
    warmth = rng.normal(0, 0.045)
    tint = np.array([1 + warmth, 1 + rng.normal(0, 0.025), 1 - warmth], dtype=np.float32).reshape(3, 1, 1)
    # The hall's own light leans the other way from the lamps': shadows look bluish under warm lamps.
    ambient = (0.7 * tint + 0.3 * tint[::-1]) * rng.uniform(0.15, 0.38)
    return Light(direction, tint * rng.uniform(0.75, 1.2), ambient, _mirrors(rng, azimuth, flat))


def _mirrors(rng: Rng, azimuth: float, flat: float) -> tuple[Field, Field, Field]:
    """What a mirror sees around the belt: strip lamps, a grey hall, and the dark belt below the horizon."""
    axis = np.linspace(-1, 1, _MIRROR, dtype=np.float32)
    normal_x, normal_y = axis[None, :], axis[:, None]
    normal_z = np.sqrt(np.clip(1 - normal_x**2 - normal_y**2, 0, 1))
    x, y, z = 2 * normal_z * normal_x, 2 * normal_z * normal_y, 2 * normal_z**2 - 1
    hall = 0.26 + 0.2 * np.maximum(z, 0) + 0.2 * (x * math.cos(azimuth) + y * math.sin(azimuth))
    windows = rng.uniform(0.2, 0.9) * np.exp(-(((z - rng.uniform(0.2, 0.4)) / 0.1) ** 2))
    hall = hall + windows * (0.5 + 0.5 * np.cos(2 * (np.arctan2(y, x) - rng.uniform(0, math.pi))))
    seen = np.where(z > 0, hall, 0.16 + 0.08 * z).astype(np.float32)
    for lamp in range(int(rng.integers(1, 4))):
        towards = azimuth + (0 if lamp == 0 else rng.uniform(1.2, 5.0))
        distance = flat if lamp == 0 else rng.uniform(0.3, 0.9)
        across = (x * math.cos(towards) + y * math.sin(towards)) - distance
        along = y * math.cos(towards) - x * math.sin(towards)
        width, length = rng.uniform(0.06, 0.17), rng.uniform(0.35, 0.9)
        shape = smoothstep(width + 0.06, width, np.abs(across)) * smoothstep(length + 0.06, length, np.abs(along))
        seen = seen + shape * (z > -0.2) * rng.uniform(3.5, 6.5) * (1.0 if lamp == 0 else 0.5)
    seen = seen.astype(np.float32)
    satin, dull = (gaussian_filter(seen, sigma).astype(np.float32) for sigma in (3.0, 9.0))
    return seen, satin, dull


def lay(canvas: Rgb, piece: Piece, light: Light) -> None:
    """Draw `piece` onto `canvas` [3, H, W] in place, with its shadow."""
    patch = piece.patch
    _cast_shadow(canvas, piece, light)
    rows, columns = slice(patch.top, patch.top + patch.shape[0]), slice(patch.left, patch.left + patch.shape[1])
    under = canvas[:, rows, columns]
    under += (_lit(canvas, piece, light) - under) * patch.alpha


def _lit(canvas: Rgb, piece: Piece, light: Light) -> Rgb:
    """The piece as it looks on `canvas`: [3, h, w], regardless of its outline."""
    normal_x, normal_y, normal_z = _normals(piece)
    towards_x, towards_y, towards_z = light.direction
    facing = np.maximum(normal_x * towards_x + normal_y * towards_y + normal_z * towards_z, 0)
    middle = _MIRROR // 2
    row, column = ((axis * (middle - 1) + middle).astype(np.intp) for axis in (normal_y, normal_x))
    spot = row * _MIRROR + column
    mirrored = light.mirrors[piece.polish].take(spot)
    grazing = (1 - normal_z) ** 2
    dielectric = 1 - np.asarray(piece.metal, np.float32)
    solid = dielectric * (1 - np.asarray(piece.clear, np.float32))
    # Schlick's law with a gentler exponent: the slopes of a relief are gentler than those of the real thing.
    gloss = np.asarray(piece.gloss, np.float32)
    sheen = mirrored * dielectric * (gloss + np.minimum(0.5, gloss * 6) * grazing)
    diffuse = (solid * facing) * light.colour + (solid * (0.6 + 0.4 * normal_z)) * light.ambient
    if np.any(piece.metal):
        diffuse += (mirrored * piece.metal) * light.colour
    lit: Rgb = diffuse * piece.albedo + sheen * light.colour
    if np.any(piece.clear):
        # Light through a rim crosses more of the material; the back wall mirrors the lamps the other way round.
        rim = grazing * 0.5
        through = piece.albedo * ((1 - rim) - rim * (1 - piece.albedo))
        inside = 0.12 * light.mirrors[piece.polish].take(_MIRROR * _MIRROR - 1 - spot)
        lit += piece.clear * through * (_refracted(canvas, piece, normal_x, normal_y) + inside * light.colour)
    return lit


def _normals(piece: Piece) -> tuple[Field, Field, Field]:
    shape, scale = piece.patch.shape, piece.patch.scale
    height = np.broadcast_to(np.asarray(piece.height, dtype=np.float32), shape)
    slope_x, slope_y = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    np.subtract(height[:, 2:], height[:, :-2], out=slope_x[:, 1:-1])
    np.subtract(height[2:], height[:-2], out=slope_y[1:-1])
    slope_x *= -scale / 2
    slope_y *= -scale / 2
    upright = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    return slope_x * upright, slope_y * upright, upright


def _refracted(canvas: Rgb, piece: Piece, normal_x: Field, normal_y: Field) -> Rgb:
    """What lies below, shifted by the surface's slope as a thick piece of glass shifts it."""
    patch, reach = piece.patch, piece.patch.scale * 0.18
    rows, columns = patch.shape
    y = np.arange(patch.top, patch.top + rows, dtype=np.float32)[:, None] - normal_y * reach
    x = np.arange(patch.left, patch.left + columns, dtype=np.float32) - normal_x * reach
    y = np.clip(y, 0, canvas.shape[1] - 1).astype(np.int32)
    x = np.clip(x, 0, canvas.shape[2] - 1).astype(np.int32)
    return canvas[:, y, x]


def _cast_shadow(canvas: Rgb, piece: Piece, light: Light) -> None:
    """Darken the canvas where the piece keeps the main lamp's light away, softer the higher the piece stands."""
    patch = piece.patch
    reach = piece.lift * patch.scale
    soft = max(1.0, 0.5 * reach)
    shift_x, shift_y = (-axis / light.direction[2] * reach * 0.8 for axis in light.direction[:2])
    margin = math.ceil(reach * 1.3 + 2 * soft) + 1
    opaque = 0.75 * (1 - 0.65 * float(np.mean(piece.clear)))
    mask = Image.fromarray((patch.alpha * (255 * opaque)).astype(np.uint8))
    grown = Image.new("L", (patch.shape[1] + 2 * margin, patch.shape[0] + 2 * margin))
    grown.paste(mask, (margin + round(shift_x), margin + round(shift_y)))
    shadow = np.asarray(grown.filter(ImageFilter.BoxBlur(soft)), dtype=np.float32) / 255
    top, left = patch.top - margin, patch.left - margin
    bottom, right = min(canvas.shape[1], top + shadow.shape[0]), min(canvas.shape[2], left + shadow.shape[1])
    seen = shadow[max(0, -top) : bottom - top, max(0, -left) : right - left]
    canvas[:, max(0, top) : bottom, max(0, left) : right] *= 1 - seen


def lit_flat(light: Light) -> Rgb:
    """The light [3, 1, 1] that a level surface receives."""
    return light.colour * light.direction[2] + light.ambient
