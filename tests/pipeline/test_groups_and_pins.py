"""Groups of the user's own and pins go through the stages that read them: splits, figures, limits, the report."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, jpeg, noise
from pipeline.conftest import HANGS_S
from pipeline.test_odd_folder import prepare, project, rows
from scrapline import paths

CLASSES = ("glass", "metal")


def photos(root: Path, sessions: int = 8, each: int = 3) -> None:
    """So many photos of each session in every class, `class/s<session>_<number>.jpg`."""
    for kind, name in enumerate(CLASSES):
        (root / "data/raw" / name).mkdir()
        for session in range(sessions):
            for number in range(each):
                photo = noise(1000 * kind + 10 * session + number, (96, 80))
                (root / f"data/raw/{name}/s{session}_{number}.jpg").write_bytes(jpeg(photo, quality=92))


def set_params(root: Path, **data: Any) -> None:
    settings = yaml.safe_load((root / "params.yaml").read_text())
    settings["data"] |= data
    (root / "params.yaml").write_text(yaml.safe_dump(settings))


def manifest(root: Path) -> dict[str, dict[str, str]]:
    return rows(root / paths.MANIFEST)


def report(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / paths.PREPARATION_REPORT).read_text())
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = project(tmp_path_factory.mktemp("groups"), max_side=96)
    photos(made)
    return made


def test_sessions_found_by_a_pattern_each_stay_in_one_split(root: Path) -> None:
    set_params(root, group={"pattern": r"/(s\d)_"})
    said = prepare(root)
    assert "data.group puts 48 photos into 8 groups, each within one split; with 0 photos in none" in said
    assert "8 of them hold photos of several classes, the first `s0` (glass, metal)" in said
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for path, row in manifest(root).items():
        splits[path[path.index("/") + 1 :][:2]].add(row["split"])
    assert {name: len(found) for name, found in splits.items()} == {f"s{number}": 1 for number in range(8)}
    found = report(root)
    assert sum(found["groups"].values()) == 8
    assert found["own_groups"] == {
        "groups": 8,
        "images": 48,
        "images_in_none": 0,
        "of_several_classes": {f"s{number}": ["glass", "metal"] for number in range(8)},
        "joined_by_copies": 0,
    }


def test_a_table_groups_the_same_as_a_pattern(root: Path) -> None:
    set_params(root, group={"pattern": r"/(s\d)_"})
    prepare(root)
    by_pattern = {path: (row["split"], row["group"]) for path, row in manifest(root).items()}
    lines = "\n".join(f"{path},{path.split('/')[1][:2]}" for path in sorted(by_pattern))
    (root / "data/splits").mkdir(exist_ok=True)
    (root / "data/splits/mine.csv").write_text(f"source_path,group\n{lines}\n")
    set_params(root, group={"file": "mine.csv"})
    prepare(root)
    assert {path: (row["split"], row["group"]) for path, row in manifest(root).items()} == by_pattern


def test_pins_are_in_the_manifest_and_the_report(root: Path) -> None:
    set_params(root, group=None)
    prepare(root)
    before = {path: row["split"] for path, row in manifest(root).items()}
    assert {row["pin"] for row in manifest(root).values()} == {""}
    held_out = next(path for path, split in before.items() if split == "test")
    training = [path for path, split in before.items() if split == "train"]
    image_id = manifest(root)[training[1]]["image_id"]
    (root / "data/splits").mkdir(exist_ok=True)
    pins = {held_out: "train_only", training[0]: "measure_only", image_id: "train_only"}
    lines = "\n".join(f"{name},{pin},because" for name, pin in pins.items())
    (root / paths.PINS).write_text(f"photo,pin,why\n{lines}\n")
    try:
        said = prepare(root)
    finally:
        (root / paths.PINS).unlink()
    after = manifest(root)
    assert after[held_out]["split"] == after[training[1]]["split"] == "train"
    assert after[training[0]]["split"] in ("val", "test")
    moved = {path for path, row in after.items() if row["split"] != before[path]}
    assert {held_out, training[0]} <= moved
    assert Counter(row["pin"] for row in after.values()) == {"": 45, "train_only": 2, "measure_only": 1}
    assert report(root)["pins"] == {"train_only": 2, "left_out": 0, "measure_only": 1, "along": 0}
    assert "pinned train_only: 2, which measure nothing; 0 more left out" in said
    assert "pinned measure_only: 1; 0 others in their groups do not train either" in said


def test_a_file_that_lies_in_two_sessions_makes_them_one(tmp_path: Path) -> None:
    root = project(tmp_path, max_side=96, group={"pattern": r"/(s\d)_"})
    photos(root, sessions=9)
    for number in range(0, 6, 2):
        copied = (root / f"data/raw/glass/s{number}_0.jpg").read_bytes()
        (root / f"data/raw/glass/s{number + 1}_copy.jpg").write_bytes(copied)
    said = prepare(root)
    assert "6 of them are one with others, since near-duplicates join them" in said
    split: defaultdict[str, set[str]] = defaultdict(set)
    for path, row in manifest(root).items():
        split[path.split("/")[1][:2]].add(row["split"])
    for number in range(0, 6, 2):
        assert len(split[f"s{number}"] | split[f"s{number + 1}"]) == 1


def test_a_class_that_pins_and_groups_leave_no_test_photo_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, max_side=96, group={"pattern": r"/(s\d)_"})
    photos(root)
    lines = "\n".join(f"glass/s{session}_{number}.jpg,train_only," for session in range(8) for number in range(3))
    (root / paths.PINS).parent.mkdir(parents=True)
    (root / paths.PINS).write_text(f"photo,pin,why\n{lines}\n")
    command = [sys.executable, str(ROOT / "src/data_preparation.py"), "prepare"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=HANGS_S)
    assert done.returncode == 1
    assert "error: class `glass` has no photo left for val" in done.stderr
    assert "take pins out" in done.stderr
