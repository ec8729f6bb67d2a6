from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import jpeg, noise
from scrapline.data import imaging, learned
from scrapline.data.duplicates.thumbnails import SIZE
from scrapline.data.learned import Learned
from scrapline.data.sources import FolderSource, Item
from scrapline.prepare import quality
from scrapline.prepare.quality import Photo, Rejected


def examine(root: Path, path: str, tmp_path: Path, min_side: int = 32) -> Photo | Rejected:
    spool = tmp_path / "spool"
    spool.mkdir(exist_ok=True)
    examiner = quality.Examiner(FolderSource(root), spool, min_side, 512)
    (examined,) = examiner([Item(path.split("/")[0], path)])
    return examined.result


def photo(image_id: str, class_name: str, path: str) -> Photo:
    return Photo(image_id, class_name, path, 48, 40, 100, "jpg", False, thumbnail=0)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("zero.jpg", b"", "unreadable"),
        ("text.jpg", b"hello", "unreadable"),
        ("notes.txt", b"hello", "unsupported"),
        ("cut.jpg", jpeg(noise(1))[:-300], "truncated"),
        ("dot.png", jpeg(Image.new("RGB", (1, 1))), "too_small"),
    ],
)
def test_bad_files_are_quarantined_with_their_reason(tmp_path: Path, name: str, data: bytes, reason: str) -> None:
    (tmp_path / "glass").mkdir()
    (tmp_path / "glass" / name).write_bytes(data)
    result = examine(tmp_path, f"glass/{name}", tmp_path)
    assert isinstance(result, Rejected)
    assert (result.source_path, result.reason) == (f"glass/{name}", reason)
    assert result.detail


def test_a_photo_that_fits_stays_its_own_file_and_a_larger_one_becomes_a_fine_jpeg(tmp_path: Path) -> None:
    (tmp_path / "glass").mkdir()
    exif = Image.Exif()
    exif[0x0112] = 3
    (tmp_path / "glass/turned.jpg").write_bytes(jpeg(noise(1), exif=exif))
    noise(2).save(tmp_path / "glass/odd.bmp")
    noise(3, (900, 600)).save(tmp_path / "glass/large.png")
    turned, odd, large = (
        examine(tmp_path, f"glass/{name}", tmp_path) for name in ("turned.jpg", "odd.bmp", "large.png")
    )
    assert isinstance(turned, Photo)
    assert isinstance(odd, Photo)
    assert isinstance(large, Photo)
    assert (turned.spooled, turned.suffix) == (False, "jpg")
    assert (odd.spooled, odd.suffix) == (True, "png")
    assert (large.spooled, large.suffix, large.width, large.height) == (True, "jpg", 512, 341)
    with Image.open(tmp_path / "spool" / f"{odd.image_id}.png") as stored:
        np.testing.assert_array_equal(np.asarray(stored), np.asarray(noise(2)))
    with Image.open(tmp_path / "spool" / f"{large.image_id}.jpg") as stored:
        assert (stored.format, stored.size) == ("JPEG", (512, 341))
        assert [layer[1:3] for layer in stored.layer] == [(1, 1)] * 3  # 4:4:4


def test_identical_files_leave_the_one_that_ranks_first() -> None:
    photos = [
        photo("aa", "glass", "glass/2.jpg"),
        photo("aa", "glass", "glass/1.jpg"),
        photo("bb", "glass", "glass/3.jpg"),
    ]
    kept, rejected = quality.drop_doubles(photos, lambda p: 0)
    assert [p.source_path for p in kept] == ["glass/1.jpg", "glass/3.jpg"]
    assert [(r.source_path, r.reason) for r in rejected] == [("glass/2.jpg", "duplicate")]
    kept, _ = quality.drop_doubles(photos, lambda p: 0 if p.source_path == "glass/2.jpg" else 1)
    assert kept[0].source_path == "glass/2.jpg"


def test_identical_files_of_different_classes_are_all_quarantined() -> None:
    photos = [
        photo("aa", "glass", "glass/1.jpg"),
        photo("aa", "metal", "metal/1.jpg"),
        photo("bb", "metal", "metal/2.jpg"),
    ]
    kept, rejected = quality.drop_doubles(photos, lambda p: 0)
    assert [p.source_path for p in kept] == ["metal/2.jpg"]
    assert {(r.source_path, r.reason) for r in rejected} == {
        ("glass/1.jpg", "label_conflict"),
        ("metal/1.jpg", "label_conflict"),
    }


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Learned:
    monkeypatch.setattr(learned, "user_cache_folder", lambda: tmp_path / "cache")
    return Learned.open()


def test_what_is_known_of_an_images_bytes_is_not_found_out_again(
    tmp_path: Path, kept: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes under another name and class: a photo, one that is stored otherwise, and one that is too small."""
    first, second = tmp_path / "first/glass", tmp_path / "second/metal"
    for folder in (first, second):
        folder.mkdir(parents=True)
    noise(1).save(first / "odd.bmp")
    (first / "plain.jpg").write_bytes(jpeg(noise(2)))
    (first / "tiny.jpg").write_bytes(jpeg(noise(3, (20, 20))))
    for path in first.iterdir():
        (second / f"other {path.name}").write_bytes(path.read_bytes())
    (second / "other tiny.jpg").rename(second / "other tiny.txt")
    spools = [tmp_path / "spool 1", tmp_path / "spool 2"]
    for spool in spools:
        spool.mkdir()

    def look(root: Path, spool: Path, **settings: int) -> list[quality.Examination]:
        examiner = quality.Examiner(
            FolderSource(root), spool, **{"min_side": 32, "max_side": 512} | settings, learned=kept
        )
        return examiner(list(FolderSource(root).items()))

    odd, plain, tiny = look(first.parent, spools[0])
    monkeypatch.setattr(imaging, "decode", lambda *_, **__: pytest.fail("decoded again"))
    odd_again, plain_again, tiny_again = look(second.parent, spools[1])
    for before, after in ((odd, odd_again), (plain, plain_again)):
        assert isinstance(before.result, Photo)
        renamed = replace(before.result, class_name="metal", source_path=f"metal/other {before.result.source_path[6:]}")
        assert after == replace(before, result=renamed)
        assert len(after.thumbnail) == SIZE
    assert isinstance(tiny_again.result, Rejected)
    assert isinstance(tiny.result, Rejected)
    assert (tiny_again.result.source_path, tiny_again.result.detail) == ("metal/other tiny.txt", tiny.result.detail)
    assert [path.name for path in spools[1].iterdir()] == [path.name for path in spools[0].iterdir()]
    (stored,) = spools[1].iterdir()
    assert stored.read_bytes() == (spools[0] / stored.name).read_bytes()
    for other in ({"min_side": 33}, {"max_side": 511}, {"undeclared_bits": 12}):
        with pytest.raises(pytest.fail.Exception, match="decoded again"):
            look(first.parent, spools[0], **other)


def test_what_may_have_failed_for_want_of_memory_is_tried_again(
    tmp_path: Path, kept: Learned, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "raw/glass").mkdir(parents=True)
    (tmp_path / "raw/glass/1.jpg").write_bytes(jpeg(noise(1)))
    source = FolderSource(tmp_path / "raw")
    examiner = quality.Examiner(source, tmp_path, 32, 512, learned=kept)

    def fails(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as short_of_memory:
        short_of_memory.setattr(imaging.jpeg, "sound", fails)
        (failed,) = examiner(list(source.items()))
    assert isinstance(failed.result, Rejected)
    (examined,) = examiner(list(source.items()))
    assert isinstance(examined.result, Photo)
