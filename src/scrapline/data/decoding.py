"""Shards to pixels: decoded ahead on all cores, in bounded memory, in a reproducible order."""

from collections.abc import Collection, Iterable, Iterator
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


@dataclass(frozen=True)
class Decoded:
    """`images` uint8 [N, S, S, 3], `labels` int64 [N], and the images' ids."""

    image_ids: list[str]
    labels: npt.NDArray[np.int64]
    images: Pixels


def read(
    folder: Path,
    split: str,
    preprocessing: Preprocessing,
    batch_size: int,
    *,
    only: Collection[int] | None = None,
) -> Iterator[Decoded]:
    """One split in id order, or what stands at some positions of it; the last batch may be smaller."""
    chosen = None if only is None else set(only)
    samples = shards.read(folder, split)
    picked = (sample for position, sample in enumerate(samples) if chosen is None or position in chosen)
    return _batched(picked, preprocessing, batch_size)


def _batched(samples: Iterable[Sample], preprocessing: Preprocessing, batch_size: int) -> Iterator[Decoded]:
    decoded = thread_map(partial(_decode, preprocessing), samples, window=2 * batch_size)
    while chunk := list(islice(decoded, batch_size)):
        images = np.stack([pixels for _, pixels in chunk])
        labels = np.array([sample.label for sample, _ in chunk], np.int64)
        yield Decoded([sample.image_id for sample, _ in chunk], labels, images)


def _decode(preprocessing: Preprocessing, sample: Sample) -> tuple[Sample, Pixels]:
    return sample, imaging.load(sample.data, preprocessing)
