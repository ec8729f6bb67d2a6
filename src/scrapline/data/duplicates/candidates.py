"""Which pairs of photos are worth a close look: neighbours among coarse descriptors, turned, mirrored and cropped."""

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

# Of a copy cropped by up to a tenth, one of these shares of the original's sides shows nearly the same.
_CROPS = (1.0, 0.95, 0.9)
_FREQUENCIES = 10
_CHROMA_FREQUENCIES = 4
_SHRINKAGE = 0.1
_DIMENSIONS = 64
_NEAREST = 4
_PER_PHOTO = 8
# Between whitened descriptors; nearly all copies have more.
_SIMILAR = 0.55
_SAMPLE = 4096
# Fewer photos do not tell what all photos share: they may all be copies of one.
_FEWEST_TO_WHITEN = 64
_BLOCK = 256
# Up to here every pair's descriptors are compared; past it, those of the cells nearest to each.
_EXACT_UP_TO = 20_000
_PHOTOS_PER_CELL = 80
_CELLS_LOOKED_INTO = 24

_YCC = np.array([[0.299, 0.587, 0.114], [0.5, -0.4187, -0.0813], [-0.1687, -0.3313, 0.5]], np.float32).T
_SIGNS = np.array([(-1) ** frequency for frequency in range(_FREQUENCIES)], np.float32)
_LUMA_AT = np.array([(y, x) for y in range(_FREQUENCIES) for x in range(_FREQUENCIES - y)][1:])
_CHROMA_AT = np.array([(y, x) for y in range(_CHROMA_FREQUENCIES) for x in range(_CHROMA_FREQUENCIES - y)])
_LENGTH = len(_LUMA_AT) + 2 * len(_CHROMA_AT)


Pairs = npt.NDArray[np.int64]


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
    A descriptor holds the lowest frequencies of the cosine transform (54 of luma, 20 of chroma), whitened over the
    photos and scaled to length 1. Each photo is sought in eight orientations and three crops; of all its neighbours it
    keeps the 8 most similar. Exact up to 20,000 photos; past that by an inverted file of faiss.
    """
    count = len(thumbnails)
    faiss.omp_set_num_threads(cores())
    whitening = _whitening(thumbnails)
    index = _index(thumbnails, whitening)
    found = [np.empty(0, np.int64)]
    with counter("looking for similar images", count) as advance:
        for start in range(0, count, _BLOCK):
            block = thumbnails.block(start, start + _BLOCK)
            # One number a pair, so that a million of them stay small.
            rows = np.array(sorted(_near(block, start, whitening, index)), np.int64).reshape(-1, 3)
            found.append((rows[:, 0] * count + rows[:, 1]) * orientations.COUNT + rows[:, 2])
            advance(len(block))
    pairs, orientation = np.divmod(np.unique(np.concatenate(found)), orientations.COUNT)
    return np.stack([*np.divmod(pairs, count), orientation], axis=1)


def _near(
    block: npt.NDArray[np.uint8], start: int, whitening: Whitening, index: faiss.Index
) -> set[tuple[int, int, int]]:
    """The pairs of a block's photos with their neighbours: (smaller number, larger number, orientation)."""
    ways = [(crop, orientation) for crop in _CROPS for orientation in range(orientations.COUNT)]
    spectra = {crop: _spectra(block, crop) for crop in _CROPS}
    queries = np.concatenate([whitening(_vectors(_turned(spectra[crop], way))) for crop, way in ways])
    nearest = min(_NEAREST + 1, index.ntotal)
    similarity, neighbour = index.search(queries, nearest)
    similarity = similarity.reshape(len(ways), len(block), nearest)
    neighbour = neighbour.reshape(len(ways), len(block), nearest)
    found = set()
    for place in range(len(block)):
        photo = start + place
        best: dict[tuple[int, int], float] = {}
        for way, (_, orientation) in enumerate(ways):
            for other, score in zip(neighbour[way, place].tolist(), similarity[way, place].tolist(), strict=True):
                if other not in (photo, -1) and score >= _SIMILAR:
                    best[other, orientation] = max(score, best.get((other, orientation), -1.0))
        ranked = sorted(best, key=lambda key: (-best[key], key))[:_PER_PHOTO]
        for other, orientation in ranked:  # this photo, oriented, resembles the other
            if other < photo:
                found.add((other, photo, orientation))
            else:
                found.add((photo, other, orientations.INVERSE[orientation]))
    return found


def _whitening(thumbnails: Thumbnails) -> Whitening:
    sample = range(0, min(_SAMPLE, len(thumbnails)), _BLOCK)
    if len(thumbnails) < _FEWEST_TO_WHITEN:
        return Whitening(np.zeros(_LENGTH, np.float32), np.eye(_LENGTH, _DIMENSIONS, dtype=np.float32))
    vectors = np.concatenate([_vectors(_spectra(thumbnails.block(at, at + _BLOCK), 1.0)) for at in sample])
    mean = vectors.mean(axis=0)
    values, axes = np.linalg.eigh((vectors - mean).T @ (vectors - mean) / len(vectors))
    values, axes = values[::-1][:_DIMENSIONS].clip(0), axes[:, ::-1][:, :_DIMENSIONS]
    return Whitening(mean, np.asarray(axes / np.sqrt(values + _SHRINKAGE * values.mean() + 1e-12), dtype=np.float32))


def _index(thumbnails: Thumbnails, whitening: Whitening) -> faiss.Index:
    count = len(thumbnails)
    index: faiss.Index = faiss.IndexFlatIP(_DIMENSIONS)
    if count > _EXACT_UP_TO:
        cells = count // _PHOTOS_PER_CELL
        index = faiss.IndexIVFFlat(index, _DIMENSIONS, cells, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = _CELLS_LOOKED_INTO
        step = -(-count // (40 * cells))
        faiss.omp_set_num_threads(1)  # sums in another order would make other cells
        index.train(np.concatenate(list(_described(thumbnails, whitening, step))))
        faiss.omp_set_num_threads(cores())
    for vectors in _described(thumbnails, whitening, 1):
        index.add(vectors)
    return index


def _described(thumbnails: Thumbnails, whitening: Whitening, step: int) -> Iterator[Levels]:
    for start in range(0, len(thumbnails), _BLOCK * step):
        stop = min(start + _BLOCK * step, len(thumbnails))
        block = np.stack([thumbnails[photo] for photo in range(start, stop, step)])
        yield whitening(_vectors(_spectra(block, 1.0)))


def _cosines(crop: float) -> Levels:
    """The transform's lowest frequencies of the middle `crop` of a line, float32 [frequencies, 64]."""
    centre = (SIDE - 1) / 2
    middle = cv2.warpAffine(
        np.eye(SIDE, dtype=np.float32),
        np.array([[1, 0, 0], [0, crop, centre - crop * centre]], np.float32),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(dct(np.eye(SIDE), axis=0, norm="ortho")[:_FREQUENCIES] @ middle, dtype=np.float32)


_COSINES = {crop: _cosines(crop) for crop in _CROPS}


def _spectra(thumbnails: npt.NDArray[np.uint8], crop: float) -> Levels:
    """Luma's and chroma's lowest frequencies: float32 [n, 10, 10, 3], by y and x."""
    cosines = _COSINES[crop]
    tall = np.tensordot(thumbnails.astype(np.float32), cosines, axes=(1, 1))  # n, x, rgb, ky
    both = np.tensordot(tall, cosines, axes=(1, 1))  # n, rgb, ky, kx
    return np.asarray(both.transpose(0, 2, 3, 1) @ _YCC, dtype=np.float32)


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
