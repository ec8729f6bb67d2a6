"""Photos come, go and change class: each a version of the data that says what it changed and can be gone back from."""

import csv
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from conftest import CLASSES, jpeg, noise
from pipeline.conftest import STAGES, Clone

SIZE = (512, 512)


def add_photos(folder: Path, first: int, number: int, tint: tuple[int, int, int]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(first, first + number):
        (folder / f"{folder.name}-{index:03d}.jpg").write_bytes(jpeg(noise(7000 + index, SIZE, tint), quality=97))


def manifest(clone: Clone) -> dict[str, dict[str, str]]:
    with (clone.root / "data/prepared/manifest.csv").open(encoding="utf-8", newline="") as stream:
        return {row["image_id"]: row for row in csv.DictReader(stream)}


def shards(clone: Clone) -> dict[str, tuple[bytes, set[str]]]:
    """Bytes and image ids of every shard."""
    found = {}
    for path in (clone.root / "data/prepared").glob("*.tar"):
        with tarfile.open(path) as tar:
            found[path.name] = (path.read_bytes(), {Path(name).stem for name in tar.getnames()})
    return found


def check(clone: Clone) -> list[str]:
    """What `check` says besides that all is well."""
    return [line.strip() for line in clone.run("python", "src/data_preparation.py", "check").splitlines()[1:]]


def new_version(clone: Clone, message: str) -> list[str]:
    """Version data/raw, reproduce and commit; which stages ran."""
    clone.run("dvc", "add", "-q", "data/raw")
    ran = clone.repro()
    clone.commit(message)
    return ran


def data_diff(clone: Clone) -> dict[str, Any]:
    """What `dvc metrics diff` says of the numbers of photos since the commit before."""
    said = clone.run("dvc", "metrics", "diff", "HEAD^", "HEAD", "--json").splitlines()[0]
    changed = json.loads(said)["results/summary.json"]
    return {name.removeprefix("data."): (c.get("old"), c.get("new")) for name, c in changed.items() if "data." in name}


def class_sizes(clone: Clone) -> dict[str, int]:
    """How many photos of each class were kept."""
    classes = json.loads(clone.read("results/preparation/report.json"))["classes"]
    return {name: sum(splits.values()) for name, splits in classes.items()}


@pytest.fixture(scope="module")
def clone(own: Clone) -> Clone:
    """Enough photos for several shards of 1 MB, each class's own tint, committed as `v1`."""
    clone = own.fork("versions")
    shutil.rmtree(clone.root / "data/raw")
    for number, name in enumerate(CLASSES):
        add_photos(clone.root / "data/raw" / name, 1000 * number, 60, (0, 0, 110) if name == "blue" else (110, 0, 0))
    clone.change("params.yaml", lambda params: params["data"].update(shard_mb=1))
    assert new_version(clone, "v1") == list(STAGES)
    clone.run("git", "tag", "v1")
    return clone


@pytest.fixture
def v1(clone: Clone) -> Clone:
    """The clone at v1."""
    clone.run("git", "checkout", "-q", "--detach", "v1")
    clone.restore()
    return clone


def test_fifty_more_photos_move_no_other_and_change_only_the_shards_they_fall_into(v1: Clone) -> None:
    before, old_shards, outs = manifest(v1), shards(v1), v1.outs()
    assert sum(name.startswith("train") for name in old_shards) > 2
    for number, name in enumerate(CLASSES):
        add_photos(v1.root / "data/raw" / name, 1500 + 1000 * number, 25, (0, 110, 110))
    assert check(v1) == ["class `blue`: 25 photos added", "class `red`: 25 photos added"]
    assert new_version(v1, "50 more") == list(STAGES)

    after = manifest(v1)
    assert len(after) == len(before) + 50
    assert {image: after[image]["split"] for image in before} == {image: row["split"] for image, row in before.items()}
    for name, (content, images) in shards(v1).items():
        if name in old_shards and images == old_shards[name][1]:
            assert content == old_shards[name][0]
        else:
            overflowed = any(images < old_images for _, old_images in old_shards.values())
            assert overflowed or images - before.keys(), f"{name} changed without need"

    diff = data_diff(v1)
    assert diff["images"] == (120, 170)
    assert "classes" not in diff, "as many classes as before"
    assert class_sizes(v1) == {"blue": 85, "red": 85}
    v1.run("git", "checkout", "-q", "v1")
    v1.run("dvc", "checkout", "-q")
    assert v1.outs() == outs


def test_a_class_is_added_renamed_and_removed_and_each_says_so(v1: Clone) -> None:
    outs = v1.outs()
    retrained = "the classes differ from the model's: `train` runs anew"
    add_photos(v1.root / "data/raw/green", 4000, 12, (0, 110, 0))
    assert check(v1) == ["class `green` is new: 12 photos", retrained]
    assert new_version(v1, "green") == list(STAGES)
    assert data_diff(v1)["classes"] == (2, 3)
    assert class_sizes(v1)["green"] == 12
    assert json.loads(v1.read("data/prepared/classes.json")) == ["blue", "green", "red"]

    (v1.root / "data/raw/green").rename(v1.root / "data/raw/olive")
    assert check(v1) == ["class `green` is now called `olive`", retrained]
    stale = v1.run("python", "src/data_preparation.py", "prepare")
    assert "132 images" in stale
    said = v1.run("python", "src/model_training.py", "evaluate", check=False)
    assert said.startswith(
        "error: models/trained_model.pth knows the classes blue, green, red, but data/prepared holds"
    )
    assert new_version(v1, "olive") == list(STAGES)
    assert class_sizes(v1).keys() == {"blue", "olive", "red"}

    shutil.rmtree(v1.root / "data/raw/olive")
    assert check(v1) == ["class `olive` is gone, it had 12 photos", retrained]
    ran = new_version(v1, "no olive")
    assert ran == ["evaluate", "simulate"], "these data were trained on before, the run cache has the rest"
    assert v1.outs()["models/trained_model.pth"] == outs["models/trained_model.pth"]
    v1.run("git", "checkout", "-q", "v1")
    v1.run("dvc", "checkout", "-q")
    assert v1.outs() == outs
