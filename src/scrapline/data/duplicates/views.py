"""One photo in one orientation, with what comparing it needs, each made when first asked for."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scrapline.data.duplicates import alignment
from scrapline.data.duplicates.alignment import Round, Spectra
from scrapline.data.duplicates.orientations import oriented
from scrapline.data.duplicates.textures import blurred, fine_detail, luma, robust_mixture, texture
from scrapline.data.duplicates.thumbnails import SIDE, Levels

_RAMP_Y, _RAMP_X = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE - 0.5
# In levels: what texture gives, in units of its median, is stretched to a photo's contrast.
_TEXTURE_LEVELS = 8.0


@dataclass(frozen=True, eq=False)
class View:
    """A thumbnail's `levels`, float32 [64, 64, 3], in an `orientation`, and the number and picture of its ground.

    `number` -1 and `ground` None: no ground is known to lie behind it.
    """

    levels: Levels
    orientation: int = 0
    number: int = -1
    ground: Levels | None = None

    @cached_property
    def luma(self) -> Levels:
        """Float32 [64, 64]."""
        return luma(self.levels)

    @cached_property
    def texture(self) -> Levels:
        """Float32 [64, 64]; what grounds are known by."""
        return texture(self.luma)

    @cached_property
    def spectra(self) -> Spectra:
        """Of the photo as it is."""
        return alignment.spectra(self.luma)

    @cached_property
    def coarse_detail(self) -> Levels:
        """Detail of luma, float32 [32, 32], for a glance."""
        return alignment.coarse_detail(self.luma)

    @cached_property
    def object(self) -> Levels:
        """Luma without the ground."""
        return self.luma if self.ground is None else _without(self.luma, luma(self.ground))

    @cached_property
    def object_spectra(self) -> Spectra:
        """Of the photo without its ground."""
        return self.spectra if self.ground is None else alignment.spectra(self.object)

    @cached_property
    def detail(self) -> Levels:
        """Fine detail of luma without the ground, float32 [64, 64]."""
        return fine_detail(blurred(self.object, 0.8))

    @cached_property
    def whole_detail(self) -> Levels:
        """Fine detail of luma with the ground."""
        return fine_detail(blurred(self.luma, 0.8))

    @cached_property
    def texture_spectra(self) -> Spectra:
        """Of its texture."""
        return alignment.spectra(self.texture * _TEXTURE_LEVELS)

    @cached_property
    def rounds(self) -> list[Round]:
        """What aligning another photo with this one needs."""
        return alignment.rounds(self.luma)

    @cached_property
    def softened(self) -> list[Levels]:
        """What aligning this photo with another one needs."""
        return alignment.softened(self.luma)

    @cached_property
    def texture_rounds(self) -> list[Round]:
        """What aligning another texture with this one needs."""
        return alignment.rounds(self.texture * _TEXTURE_LEVELS)

    @cached_property
    def softened_texture(self) -> list[Levels]:
        """What aligning this texture with another one needs."""
        return alignment.softened(self.texture * _TEXTURE_LEVELS)

    def turned(self, orientation: int) -> "View":
        """An upright photo in another orientation."""
        ground = None if self.ground is None else oriented(self.ground, orientation)
        return View(oriented(self.levels, orientation), orientation, self.number, ground)


def _without(levels: Levels, ground: Levels) -> Levels:
    """Luma less its least-squares fit of the ground, whose light may fall off evenly to any side, and a plane."""
    columns = np.stack([np.ones_like(ground), _RAMP_X, _RAMP_Y, ground, ground * _RAMP_X, ground * _RAMP_Y])
    fitted = columns[:, ::2].reshape(len(columns), -1)
    target = levels[::2].ravel()
    even = np.ones_like(target)
    mixture = robust_mixture(fitted, target, even, np.zeros_like(target), rounds=2, floor=0.5, ridge=1e-3)
    return np.asarray(levels - np.tensordot(mixture, columns, axes=1), dtype=np.float32)
