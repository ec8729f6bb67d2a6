"""Whether two photos are copies of one, told from their thumbnails and the grounds behind them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scrapline.data.duplicates import alignment
from scrapline.data.duplicates.alignment import Matrix, Peak
from scrapline.data.duplicates.likeness import Likeness, colour_apart, likeness, outlines
from scrapline.data.duplicates.thumbnails import SIDE, Levels
from scrapline.data.duplicates.views import View

# At a glance: the agreement of coarse detail and a tenth of the peak's height; of 9,000 copies the least had 1.35.
_GLANCE, _PER_HEIGHT = 1.3, 0.1
# Heights of a phase correlation's peak. Different photos seldom have more, copies nearly always.
_WHOLE_PEAK, _OBJECT_PEAK = 6.0, 5.0
# Chosen on photos with known objects; docs/duplicates.md shows what they find in others.
_BOLD = 0.86
# Of luma alone, before the grounds are fitted to each other.
_OUTLINES, _OUTLINES_IN_PLACE = 0.7, 0.5
_COLOUR = 5.5
# A copy shows the same everywhere; of 14,000 the furthest patch was 16.2 apart. In another light, all are.
_PATCH, _PATCH_PER_COLOUR = 18.0, 5.5
# Shot again a moment later, a photo may have another exposure and white balance; then all detail must be the same.
_OTHER_LIGHT, _ALL_DETAIL = 12.0, 1.6
_NOISE = 0.3
# In place, chance seldom lays another object: bold and noise at least, colour at most. JPEG's coarsest quality leaves
# little noise to know a copy by; scaled to a quarter, outlines blur, too, but colours stay.
_IN_PLACE = ((0.9, 0.15, _COLOUR), (0.75, 0.35, 2.5))
# How much more noise must agree for each level of colour and each unit of outline that copies seldom lack.
_USUAL_COLOUR, _PER_LEVEL = 2.5, 0.1
_USUAL_BOLD, _PER_BOLD = 0.93, 5.0
# Pixels of the thumbnail.
_UNMOVED = 0.35


@dataclass(frozen=True)
class Match:
    """What makes two photos copies. `same_framing`: neither moved nor zoomed; `correlation`: of pixels, as they lie."""

    likeness: Likeness
    same_framing: bool
    correlation: float


def glance(first: View, second: View) -> Peak | None:
    """Where one photo lies on the other as they are; None where so quick a look shows that they are no copies.

    It does not ask what lies behind them: a copy shows the same ground.
    """
    raw = alignment.peak(first.spectra, second.spectra)
    agreement = alignment.agreement(first.coarse_detail, second.coarse_detail, raw.pose)
    return raw if agreement + _PER_HEIGHT * raw.height >= _GLANCE else None


def match(first: View, second: View, raw: Peak, behind: Callable[[View], Levels | None]) -> Match | None:
    """How the second photo is a copy of the first; None where it is not.

    `raw` is what a glance gave. `behind` gives the ground behind a photo in the place where the photo has it; it is
    asked where the grounds in their usual place leave a likeness.
    """
    best: tuple[Likeness, Matrix] | None = None
    for peak in _starts(first, second, raw):
        by = alignment.aligned(first.rounds, second.softened, peak.pose)
        if by is None or not _promising(first, second, by):
            continue
        found = likeness(first.levels, second.levels, (first.ground, second.ground), by)
        if best is None or found.mean > best[0].mean:
            best = found, by
        if found.bold >= _USUAL_BOLD:
            break
    if best is None or not _alike(*best):
        return None
    found, by = best
    found = likeness(first.levels, second.levels, (behind(first), behind(second)), by)
    if not _alike(found, by):
        return None
    return Match(found, _unmoved(by), _correlation(first.levels, second.levels))


def _alike(found: Likeness, by: Matrix) -> bool:
    """Whether so much likeness is a copy's.

    The outlines must agree, the colours too, everywhere, and the camera's noise: the more, the less exactly the others
    do.
    """
    if found.patch > max(_PATCH, _PATCH_PER_COLOUR * found.colour):
        return False
    noise = found.mean + found.plain
    if _unmoved(by) and any(
        found.bold >= bold and noise >= least and found.colour <= most for bold, least, most in _IN_PLACE
    ):
        return True
    if found.colour > (_OTHER_LIGHT if noise >= _ALL_DETAIL else _COLOUR) or found.bold < _BOLD:
        return False
    doubt = _PER_LEVEL * max(0.0, found.colour - _USUAL_COLOUR) + _PER_BOLD * max(0.0, _USUAL_BOLD - found.bold)
    return noise >= _NOISE + doubt


def _starts(first: View, second: View, raw: Peak) -> list[Peak]:
    """Where to begin aligning; nowhere if neither the photos nor what lies on their grounds fit."""
    if first.ground is None and second.ground is None:
        return [raw] if raw.height >= _WHOLE_PEAK else []
    objects = alignment.peak(first.object_spectra, second.object_spectra)
    starts = []
    # In place, the ground alone would fit.
    if raw.height >= _WHOLE_PEAK and not (
        raw.in_place and _on_one_ground(first, second) and objects.height < _OBJECT_PEAK
    ):
        starts.append(raw)
    if objects.height >= _OBJECT_PEAK and (not starts or (objects.pose != raw.pose).any()):
        starts.append(objects)
    return starts


def _promising(first: View, second: View, by: Matrix) -> bool:
    """A first look: outlines of the objects, or of all there is where the ground cannot be what agrees; and colours."""
    seen, in_place = outlines(first.detail, second.detail, by), _unmoved(by)
    least = _OUTLINES_IN_PLACE if in_place else _OUTLINES
    if seen.bold < least and not (in_place and _on_one_ground(first, second)):
        seen = outlines(first.whole_detail, second.whole_detail, by)
    return seen.bold >= least and colour_apart(first.levels, second.levels, by, seen.weights) <= _OTHER_LIGHT


def _on_one_ground(first: View, second: View) -> bool:
    return first.number == second.number >= 0 and first.orientation == second.orientation


def _unmoved(by: Matrix) -> bool:
    corners = np.array([[0, 0, 1], [0, SIDE - 1, 1], [SIDE - 1, 0, 1], [SIDE - 1, SIDE - 1, 1]], np.float32)
    return bool(np.abs(corners @ by.T - corners[:, :2]).max() <= _UNMOVED)


def _correlation(first: Levels, second: Levels) -> float:
    one, other = first - first.mean(axis=(0, 1)), second - second.mean(axis=(0, 1))
    return float((one * other).sum() / max(float(np.sqrt((one**2).sum() * (other**2).sum())), 1e-6))
