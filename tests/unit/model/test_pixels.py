"""Pixels that are kept are those that decoding gives, and are decoded once."""

from pathlib import Path

import numpy as np
import pytest

from conftest import CLASSES, jpeg, noise
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model import pixels


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "prepared"
    folder.mkdir()
    images = {f"{n:016x}": jpeg(noise(n)) for n in range(40)}
    rows = [
        shards.Row(i, CLASSES[n % 2], "train", i, 48, 40, len(images[i]), f"x/{i}.jpg", "train-000000.tar")
        for n, i in enumerate(images)
    ]
    shards.write(folder, rows, lambda row: ("jpg", images[row.image_id]), list(CLASSES))
    return folder


@pytest.mark.parametrize("size", [32, 37])
def test_they_are_what_decoding_gives(prepared: Path, size: int) -> None:
    preprocessing = Preprocessing(input_size=size, max_side=512)
    batches = list(decoding.read(prepared, "train", preprocessing, 7))
    for _ in range(2):  # decoded, and then from the cache
        kept = pixels.photos(prepared, "train", preprocessing)
        np.testing.assert_array_equal(kept.values[0], np.concatenate([batch.images for batch in batches]))
        np.testing.assert_array_equal(kept.labels, np.concatenate([batch.labels for batch in batches]))
        assert kept.image_ids == [image_id for batch in batches for image_id in batch.image_ids]
        assert kept.values.dtype == np.uint8


def test_they_are_decoded_once_and_again_where_photos_or_their_size_change(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []
    read = decoding.read

    def note(folder: Path, split: str, preprocessing: Preprocessing, batch: int) -> object:
        sizes.append(preprocessing.input_size)
        return read(folder, split, preprocessing, batch)

    monkeypatch.setattr(decoding, "read", note)
    for size in (32, 32, 40, 32):
        pixels.photos(prepared, "train", Preprocessing(input_size=size, max_side=512))
    assert sizes == [32, 40]
    rows = shards.read_manifest(prepared)
    other = jpeg(noise(99))
    shards.write(prepared, rows, lambda row: ("jpg", other), list(CLASSES))
    pixels.photos(prepared, "train", Preprocessing(input_size=32, max_side=512))
    assert sizes == [32, 40, 32]
