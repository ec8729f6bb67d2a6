"""Shards to pixels: decoded ahead on all cores, in bounded memory, in a reproducible order."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scrapline.data import imaging, shards
from scrapline.data.imaging import Pixels, Preprocessing
from scrapline.data.shards import Sample
from scrapline.system.parallel import thread_map

_SHUFFLE_BUFFER = 4096


@dataclass(frozen=True)
class Decoded:
    """`images` uint8 [N, S, S, 3], `labels` int64 [N], and the images' ids."""

    image_ids: list[str]
    labels: npt.NDArray[np.int64]
    images: Pixels


def read(folder: Path, split: str, preprocessing: Preprocessing, batch_size: int) -> Iterator[Decoded]:
    """One split in id order; the last batch may be smaller."""
    return _batched(shards.read(folder, split), preprocessing, batch_size)


def read_shuffled(
    folder: Path, split: str, preprocessing: Preprocessing, batch_size: int, *, seed: int
) -> Iterator[Decoded]:
    """One split in an order drawn from `seed`, full batches only (unless the whole split is less than one)."""
    batches = _batched(_shuffled(shards.read(folder, split), random.Random(seed)), preprocessing, batch_size)
    for number, batch in enumerate(batches):
        if number == 0 or len(batch.labels) == batch_size:
            yield batch


def sample(folder: Path, split: str, preprocessing: Preprocessing, images: int) -> Pixels:
    """So many images of a split, uint8 [N, S, S, 3], evenly spread over its ids; all of them where there are fewer."""
    total = sum(row.split == split for row in shards.read_manifest(folder))
    chosen = set(np.linspace(0, total - 1, min(images, total)).round().astype(int).tolist())
    picked = (found for index, found in enumerate(shards.read(folder, split)) if index in chosen)
    return np.stack([pixels for _, pixels in thread_map(partial(_decode, preprocessing), picked, window=64)])


def _batched(samples: Iterable[Sample], preprocessing: Preprocessing, batch_size: int) -> Iterator[Decoded]:
    decoded = thread_map(partial(_decode, preprocessing), samples, window=2 * batch_size)
    while chunk := list(islice(decoded, batch_size)):
        images = np.stack([pixels for _, pixels in chunk])
        labels = np.array([sample.label for sample, _ in chunk], np.int64)
        yield Decoded([sample.image_id for sample, _ in chunk], labels, images)


def _decode(preprocessing: Preprocessing, sample: Sample) -> tuple[Sample, Pixels]:
    return sample, imaging.load(sample.data, preprocessing)


def _shuffled(samples: Iterable[Sample], rng: random.Random) -> Iterator[Sample]:
    """A shuffle that holds a bounded number of encoded images."""
    buffer: list[Sample] = []
    for sample in samples:
        buffer.append(sample)
        if len(buffer) > _SHUFFLE_BUFFER:
            index = rng.randrange(len(buffer))
            buffer[index], buffer[-1] = buffer[-1], buffer[index]
            yield buffer.pop()
    rng.shuffle(buffer)
    yield from buffer
