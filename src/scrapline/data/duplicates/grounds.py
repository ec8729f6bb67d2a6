"""Grounds: what photos of one fixed camera share behind their objects, and what must not count as likeness."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from scrapline.data.duplicates.textures import luma, texture
from scrapline.data.duplicates.thumbnails import SIDE, Levels, Thumbnails, smaller
from scrapline.system.keys import key_of

_CELLS = 8
_SAMPLE = 1000
_MOST_LEADERS = 256
# Of a photo's brightness, per cell. Half of the cells must agree: objects of two photos leave that many free.
_SAME_GROUND = 0.05
_OTHER_OBJECT = 0.10
# Correlations of fine detail; chance gives 0.02, and weaker textures do no harm.
SAME_TEXTURE = 0.08
_FEWEST = 5
# A ground's photos show its texture about as well as one another; one that is mirrored or moved shows less.
_LEAST_OF_USUAL = 0.6
# Each may let go of photos that a later one puts together; more than two are seldom needed.
_PASSES = 3
_FOR_PICTURE = 64
_BLOCK = 64


@dataclass(frozen=True, eq=False)
class Grounds:
    """`pictures` float32 [G, 64, 64, 3]; `of` int16 [N]: the ground of each photo, -1 where it has none."""

    pictures: Levels
    of: npt.NDArray[np.int16]

    @cached_property
    def digest(self) -> bytes:
        """Tells the pictures of one data set from those of another."""
        return key_of(self.pictures.tobytes())

    @cached_property
    def _keys(self) -> list[bytes]:
        return [key_of(picture.tobytes()) for picture in self.pictures]

    def key(self, photo: int) -> bytes:
        """Tells the ground of a photo from any other; empty where it has none."""
        ground = int(self.of[photo])
        return b"" if ground < 0 else self._keys[ground]

    def behind(self, photo: int) -> Levels | None:
        """The ground of a photo, float32 [64, 64, 3]."""
        ground = int(self.of[photo])
        return None if ground < 0 else self.pictures[ground]


def find_grounds(thumbnails: Thumbnails) -> Grounds:
    """The grounds on which at least five photos of a sample show different objects, and which photo lies on which.

    The sample is the first 1,000 photos. Photos share a ground whose levels agree and whose texture, if it has one that
    shows through the camera's noise, is the same.
    """
    sample = thumbnails.block(0, _SAMPLE)
    cells, textures = _cells(sample), _textures(sample)
    rest = np.arange(len(sample))
    pictures: list[Levels] = []
    limits: list[float] = []
    for _ in range(_PASSES):
        released = [rest[:0]]
        groups, rest = _led(cells, textures, rest)
        for group in groups:
            picture = _picture(sample, cells, group)
            shown = textures[group] @ _textures(picture[None])[0]
            limit = _LEAST_OF_USUAL * float(np.median(shown))
            own = group[shown >= limit]
            if len(own) >= _FEWEST:
                pictures.append(_picture(sample, cells, own))
                limits.append(limit)
                released.append(group[shown < limit])
            else:
                released.append(group)
        rest = np.sort(np.concatenate([rest, *released]))
        if not sum(map(len, released)):
            break
    for group in _led(cells, None, rest)[0]:
        pictures.append(_picture(sample, cells, group))
        limits.append(-1.0)
    if not pictures:
        return Grounds(np.empty((0, SIDE, SIDE, 3), np.float32), np.full(len(thumbnails), -1, np.int16))
    return Grounds(np.stack(pictures), _assigned(thumbnails, np.stack(pictures), np.array(limits)))


def _assigned(thumbnails: Thumbnails, pictures: Levels, limits: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """The ground of each photo: of those whose levels agree, the one whose texture shows best, if it shows enough."""
    leaders, patterns = _cells(pictures), _textures(pictures)
    of = np.empty(len(thumbnails), np.int16)
    for start in range(0, len(thumbnails), _BLOCK):
        block = thumbnails.block(start, start + _BLOCK)
        shown = _textures(block) @ patterns.T
        photo, ground = np.nonzero(shown >= limits)
        off = _apart(leaders[ground], _cells(block)[photo])
        score = np.full(shown.shape, -np.inf)
        score[photo, ground] = np.where(off < _SAME_GROUND, shown[photo, ground] - off, -np.inf)
        of[start : start + _BLOCK] = np.where(np.isfinite(score.max(axis=1)), score.argmax(axis=1), -1)
    return of


def _led(
    cells: Levels, textures: Levels | None, photos: npt.NDArray[np.int64]
) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.int64]]:
    """Photos with the first one that they share their ground with, and those on no ground.

    At least five of a ground's photos must show other objects than those before them: copies of one are no ground.
    """
    led = np.empty((_MOST_LEADERS, cells.shape[1]), np.float32)
    shown_to = np.empty((_MOST_LEADERS, 0 if textures is None else textures.shape[1]), np.float32)
    leaders: list[int] = []
    groups: list[list[int]] = []
    different: list[list[int]] = []
    left: list[int] = []
    for photo in photos.tolist():
        each = cells[photo]
        shown = np.ones(len(leaders)) if textures is None else shown_to[: len(leaders)] @ textures[photo]
        able = np.flatnonzero(shown > SAME_TEXTURE)
        near = able[_apart(led[able], each) < _SAME_GROUND]
        if len(near):
            best = int(near[shown[near].argmax()])
            groups[best].append(photo)
            seen = different[best]
            if len(seen) < _FEWEST and _shares(cells[seen], each).max(axis=1).min() > _OTHER_OBJECT:
                seen.append(photo)
        elif len(leaders) < _MOST_LEADERS:
            led[len(leaders)] = each
            if textures is not None:
                shown_to[len(leaders)] = textures[photo]
            leaders.append(photo)
            groups.append([photo])
            different.append([photo])
        else:
            left.append(photo)
    found = [np.array(group) for group, seen in zip(groups, different, strict=True) if len(seen) >= _FEWEST]
    left += [photo for group, seen in zip(groups, different, strict=True) if len(seen) < _FEWEST for photo in group]
    return found, np.array(sorted(left), np.int64)


def _cells(pictures: npt.NDArray[np.uint8] | Levels) -> Levels:
    """Mean luma in 8 x 8 cells, at least 1: float32 [n, 64]."""
    return np.maximum(luma(smaller(pictures, _CELLS)).reshape(len(pictures), -1), 1.0)


def _shares(leaders: Levels, cells: Levels) -> Levels:
    """How far each cell is from each leader's, in the same light, as a share of its level: the last axis is cells."""
    ratio = cells / leaders
    return np.asarray(np.abs(ratio / np.maximum(np.median(ratio, axis=-1, keepdims=True), 1e-6) - 1), np.float32)


def _apart(leaders: Levels, cells: Levels) -> npt.NDArray[np.float32]:
    """The same over half of the cells, which objects leave free."""
    if not len(leaders):
        return np.empty(0, np.float32)
    return np.asarray(np.median(_shares(leaders, cells), axis=-1), dtype=np.float32)


def _textures(pictures: npt.NDArray[np.uint8] | Levels) -> Levels:
    """Their textures, each of length 1: float32 [n, 4096]."""
    flat = np.stack([texture(luma(picture.astype(np.float32))).ravel() for picture in pictures])
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6), np.float32)


def _picture(sample: npt.NDArray[np.uint8], cells: Levels, group: npt.NDArray[np.int64]) -> Levels:
    """The mean of the middle two fifths of the levels at each pixel, with the light evened out, of up to 64 photos.

    A median would be rounded to whole levels, which fine texture shows.
    """
    some = group[:_FOR_PICTURE]
    light = np.median(cells[some] / cells[some[0]], axis=1)[:, None, None, None]
    levels = sample[some] * (light.mean() / np.maximum(light, 1e-6)).astype(np.float32)
    levels.sort(axis=0)
    low = int(0.3 * len(levels))
    return np.asarray(levels[low : max(int(0.7 * len(levels)), low + 1)].mean(axis=0), dtype=np.float32)
