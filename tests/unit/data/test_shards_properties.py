"""What shards promise for any images, whatever their bytes, names and number."""

import string
import tempfile
from collections import defaultdict
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from scrapline.data import shards
from scrapline.data.shards import Row
from scrapline.data.splitting import SPLITS

Images = list[tuple[str, int]]
Content = tuple[str, str, int, bytes, str, str]  # id, split, label, bytes, suffix, path

MB = 1024 * 1024
MOST_AROUND = 2047  # what a tar file takes for an image and its label besides the image's bytes
MOST_AT_END = 20480

# No two of an example's ids share their first 16 bits, by which at most `plan` can part them.
IDS = st.builds(lambda start, rest: f"{start:04x}{rest:012x}", st.integers(0, 2**16 - 1), st.integers(0, 2**48 - 1))
NEAR_IDS = st.builds(lambda start, rest: f"{start:04x}{rest:012x}", st.integers(0, 99), st.integers(0, 2**48 - 1))
SIZES = st.integers(1, 400_000) | st.integers(1, 2 * MB)
IMAGES = st.integers(0, 40).flatmap(
    lambda number: st.lists(
        st.tuples(IDS | NEAR_IDS, SIZES), min_size=number, max_size=number, unique_by=lambda image: image[0][:4]
    )
)
NAMES = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=8)
PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
SUFFIXES = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=5).filter(lambda s: s != "cls")
CONTENTS = st.tuples(IDS, st.sampled_from(SPLITS), st.integers(0, 2), st.binary(max_size=1500), SUFFIXES, PATHS)


def shard_of(images: Images) -> dict[str, str]:
    ids, sizes = [image_id for image_id, _ in images], [size for _, size in images]
    return dict(zip(ids, shards.plan("train", ids, sizes, shard_mb=1), strict=True))


def members(shard_of_image: dict[str, str]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for image_id, shard in shard_of_image.items():
        found[shard].add(image_id)
    return found


def rows(contents: list[Content], classes: list[str]) -> list[Row]:
    made = []
    for split in sorted(SPLITS):
        inside = sorted(content for content in contents if content[1] == split)
        names = shards.plan(split, [i for i, *_ in inside], [len(data) for *_, data, _, _ in inside], shard_mb=1)
        for (image_id, _, label, data, _, path), shard in zip(inside, names, strict=True):
            name = classes[label % len(classes)]
            made.append(Row(image_id, name, split, image_id, 3, 2, len(data), f"{name}/{path}", shard))
    return made


@settings(deadline=None, max_examples=60)
@given(
    st.lists(CONTENTS, max_size=12, unique_by=lambda content: content[0]),
    st.lists(NAMES, min_size=1, max_size=3, unique=True),
)
def test_what_is_written_is_read_and_written_the_same_anywhere(contents: list[Content], classes: list[str]) -> None:
    stored = {image_id: (suffix, data) for image_id, _, _, data, suffix, _ in contents}
    expected = rows(contents, classes)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        for folder in (Path(one), Path(other)):
            shards.write(folder, expected, lambda row: stored[row.image_id], classes)
        assert shards.read_classes(Path(one)) == classes
        assert shards.read_manifest(Path(one)) == expected
        for split in {row.split for row in expected}:
            read = [(sample.image_id, sample.label, sample.data) for sample in shards.read(Path(one), split)]
            inside = [row for row in expected if row.split == split]
            assert read == [(r.image_id, classes.index(r.class_name), stored[r.image_id][1]) for r in inside]
        written = {path.name: path.read_bytes() for path in Path(one).iterdir()}
        assert written == {path.name: path.read_bytes() for path in Path(other).iterdir()}


@settings(deadline=None, max_examples=30)
@given(IMAGES)
def test_a_shard_file_is_no_larger_than_asked_unless_it_holds_a_single_image(images: Images) -> None:
    planned, sizes = shard_of(images), dict(images)
    content = [Row(i, "a", "train", i, 1, 1, sizes[i], f"a/{i}", planned[i]) for i in sorted(planned)]
    with tempfile.TemporaryDirectory() as folder:
        shards.write(Path(folder), content, lambda row: ("jpg", bytes(row.bytes)), ["a"])
        for name, inside in members(planned).items():
            assert len(inside) == 1 or (Path(folder) / name).stat().st_size <= MB


@settings(deadline=None, max_examples=60)
@given(IMAGES, st.randoms(use_true_random=False))
def test_names_are_in_the_order_of_the_ids_whatever_the_order_of_the_images(images: Images, rng: Random) -> None:
    planned = shard_of(images)
    assert shard_of(rng.sample(images, len(images))) == planned
    assert [planned[image_id] for image_id in sorted(planned)] == sorted(planned.values())


@settings(deadline=None, max_examples=150)
@given(IMAGES, IMAGES)
def test_more_images_change_only_the_shards_that_overflow(images: Images, more: Images) -> None:
    known = {image_id[:4] for image_id, _ in images}
    new = [(image_id, size) for image_id, size in more if image_id[:4] not in known]
    before, after = shard_of(images), shard_of(images + new)
    sizes = dict(images + new)
    old_ids = sorted(before)
    for name, inside in members(before).items():
        first, last = old_ids.index(min(inside)), old_ids.index(max(inside))
        low = old_ids[first - 1] if first else ""
        high = old_ids[last + 1] if last + 1 < len(old_ids) else "g"
        could_join = {image_id for image_id, _ in new if low < image_id < high}
        if sum(sizes[image_id] + MOST_AROUND for image_id in inside | could_join) + MOST_AT_END <= MB:
            assert {after[image_id] for image_id in inside} == {name}, "it did not overflow, and changed"
    for name, inside in members({image_id: after[image_id] for image_id in before}).items():
        came_from = {before[image_id] for image_id in inside}
        assert len(came_from) == 1, "two shards became one"
        assert name in came_from or name not in before.values(), "the name of another shard"
