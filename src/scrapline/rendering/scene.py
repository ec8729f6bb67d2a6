"""One picture: a piece of scrap on the belt, what lies around and over it, seen by the camera."""

import io
import math
import zlib
from collections.abc import Iterable

import numpy as np
from PIL import Image

from scrapline.rendering.belt import belt
from scrapline.rendering.camera import Picture, photograph
from scrapline.rendering.fields import Rgb, Rng, pick
from scrapline.rendering.light import Light, draw_light, lay
from scrapline.rendering.materials import FORMS, MATERIALS
from scrapline.rendering.outlines import rectangle
from scrapline.rendering.piece import Piece, Pose, cut, dirtied
from scrapline.rendering.recipe import Recipe

_GRIME = "4c4030 3c342c 5c4c38 2c2824 6c6050"


def render(material: str, *, seed: int, index: int, width: int, height: int) -> Picture:
    """Photograph number `index` of `material`: uint8 RGB [height, width, 3].

    The same arguments always give the same picture, whatever was rendered before.
    """
    rng = np.random.default_rng([seed, zlib.crc32(material.encode()), index])
    light = draw_light(rng)
    canvas = belt(rng, light, height=height, width=width)
    frame = (height, width)
    _lay_all(canvas, _clutter(rng, frame), light)
    _lay_all(canvas, _item(rng, material, frame), light)
    _lay_all(canvas, _cover(rng, frame), light)
    return photograph(rng, canvas)


def render_jpeg(recipe: Recipe, material: str, index: int) -> bytes:
    """Photograph number `index` of `material` as the recipe wants it, as the bytes of a JPEG file."""
    pixels = render(material, seed=recipe.seed, index=index, width=recipe.width, height=recipe.height)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=recipe.jpeg_quality)
    return file.getvalue()


def _lay_all(canvas: Rgb, pieces: Iterable[Piece], light: Light) -> None:
    for piece in pieces:
        lay(canvas, piece, light)


def _item(rng: Rng, material: str, frame: tuple[int, int]) -> list[Piece]:
    """The piece that the picture is of, near the middle, dirty to some degree."""
    height, width = frame
    side = min(frame)
    pose = Pose(
        x=width / 2 + rng.uniform(-0.13, 0.13) * width,
        y=height / 2 + rng.uniform(-0.1, 0.1) * height,
        angle=rng.uniform(0, 2 * math.pi),
        size=side * rng.uniform(0.48, 0.6),
        frame=frame,
    )
    form = FORMS[material][int(rng.integers(len(FORMS[material])))]
    amount = max(0.0, rng.uniform(-1.0, 0.35))
    grime = pick(rng, _GRIME)
    pieces = form(rng, pose)
    return [dirtied(rng, piece, grime, amount=amount) for piece in pieces] if amount > 0 else pieces


def _clutter(rng: Rng, frame: tuple[int, int]) -> list[Piece]:
    """Small bits of any material around the item, and at times the belt's steel side."""
    pieces = []
    for _ in range(int(rng.choice((0, 0, 0, 0, 0, 0, 0, 1, 2)))):
        pieces += _fragment(rng, frame, size=rng.uniform(0.04, 0.1))
    if rng.random() < 0.1:
        pieces.append(_rail(rng, frame))
    return pieces


def _cover(rng: Rng, frame: tuple[int, int]) -> list[Piece]:
    """What hides a part of the item: now and then another piece of scrap, seldom a large one."""
    if rng.random() < 0.06:
        return _fragment(rng, frame, size=rng.uniform(0.1, 0.3))
    return []


def _fragment(rng: Rng, frame: tuple[int, int], *, size: float) -> list[Piece]:
    height, width = frame
    pose = Pose(
        x=rng.uniform(0.0, 1.0) * width,
        y=rng.uniform(0.0, 1.0) * height,
        angle=rng.uniform(0, 2 * math.pi),
        size=size * min(frame),
        frame=frame,
    )
    material = MATERIALS[int(rng.integers(len(MATERIALS)))]
    forms = FORMS[material]
    return forms[int(rng.integers(len(forms)))](rng, pose)


def _rail(rng: Rng, frame: tuple[int, int]) -> Piece:
    """The steel guide along the belt's upper or lower edge."""
    height, width = frame
    half = rng.uniform(0.02, 0.06) * min(frame)
    pose = Pose(width / 2, rng.choice((0, height)).item(), 0.0, width / 2, frame)
    patch = cut(pose, rectangle(2 * half / width) * (1.1, 1.0))
    return Piece(patch, pick(rng, "8c8e90 a0a09c 6c6c70 b09030"), -20 * patch.v**2, gloss=0.05, metal=0.6, lift=0.05)
