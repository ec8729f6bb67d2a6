"""A piece of scrap before it is lit: where it lies, its outline, and what its surface is like."""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from scrapline.rendering.fields import Field, Rgb, Rng, cloud, mix, smoothstep

Outline = npt.NDArray[np.float64]
"""A polygon in local units, [n, 2] of (u, v): u runs along the piece, whose half length is 1."""

_OVERSAMPLE = 3  # polygons are drawn this much larger and reduced: PIL's own edges are not anti-aliased


@dataclass(frozen=True)
class Pose:
    """A place on the picture: centre in pixels, turn in radians, `size` pixels to the local unit, frame (h, w)."""

    x: float
    y: float
    angle: float
    size: float
    frame: tuple[int, int]

    def at(self, u: float, v: float, *, turn: float = 0.0, scale: float = 1.0) -> "Pose":
        """The pose of a part that stands at (u, v) in this pose's own coordinates."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        x, y = self.x + self.size * (cos * u - sin * v), self.y + self.size * (sin * u + cos * v)
        return Pose(x, y, self.angle + turn, self.size * scale, self.frame)

    def beside(self, rng: Rng, near: float, far: float, *, scale: float) -> "Pose":
        """The pose of a loose part, turned anyhow, between `near` and `far` local units away."""
        away, angle = rng.uniform(near, far), rng.uniform(0, 2 * math.pi)
        turn = rng.uniform(0, 2 * math.pi)
        return self.at(away * math.cos(angle), away * math.sin(angle), turn=turn, scale=scale)


@dataclass(frozen=True)
class Patch:
    """The window of the picture that an outline covers.

    `alpha` [h, w] is the outline's coverage in [0, 1]; `u` and `v` [h, w] are the pixels' local coordinates; `top` and
    `left` place the window on the picture; `scale` is pixels to the local unit.
    """

    top: int
    left: int
    alpha: Field
    u: Field
    v: Field
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.alpha.shape[0], self.alpha.shape[1]

    def cloud(self, rng: Rng, cell: float, *, octaves: int = 1) -> Field:
        """Smooth noise over the window whose features are `cell` local units large."""
        return cloud(rng, self.shape, cell * self.scale, octaves=octaves)


@dataclass(frozen=True)
class Piece:
    """A patch with its surface. Every quantity is one number for the whole piece or an array [h, w].

    albedo: colour [3, 1, 1] or [3, h, w]; for a clear piece the colour of the light it lets through
    height: relief in local units; its slope makes the shading
    gloss: share of light a non-metal mirrors when seen straight on (paper 0, plastic about 0.05)
    polish: 0 mirrors sharply, 1 satin, 2 dull
    metal: 1 mirrors in the albedo's colour and scatters nothing
    clear: share of light that passes and shows what lies below
    lift: height above the belt in local units, which sets how far and how soft the shadow falls
    """

    patch: Patch
    albedo: Rgb
    height: Field | float = 0.0
    gloss: Field | float = 0.0
    polish: int = 1
    metal: Field | float = 0.0
    clear: Field | float = 0.0
    lift: float = 0.03


def cut(pose: Pose, outline: Outline, *holes: Outline) -> Patch:
    """Lay `outline` (less `holes`) at `pose`; what falls outside the frame is cut off."""
    corners = _placed(pose, outline)
    rows, columns = pose.frame
    left, top = (max(0, math.floor(low) - 2) for low in corners.min(axis=0))
    right, bottom = (math.ceil(high) + 3 for high in corners.max(axis=0))
    # A piece wholly outside still gets a window, of nothing.
    left, top = min(left, columns - 4), min(top, rows - 4)
    width, height = max(4, min(right, columns) - left), max(4, min(bottom, rows) - top)
    large = Image.new("L", (width * _OVERSAMPLE, height * _OVERSAMPLE))
    draw = ImageDraw.Draw(large)
    for polygon, value in [(corners, 255)] + [(_placed(pose, hole), 0) for hole in holes]:
        draw.polygon(((polygon - (left, top)) * _OVERSAMPLE).ravel().tolist(), fill=value)
    alpha = np.asarray(large.reduce(_OVERSAMPLE), dtype=np.float32) / 255
    x = (np.arange(left, left + width, dtype=np.float32) + np.float32(0.5 - pose.x)) / np.float32(pose.size)
    y = (np.arange(top, top + height, dtype=np.float32) + np.float32(0.5 - pose.y)) / np.float32(pose.size)
    cos, sin = math.cos(pose.angle), math.sin(pose.angle)
    u, v = cos * x + sin * y[:, None], cos * y[:, None] - sin * x
    return Patch(top, left, alpha, u, v, pose.size)


def _placed(pose: Pose, outline: Outline) -> Outline:
    cos, sin = math.cos(pose.angle), math.sin(pose.angle)
    return outline @ (np.array([[cos, sin], [-sin, cos]]) * pose.size) + (pose.x, pose.y)


def dirtied(rng: Rng, piece: Piece, colour: Rgb, *, amount: float) -> Piece:
    """The piece with `amount` (0 to 1) of it smeared in `colour`; dirt is dull and lets no light through."""
    grime = piece.patch.cloud(rng, 0.5, octaves=3)
    cover = smoothstep(1.1 - 1.4 * amount, 1.5 - 1.2 * amount, grime) * min(1.0, 0.45 + amount)
    clean = 1 - cover
    return dataclasses.replace(
        piece,
        albedo=mix(np.broadcast_to(piece.albedo, (3, *piece.patch.shape)), colour, cover),
        gloss=piece.gloss * clean,
        metal=piece.metal * clean,
        clear=piece.clear * clean,
    )
