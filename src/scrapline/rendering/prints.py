"""What is printed on packaging and paper: drawn flat, then wrapped onto a piece."""

import functools
import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scrapline.rendering.fields import Field, Rgb, Rng, fork, grey, mix
from scrapline.rendering.piece import Patch

_WORDS = "FRESH COLA DAILY NEWS FRAGILE CARGO SUPER ECO PURE BIO LEMON CRUNCHY MILK TEA SOAP PARTS UP MAX NATURA 500ml"
Box = tuple[float, float, float, float]
"""Low u, low v, high u, high v in local units."""


class Print:
    """A flat sheet of ink: draw on it in fractions of its width and height, then `wrap` it onto a patch."""

    def __init__(self, patch: Patch, box: Box) -> None:
        """Cut the sheet to `box`, fine enough for the size at which `patch` shows it."""
        self.box = box
        self.width = max(8, round((box[2] - box[0]) * patch.scale * 1.5))
        self.height = max(8, round((box[3] - box[1]) * patch.scale * 1.5))
        self.image = Image.new("RGBA", (self.width, self.height))
        self._draw = ImageDraw.Draw(self.image)

    def bar(self, x0: float, y0: float, x1: float, y1: float, ink: Rgb, *, cover: float = 1.0) -> None:
        """A filled rectangle."""
        left, right = sorted((x0 * self.width, x1 * self.width))
        top, bottom = sorted((y0 * self.height, y1 * self.height))
        self._draw.rectangle((left, top, right, bottom), fill=_ink(ink, cover))

    def spot(self, x: float, y: float, radius: float, ink: Rgb, *, cover: float = 1.0) -> None:
        """A filled circle, its radius in heights."""
        reach, x, y = radius * self.height, x * self.width, y * self.height
        self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=_ink(ink, cover))

    def shape(self, points: list[tuple[float, float]], ink: Rgb, *, cover: float = 1.0) -> None:
        """A filled polygon."""
        self._draw.polygon([(x * self.width, y * self.height) for x, y in points], fill=_ink(ink, cover))

    def word(self, rng: Rng, x: float, y: float, tall: float, ink: Rgb, *, cover: float = 1.0) -> None:
        """A word in capitals, `tall` heights high, centred at (x, y)."""
        pixels = max(5, int(tall * self.height))
        self._draw.text(
            (x * self.width, y * self.height),
            str(rng.choice(_WORDS.split())),
            fill=_ink(ink, cover),
            font=_font(pixels),
            anchor="mm",
        )

    def lines(self, rng: Rng, x0: float, y0: float, x1: float, y1: float, pitch: float, ink: Rgb) -> None:
        """A column of text: rows `pitch` heights apart, made of words of uneven length."""
        rng, y = fork(rng), y0
        while y + pitch < y1:
            x, end = x0, x1 if rng.random() > 0.15 else x0 + (x1 - x0) * rng.uniform(0.3, 0.8)
            while x < end:
                word = rng.uniform(0.8, 4.0) * pitch * self.height / self.width
                self.bar(x, y, min(x + word, end), y + pitch * 0.45, ink, cover=0.8)
                x += word + 0.55 * pitch * self.height / self.width
            y += pitch

    def barcode(self, rng: Rng, x: float, y: float, wide: float, tall: float) -> None:
        """Black stripes on white with the corner at (x, y)."""
        white, black = grey(1.0), grey(0.01)
        self.bar(x, y, x + wide, y + tall, white)
        edge = x + wide * 0.08
        while edge < x + wide * 0.9:
            stripe = wide * rng.choice((0.02, 0.04, 0.06)).item()
            self.bar(edge, y + tall * 0.1, edge + stripe, y + tall * 0.85, black)
            edge += stripe + wide * rng.choice((0.03, 0.05)).item()

    def wrap(self, patch: Patch, albedo: Rgb, *, u: Field | None = None, v: Field | None = None) -> tuple[Rgb, Field]:
        """Print onto `albedo`: the new colour [3, h, w] and where there is ink [h, w].

        `u` and `v` replace the patch's coordinates where the surface is bent.
        """
        low_u, low_v, high_u, high_v = self.box
        x = ((patch.u if u is None else u) - low_u) * np.float32(self.width / (high_u - low_u))
        y = ((patch.v if v is None else v) - low_v) * np.float32(self.height / (high_v - low_v))
        inside = (x >= 0) & (y >= 0) & (x < self.width) & (y < self.height)
        column = np.clip(x, 0, self.width - 1).astype(np.int32)
        row = np.clip(y, 0, self.height - 1).astype(np.int32)
        # One gather of whole RGBA words instead of four of bytes.
        words = np.asarray(self.image).view(np.uint32)[..., 0].take(row * self.width + column)
        texels = words[..., None].view(np.uint8).transpose(2, 0, 1) * np.float32(1 / 255)
        ink = texels[3] * inside
        return mix(albedo, texels[:3] ** 2, ink), ink


def around(radius: Field, v: Field) -> Field:
    """How far round a turned body of `radius` a pixel at `v` lies, in the same units as v at the middle."""
    return np.arcsin(np.clip(v / np.maximum(radius, 1e-3), -1, 1)) * radius


def artwork(rng: Rng, sheet: Print, ground: Rgb, ink: Rgb, second: Rgb) -> None:
    """Cover the sheet with a brand's design: a ground, a band or a sunburst, a word, small print."""
    sheet.bar(0, 0, 1, 1, ground)
    style = rng.integers(4)
    if style == 0:
        low = rng.uniform(0.15, 0.5)
        sheet.bar(0, low, 1, low + rng.uniform(0.2, 0.45), second)
    elif style == 1:
        low = rng.uniform(0.1, 0.5)
        sheet.bar(low, 0, low + rng.uniform(0.15, 0.45), 1, second)
    elif style == 2:
        sheet.spot(rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7), rng.uniform(0.25, 0.45), second)
    else:
        lean = rng.uniform(-0.5, 0.5)
        for stripe in np.arange(-0.5, 1.5, rng.uniform(0.22, 0.45)).tolist():
            sheet.shape([(stripe, 0), (stripe + 0.12, 0), (stripe + 0.12 + lean, 1), (stripe + lean, 1)], second)
    sheet.word(rng, 0.5, rng.uniform(0.35, 0.6), rng.uniform(0.2, 0.36), ink)
    if rng.random() < 0.7:
        low = rng.uniform(0.7, 0.78)
        sheet.lines(rng, 0.12, low, rng.uniform(0.5, 0.9), 0.95, 0.06, ink)


def _ink(colour: Rgb, cover: float) -> tuple[int, int, int, int]:
    red, green, blue = (int(math.sqrt(max(0.0, min(1.0, level))) * 255) for level in colour.ravel().tolist())
    return red, green, blue, int(cover * 255)


@functools.lru_cache(maxsize=256)
def _font(pixels: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(pixels)
