import hashlib
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import jpeg, noise
from scrapline import params
from scrapline.data.class_names import check_class_names
from scrapline.data.duplicates.thumbnails import SIZE, thumbnail
from scrapline.data.learned import NOTHING
from scrapline.data.own_groups import OwnGroups
from scrapline.data.sources import FolderSource, Item, count
from scrapline.data.user_tables import Table
from scrapline.params import Data, SplitScheme
from scrapline.paths import PAIRS, PINS
from scrapline.prepare import cleaning, dataset
from scrapline.prepare.cleaning import Cleaned, Examined, StoredBytes
from scrapline.prepare.handwritten import Handwritten
from scrapline.prepare.quality import Photo, Rejected
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import process_map

ROOT = Path(__file__).parents[3]
NOTHING_WRITTEN = Handwritten(Table(PAIRS, [], ()), Table(PINS, [], ()), OwnGroups())


@pytest.fixture
def data() -> Data:
    return params.load(ROOT / "params.yaml").data


def source(tmp_path: Path, *classes: str) -> FolderSource:
    for name in classes:
        (tmp_path / "raw" / name).mkdir(parents=True)
    return FolderSource(tmp_path / "raw")


def test_examining_keeps_the_order_of_the_source_and_one_copy_of_each_class_name(tmp_path: Path, data: Data) -> None:
    folder = source(tmp_path, "glass", "metal")
    for number, path in enumerate(("glass/2.jpg", "glass/1.jpg", "metal/1.jpg")):
        (folder.root / path).write_bytes(jpeg(noise(number)))
    (folder.root / "metal/2.jpg").write_bytes(b"no image")
    examined = cleaning.examine(folder, tmp_path, data, NOTHING)
    assert [photo.source_path for photo in examined.photos] == ["glass/1.jpg", "glass/2.jpg", "metal/1.jpg"]
    assert [entry.source_path for entry in examined.rejected] == ["metal/2.jpg"]
    assert examined.images == 4
    assert examined.photos[0].class_name is examined.photos[1].class_name


def test_a_class_without_a_usable_photo_is_named_with_the_reason(tmp_path: Path, data: Data) -> None:
    folder = source(tmp_path, "glass", "metal")
    photos = [record(folder, number, "glass") for number in range(4)]
    examined = Examined(photos, [Rejected("metal/1.jpg", "truncated", "cut short")], 5, "digest")
    with pytest.raises(ScraplineError, match=r"class `metal` has no usable photo \(1 truncated\)"):
        cleaning.clean(examined, StoredBytes(folder, tmp_path), data, seed=7, lists=None, written=NOTHING_WRITTEN)


def test_split_lists_that_name_a_missing_file_are_refused(tmp_path: Path, data: Data) -> None:
    folder = source(tmp_path, "glass", "metal")
    for split, line in {"train": "glass/000000.jpg", "val": "glass/gone.jpg", "test": ""}.items():
        (tmp_path / f"{split}.txt").write_text(line)
    examined = Examined([record(folder, 0, "glass")], [], 1, "digest")
    with pytest.raises(ScraplineError, match=r"1 file that the source has not, the first `glass/gone.jpg`"):
        cleaning.clean(examined, StoredBytes(folder, tmp_path), data, seed=7, lists=tmp_path, written=NOTHING_WRITTEN)


def test_a_leak_is_quarantined_by_the_split_that_it_would_leak_into(tmp_path: Path, data: Data) -> None:
    """Near-duplicates: 0 of a test photo, 1 of a validation photo; the validation photo 4 is one of the test photo."""
    folder = source(tmp_path, "glass")
    (tmp_path / "train.txt").write_text("glass/000000.jpg\nglass/000001.jpg\nglass/000005.jpg\n")
    (tmp_path / "val.txt").write_text("glass/000002.jpg\nglass/000004.jpg\n")
    (tmp_path / "test.txt").write_text("glass/000003.jpg\n")
    photos = [record(folder, number, "glass") for number in range(6)]
    same = {0: 3, 1: 2, 4: 3}
    (tmp_path / cleaning.THUMBNAILS).write_bytes(b"".join(small(noise(same.get(n, n))) for n in range(6)))
    lists = data.model_copy(update={"split": data.split.model_copy(update={"scheme": SplitScheme.LISTS})})
    reader = StoredBytes(folder, tmp_path)
    cleaned = cleaning.clean(
        Examined(photos, [], 6, "digest"), reader, lists, seed=7, lists=tmp_path, written=NOTHING_WRITTEN
    )
    assert {(entry.source_path, entry.reason) for entry in cleaned.rejected} == {
        ("glass/000000.jpg", "leaks_into_test"),
        ("glass/000001.jpg", "leaks_into_val"),
        ("glass/000004.jpg", "leaks_into_test"),
    }


def test_memory_grows_by_less_than_1400_bytes_an_image(tmp_path: Path, data: Data) -> None:
    folder = source(tmp_path, "glass", "metal")
    few, many = (peak_bytes(folder, tmp_path / str(count), data, count) for count in (2000, 6000))
    assert 0 < (many - few) / 4000 < 1400


def peak_bytes(folder: FolderSource, out: Path, data: Data, count: int) -> int:
    """The most that Python holds at once while it cleans, splits and writes `count` photos, examined before."""
    out.mkdir()
    tracemalloc.start()
    try:
        photos = [record(folder, number, ("glass", "metal")[number % 2]) for number in range(count)]
        with (out / cleaning.THUMBNAILS).open("wb") as thumbnails:
            thumbnails.truncate(SIZE * count)
        reader = Constant(folder, out)
        cleaned: Cleaned = cleaning.clean(
            Examined(photos, [], count, "digest"), reader, data, seed=7, lists=None, written=NOTHING_WRITTEN
        )
        dataset.write_shards(out, cleaned, reader, data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


class Constant(StoredBytes):
    def __call__(self, photo: Photo) -> bytes:
        return bytes(photo.stored_bytes)


def small(image: Image.Image) -> bytes:
    return thumbnail(np.asarray(image)).tobytes()


def record(folder: FolderSource, number: int, class_name: str) -> Photo:
    """A photo as it comes from a worker."""
    image_id = hashlib.sha256(str(number).encode()).hexdigest()[:16]
    item = Item(class_name, f"{class_name}/{number:06d}.jpg")
    photo = Photo(image_id, class_name, item.path, 320, 240, 600, "jpg", False, -1)
    return cleaning.owned(pickle.loads(pickle.dumps(photo)), item, number)


def test_a_killed_worker_is_one_line() -> None:
    with pytest.raises(ScraplineError, match="killed from outside"):
        list(process_map(os._exit, [9]))


@pytest.mark.parametrize("name", ["residue", "manual_review"])
def test_a_class_cannot_take_the_name_of_a_bin(name: str) -> None:
    with pytest.raises(ScraplineError, match=f"`{name}` is a bin"):
        check_class_names(["glass", name], "data/raw")


def test_an_empty_class_and_a_name_that_is_no_text_are_named(tmp_path: Path) -> None:
    folder = source(tmp_path, "glass", "metal")
    (folder.root / "glass/1.jpg").write_bytes(b"")
    with pytest.raises(ScraplineError, match="class `metal` has no usable photo"):
        count(folder)
    Path(os.fsdecode(os.fsencode(folder.root / "metal") + b"/caf\xe9.jpg")).write_bytes(b"")
    with pytest.raises(ScraplineError, match="is no plain text: rename the file"):
        count(folder)
