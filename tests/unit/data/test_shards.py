import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapline.data import shards
from scrapline.data.shards import Row
from scrapline.system.errors import ScraplineError


def rows(split: str, numbers: range, shard: str) -> list[Row]:
    return [Row(f"{n:016x}", "ab"[n % 2], split, f"{n:016x}", 48, 40, 3, f"x/{n}.jpg", shard) for n in numbers]


def write(folder: Path) -> Path:
    folder.mkdir()
    content = rows("test", range(3), "test-000000.tar") + rows("train", range(10, 14), "train-000000.tar")
    shards.write(folder, content, lambda row: ("jpg", row.image_id[-3:].encode()), ["a", "b"])
    return folder


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    read = [(s.image_id, s.label, s.data) for s in shards.read(folder, "train")]
    assert read == [(f"{n:016x}", n % 2, f"{n:x}".zfill(3).encode()) for n in range(10, 14)]
    assert shards.read_classes(folder) == ["a", "b"]
    assert [row.image_id for row in shards.read_manifest(folder) if row.split == "test"] == [
        f"{n:016x}" for n in range(3)
    ]


def test_the_same_images_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(tmp_path / "one"), write(tmp_path / "two")
    for path in sorted(first.iterdir()):
        assert path.read_bytes() == (second / path.name).read_bytes(), path.name


def test_damage_and_absence_are_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    with pytest.raises(ScraplineError, match="no val shards"):
        list(shards.read(folder, "val"))
    shard = folder / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:700])
    with pytest.raises(ScraplineError, match=r"train-000000\.tar is damaged"):
        list(shards.read(folder, "train"))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=40), st.integers(0, 2**32))
def test_shards_stay_below_their_size_and_in_order(sizes: list[int], salt: int) -> None:
    ids = sorted(hashlib.sha256(f"{salt} {n}".encode()).hexdigest()[:16] for n in range(len(sizes)))
    names = shards.plan("train", ids, sizes, shard_mb=1)
    assert names == sorted(names)
    for name in set(names):
        assert sum(size for size, n in zip(sizes, names, strict=True) if n == name) <= 1024 * 1024


def test_an_image_larger_than_a_shard_does_not_scatter_the_others() -> None:
    ids = sorted(hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in range(300))
    names = shards.plan("train", ids, [2_000_000, *[2_000] * 299], shard_mb=1)
    assert len(set(names)) < 300
    assert names.count(names[0]) == 1


def test_adding_an_image_changes_one_shard() -> None:
    ids = [f"{(n * 0x9E3779B97F4A7C15) % 2**64:016x}" for n in range(400)]
    before = dict(zip(ids, shards.plan("train", ids, [20_000] * 400, shard_mb=1), strict=True))
    more = [*ids, "8000000000000001"]
    after = dict(zip(more, shards.plan("train", more, [20_000] * 401, shard_mb=1), strict=True))
    assert len(set(before.values())) > 4
    assert {image: after[image] for image in ids} == before


def test_a_shard_that_overflows_becomes_two_and_no_other_changes() -> None:
    ids = sorted(hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in range(200))
    before = dict(zip(ids, shards.plan("train", ids, [20_000] * 200, shard_mb=1), strict=True))
    full = before[ids[0]]
    more = sorted([*ids, *(f"{n:016x}" for n in range(40))])
    after = dict(zip(more, shards.plan("train", more, [20_000] * 240, shard_mb=1), strict=True))
    moved = {image for image in ids if after[image] != before[image]}
    assert {before[image] for image in moved} == {full}


def test_a_model_of_other_classes_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "p")
    shards.check_classes(folder, ["a", "b"], Path("m.pth"))
    with pytest.raises(ScraplineError, match=r"m\.pth knows the classes a, c, but .* holds a, b: train it on them"):
        shards.check_classes(folder, ["a", "c"], Path("m.pth"))
