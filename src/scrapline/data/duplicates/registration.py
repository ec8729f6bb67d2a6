"""The ground behind a photo that may itself be cropped, moved or turned: aligned by its texture."""

from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from scrapline.data.duplicates import alignment, orientations
from scrapline.data.duplicates.alignment import Spectra
from scrapline.data.duplicates.grounds import SAME_TEXTURE, Grounds
from scrapline.data.duplicates.textures import correlation
from scrapline.data.duplicates.thumbnails import Levels
from scrapline.data.duplicates.views import View

_PEAK = 5.0
# So much better must a moved ground fit than one that is in place.
_BETTER = 0.01
# Of many grounds, so many that peak highest are aligned.
_TRIED = 4
Pose = npt.NDArray[np.float64]

_IN_PLACE = np.array([1.0, 1.0, 0.0, 0.0, 0.0])


class Registrar:
    """Finds the ground behind a view among those of the data set, in the place where the view has it."""

    def __init__(self, grounds: Grounds) -> None:
        """`grounds`: those of the data set."""
        self.grounds = grounds
        self._oriented = lru_cache(maxsize=64)(self._ground)

    def behind(self, view: View) -> Levels | None:
        """Float32 [64, 64, 3]; None where no ground's texture is the view's."""
        if not len(self.grounds.pictures):
            return None
        if view.number < 0:
            return self._best(view, self._highest(view), SAME_TEXTURE)
        ground = self._oriented(view.number, view.orientation)
        starts = [(ground, _IN_PLACE)]
        if (peak := alignment.peak(view.texture_spectra, ground.texture_spectra)).height >= _PEAK:
            starts.append((ground, peak.pose))
        return self._best(view, starts, max(SAME_TEXTURE, correlation(view.texture, ground.texture) + _BETTER))

    def _highest(self, view: View) -> list[tuple[View, Pose]]:
        """The grounds, in whatever orientation, whose texture peaks highest with the view's, and where to begin."""
        heights = alignment.heights(view.texture_spectra, self._spectra)
        tried = np.argsort(-heights, kind="stable")[:_TRIED]
        grounds = [
            self._oriented(*divmod(int(place), orientations.COUNT)) for place in tried if heights[place] >= _PEAK
        ]
        return [(g, alignment.peak(view.texture_spectra, g.texture_spectra).pose) for g in grounds]

    def _best(self, view: View, starts: list[tuple[View, Pose]], least: float) -> Levels | None:
        """The aligned ground that fits best, if its texture correlates with the view's by more than `least`."""
        picture = view.ground
        for ground, start in starts:
            by = alignment.aligned(view.texture_rounds, ground.softened_texture, start)
            if by is None:
                continue
            fit = correlation(view.texture, alignment.moved(ground.texture, by))
            if fit > least:
                least, picture = fit, alignment.moved(ground.levels, by)
        return picture

    @cached_property
    def _spectra(self) -> Spectra:
        """Of every ground's texture in every orientation, one after another."""
        count = len(self.grounds.pictures)
        made = [
            self._ground(number, way).texture_spectra for number in range(count) for way in range(orientations.COUNT)
        ]
        return np.stack(made)

    def _ground(self, number: int, way: int) -> View:
        return View(self.grounds.pictures[number]).turned(way)
