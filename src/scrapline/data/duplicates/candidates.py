"""Which pairs of photos are worth a close look: neighbours among coarse descriptors, turned, mirrored and cropped."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import faiss
import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from scrapline.cli.console import counter
from scrapline.data.duplicates import orientations
from scrapline.data.duplicates.thumbnails import SIDE, Levels, Thumbnails
from scrapline.system.parallel import cores

_FREQUENCIES = 8
_CHROMA_FREQUENCIES = 4
_SHRINKAGE = 0.1
_DIMENSIONS = 48
_NEAREST = 4
_PER_PHOTO = 4
_SAMPLE = 4096
# Fewer photos do not tell what all photos share: they may all be copies of one.
_FEWEST_TO_WHITEN = 64
_BLOCK = 256
# Up to here every pair's descriptors are compared; past it, those of the cells nearest to each.
_EXACT_UP_TO = 4_000
_PHOTOS_PER_CELL = 80
_CELLS_LOOKED_INTO = 16

_YCC = np.array([[0.299, 0.587, 0.114], [0.5, -0.4187, -0.0813], [-0.1687, -0.3313, 0.5]], np.float32).T
_SIGNS = np.array([(-1) ** frequency for frequency in range(_FREQUENCIES)], np.float32)
_LUMA_AT = np.array([(y, x) for y in range(_FREQUENCIES) for x in range(_FREQUENCIES - y)][1:])
_CHROMA_AT = np.array([(y, x) for y in range(_CHROMA_FREQUENCIES) for x in range(_CHROMA_FREQUENCIES - y)])
_LENGTH = len(_LUMA_AT) + 2 * len(_CHROMA_AT)


Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Kind:
    """A descriptor of the middle `share` of a picture's sides; neighbours have at least `similar` of it in common.

    A photo is sought in eight orientations and in each of the `crops`, by which that share is less.
    """

    share: float
    crops: tuple[float, ...]
    similar: float


# Of a copy cropped by up to a tenth, one of the crops shows nearly the same as the original. The middle shows no stamp.
_KINDS = (Kind(1.0, (1.0, 0.95, 0.9), 0.67), Kind(0.75, (1.0,), 0.72))


@dataclass(frozen=True)
class Whitening:
    """Makes what all photos share count little: v -> (v - mean) @ axes, scaled to length 1."""

    mean: Levels
    axes: Levels

    def __call__(self, vectors: Levels) -> Levels:
        """Whiten float32 [n, d]."""
        turned = (vectors - self.mean) @ self.axes
        return np.asarray(turned / np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-6), np.float32)


def find_candidates(thumbnails: Thumbnails) -> Pairs:
    """Pairs of photos with similar descriptors, int64 [n, 3], each once per orientation, in order.

    A row holds the photos' numbers, the smaller first, and the orientation in which the second looks like the first.
    A descriptor holds the lowest frequencies of the cosine transform (35 of luma, 20 of chroma), whitened over the
    photos and scaled to length 1; one of the whole picture and one of its middle. Each photo is sought in eight
    orientations, the whole one in three crops as well; of its neighbours by each it keeps the 4 most similar.
    Exact up to 4,000 photos; past that by an inverted file of faiss.
    """
    count = len(thumbnails)
    faiss.omp_set_num_threads(cores())
    seekers = [Seeker.of(kind, thumbnails) for kind in _KINDS]
    found = [np.empty(0, np.int64)]
    with counter("looking for similar images", count) as advance:
        for start in range(0, count, _BLOCK):
            block = thumbnails.block(start, start + _BLOCK)
            near = set().union(*(seeker.near(block, start) for seeker in seekers))
            # One number a pair, so that a million of them stay small.
            rows = np.array(sorted(near), np.int64).reshape(-1, 3)
            found.append((rows[:, 0] * count + rows[:, 1]) * orientations.COUNT + rows[:, 2])
            advance(len(block))
    pairs, orientation = np.divmod(np.unique(np.concatenate(found)), orientations.COUNT)
    return np.stack([*np.divmod(pairs, count), orientation], axis=1)


@dataclass(frozen=True)
class Seeker:
    """An index of one kind of descriptor, and how to make them."""

    kind: Kind
    whitening: Whitening
    index: faiss.Index

    @classmethod
    def of(cls, kind: Kind, thumbnails: Thumbnails) -> "Seeker":
        """All photos' descriptors of a kind."""
        whitening = _whitening(thumbnails, kind)
        return cls(kind, whitening, _index(thumbnails, whitening, kind))

    def near(self, block: npt.NDArray[np.uint8], start: int) -> set[tuple[int, int, int]]:
        """The pairs of a block's photos with their neighbours: (smaller number, larger number, orientation)."""
        kind = self.kind
        ways = [(crop, way) for crop in kind.crops for way in range(orientations.COUNT)]
        levels = block.astype(np.float32)
        spectra = {crop: _spectra(levels, kind.share * crop) for crop in kind.crops}
        queries = np.concatenate([self.whitening(_vectors(_turned(spectra[crop], way))) for crop, way in ways])
        nearest = min(_NEAREST + 1, self.index.ntotal)
        similarity, neighbour = self.index.search(queries, nearest)
        others = neighbour.reshape(len(ways), len(block), nearest)
        numbers = np.arange(start, start + len(block))[:, None]
        hits = (similarity.reshape(others.shape) >= kind.similar) & (others >= 0) & (others != numbers)
        best: defaultdict[int, dict[tuple[int, int], float]] = defaultdict(dict)
        for way, place, rank in np.argwhere(hits).tolist():
            key = int(others[way, place, rank]), ways[way][1]
            score = float(similarity[way * len(block) + place, rank])
            best[start + place][key] = max(score, best[start + place].get(key, -1.0))
        found = set()
        for photo, scores in best.items():
            for other, orientation in sorted(scores, key=lambda key: (-scores[key], key))[:_PER_PHOTO]:
                if other < photo:  # this photo, oriented, resembles the other
                    found.add((other, photo, orientation))
                else:
                    found.add((photo, other, orientations.INVERSE[orientation]))
        return found


def _whitening(thumbnails: Thumbnails, kind: Kind) -> Whitening:
    sample = range(0, min(_SAMPLE, len(thumbnails)), _BLOCK)
    if len(thumbnails) < _FEWEST_TO_WHITEN:
        return Whitening(np.zeros(_LENGTH, np.float32), np.eye(_LENGTH, _DIMENSIONS, dtype=np.float32))
    vectors = np.concatenate([_vectors(_spectra(thumbnails.block(at, at + _BLOCK), kind.share)) for at in sample])
    mean = vectors.mean(axis=0)
    values, axes = np.linalg.eigh((vectors - mean).T @ (vectors - mean) / len(vectors))
    values, axes = values[::-1][:_DIMENSIONS].clip(0), axes[:, ::-1][:, :_DIMENSIONS]
    return Whitening(mean, np.asarray(axes / np.sqrt(values + _SHRINKAGE * values.mean() + 1e-12), dtype=np.float32))


def _index(thumbnails: Thumbnails, whitening: Whitening, kind: Kind) -> faiss.Index:
    count = len(thumbnails)
    index: faiss.Index = faiss.IndexFlatIP(_DIMENSIONS)
    if count > _EXACT_UP_TO:
        cells = count // _PHOTOS_PER_CELL
        half = faiss.ScalarQuantizer.QT_fp16  # half of the memory, and faster; one candidate in 1,000 is another
        index = faiss.IndexIVFScalarQuantizer(index, _DIMENSIONS, cells, half, faiss.METRIC_INNER_PRODUCT, False)
        index.nprobe = _CELLS_LOOKED_INTO
        step = max(1, count // (40 * cells))
        faiss.omp_set_num_threads(1)  # sums in another order would make other cells
        index.train(np.concatenate(list(_described(thumbnails, whitening, kind, step))))
        faiss.omp_set_num_threads(cores())
    for vectors in _described(thumbnails, whitening, kind, 1):
        index.add(vectors)
    return index


def _described(thumbnails: Thumbnails, whitening: Whitening, kind: Kind, step: int) -> Iterator[Levels]:
    for start in range(0, len(thumbnails), _BLOCK * step):
        stop = min(start + _BLOCK * step, len(thumbnails))
        block = np.stack([thumbnails[photo] for photo in range(start, stop, step)])
        yield whitening(_vectors(_spectra(block, kind.share)))


def _cosines(share: float) -> Levels:
    """The transform's lowest frequencies of the middle share of a line, float32 [frequencies, 64]."""
    centre = (SIDE - 1) / 2
    middle = cv2.warpAffine(
        np.eye(SIDE, dtype=np.float32),
        np.array([[1, 0, 0], [0, share, centre - share * centre]], np.float32),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(dct(np.eye(SIDE), axis=0, norm="ortho")[:_FREQUENCIES] @ middle, dtype=np.float32)


_COSINES = {kind.share * crop: _cosines(kind.share * crop) for kind in _KINDS for crop in kind.crops}


def _spectra(thumbnails: npt.NDArray[np.uint8] | Levels, share: float) -> Levels:
    """The lowest frequencies of luma and chroma in the middle share of pictures: float32 [n, 8, 8, 3], by y and x."""
    cosines = _COSINES[share]
    tall = cosines @ thumbnails.astype(np.float32, copy=False).reshape(len(thumbnails), SIDE, -1)  # n, ky, x and rgb
    both = tall.reshape(-1, SIDE, 3).swapaxes(1, 2) @ cosines.T  # n and ky, rgb, kx
    split = both.reshape(len(thumbnails), _FREQUENCIES, 3, _FREQUENCIES).swapaxes(2, 3)
    return np.asarray(split @ _YCC, dtype=np.float32)


def _turned(spectra: Levels, orientation: int) -> Levels:
    """The spectra of the pictures in another orientation."""
    turned = spectra.swapaxes(1, 2) if orientation & 4 else spectra
    turned = turned * _SIGNS[:, None] if orientation & 1 else turned
    return turned * _SIGNS[:, None, None] if orientation & 2 else turned


def _vectors(spectra: Levels) -> Levels:
    vectors = np.concatenate(
        [
            spectra[:, _LUMA_AT[:, 0], _LUMA_AT[:, 1], 0],
            spectra[:, _CHROMA_AT[:, 0], _CHROMA_AT[:, 1], 1],
            spectra[:, _CHROMA_AT[:, 0], _CHROMA_AT[:, 1], 2],
        ],
        axis=1,
    )
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), np.float32)
