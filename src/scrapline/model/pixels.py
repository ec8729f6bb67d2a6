"""A split's photos as pixels, decoded once and kept on the disk, so that an epoch waits for arithmetic alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scrapline.cli.console import counter, info
from scrapline.data import decoding, shards
from scrapline.data.imaging import Pixels, Preprocessing
from scrapline.model import array_cache as cache
from scrapline.model import cache_key
from scrapline.model.array_cache import ArrayFile

_BATCH = 32


@dataclass(frozen=True)
class Photos:
    """`values` uint8 [1, N, S, S, 3], read from the disk as needed, and `labels` int64 [N]; in id order."""

    image_ids: list[str]
    values: Pixels
    labels: npt.NDArray[np.int64]


def photos(folder: Path, split: str, preprocessing: Preprocessing) -> Photos:
    """Every photo of a split, at `preprocessing.input_size`, from the cache where they are there and whole."""
    ids = [row.image_id for row in shards.read_manifest(folder) if row.split == split]
    key = {"what": "pixels"} | cache_key.of_photos(folder, split, preprocessing)
    if (cached := cache.load(cache.entry(key))) is None:
        cached = cache.make(key, lambda entry: _decode(entry, folder, split, preprocessing, len(ids)))
    else:
        info(f"{split} pixels: from the cache")
    return Photos(ids, *cached)


def _decode(entry: Path, folder: Path, split: str, preprocessing: Preprocessing, images: int) -> None:
    size = preprocessing.input_size
    labels = np.empty(images, dtype=np.int64)
    with (
        counter(f"{split} pixels, {size} x {size}", images) as advance,
        ArrayFile(entry / "values.npy", (1, images, size, size, 3), np.uint8) as values,
    ):
        start = 0
        for batch in decoding.read(folder, split, preprocessing, _BATCH):
            labels[start : start + len(batch.labels)] = batch.labels
            values.put(0, start, batch.images)
            start += len(batch.labels)
            advance(len(batch.labels))
    np.save(entry / "labels.npy", labels)
