"""The ground behind a photo that may itself be cropped, moved or turned: aligned by its texture."""

from functools import lru_cache

import numpy as np

from scrapline.data.duplicates import alignment, orientations
from scrapline.data.duplicates.grounds import SAME_TEXTURE, Grounds
from scrapline.data.duplicates.textures import correlation
from scrapline.data.duplicates.thumbnails import Levels
from scrapline.data.duplicates.views import View

_PEAK = 5.0
# So much better must a moved ground fit than one that is in place.
_BETTER = 0.01
_IN_PLACE = np.array([1.0, 1.0, 0.0, 0.0, 0.0])


class Registrar:
    """Finds the ground behind a view among those of the data set, in the place where the view has it."""

    def __init__(self, grounds: Grounds) -> None:
        """`grounds`: those of the data set."""
        self.grounds = grounds
        self._oriented = lru_cache(maxsize=256)(self._ground)

    def behind(self, view: View) -> Levels | None:
        """Float32 [64, 64, 3]; None where no ground's texture is the view's."""
        if view.number >= 0:
            choice = [(view.number, view.orientation)]
        else:
            choice = [
                (number, way) for number in range(len(self.grounds.pictures)) for way in range(orientations.COUNT)
            ]
        best, picture = SAME_TEXTURE, view.ground
        for number, way in choice:
            ground = self._oriented(number, way)
            starts = []
            if view.number >= 0:
                best = max(best, correlation(view.texture, ground.texture) + _BETTER)
                starts.append(_IN_PLACE)
            peak = alignment.peak(view.texture_spectra, ground.texture_spectra)
            if peak.height >= _PEAK:
                starts.append(peak.pose)
            for start in starts:
                by = alignment.aligned(view.texture_rounds, ground.softened_texture, start)
                if by is None:
                    continue
                fit = correlation(view.texture, alignment.moved(ground.texture, by))
                if fit > best:
                    best, picture = fit, alignment.moved(ground.levels, by)
        return picture

    def _ground(self, number: int, way: int) -> View:
        return View(self.grounds.pictures[number]).turned(way)
