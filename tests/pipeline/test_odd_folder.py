"""A folder of odd files, names and classes goes through `prepare` whole, and so do folders of one odd kind."""

import csv
import json
import shutil
import subprocess
import sys
import tarfile
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import odd_folder
from conftest import ROOT, noise
from odd_folder import CLASSES, NAMES, PHOTOS, encoded
from pipeline.conftest import HANGS_S


def project(root: Path, **data: Any) -> Path:
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings["data"] |= {"source": "data/raw", "test_frames": 1000} | data
    (root / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (root / "data/raw").mkdir(parents=True)
    return root


def prepare(root: Path) -> str:
    command = [sys.executable, str(ROOT / "src/data_preparation.py"), "prepare"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=HANGS_S)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def rows(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["source_path"]: row for row in csv.DictReader(stream)}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = project(tmp_path_factory.mktemp("odd"), min_side=32)
    odd_folder.write(made / "data/raw")
    prepare(made)
    return made


def test_every_file_is_kept_or_quarantined_for_the_right_reason(root: Path) -> None:
    kept = rows(root / "data/prepared/manifest.csv")
    quarantined = rows(root / "results/preparation/quarantine.csv")
    for odd in odd_folder.files():
        path = f"{CLASSES[0]}/{odd.name}"
        if path in kept:
            assert odd.quarters, path
        else:  # one of those with the same bytes stays
            allowed = odd.reasons or {"plain.jpg": ("duplicate",), "plain.jfif": ("duplicate",)}.get(odd.name, ())
            allowed += ("too_small",) if odd.name in {"one pixel.png", "10000x10.png"} else ()
            assert quarantined[path]["reason"] in allowed, path
    for number, name in enumerate(NAMES.values()):
        assert f"{CLASSES[number % len(CLASSES)]}/{unicodedata.normalize('NFC', name)}" in kept
    files = [path for path in (root / "data/raw").rglob("*") if path.is_file()]
    assert len(kept) + len(quarantined) == len(files)


def test_classes_keep_their_names_to_the_letter(root: Path) -> None:
    assert json.loads((root / "data/prepared/classes.json").read_text()) == sorted(CLASSES)
    kept = rows(root / "data/prepared/manifest.csv").values()
    assert {row["class"] for row in kept} == set(CLASSES)
    for name in CLASSES[1:]:
        assert sum(row["class"] == name for row in kept) >= PHOTOS


def test_the_belt_gets_the_files_as_the_camera_wrote_them(root: Path) -> None:
    kept = rows(root / "data/prepared/manifest.csv").values()
    tests = [row for row in kept if row["split"] == "test"]
    frames = {path.stem: path for path in (root / "data/test_frames").glob("*/*")}
    assert len(frames) == len(tests) > 0
    raw = root / "data/raw"
    sources = {unicodedata.normalize("NFC", path.relative_to(raw).as_posix()): path for path in raw.glob("*/*")}
    for row in tests:
        assert frames[row["image_id"]].read_bytes() == sources[row["source_path"]].read_bytes()


def test_a_large_photos_frame_is_the_original_and_its_shard_a_smaller_jpeg(tmp_path: Path) -> None:
    root = project(tmp_path, max_side=256)
    for name in ("glass", "metal"):
        (root / "data/raw" / name).mkdir()
        for number in range(8):
            picture = noise(ord(name[0]) * 100 + number, (640, 400))
            (root / f"data/raw/{name}/{number}.jpg").write_bytes(encoded(picture, "JPEG"))
    prepare(root)
    kept = rows(root / "data/prepared/manifest.csv")
    assert {(row["width"], row["height"]) for row in kept.values()} == {("256", "160")}
    for frame in (root / "data/test_frames").glob("*/*"):
        row = next(row for row in kept.values() if row["image_id"] == frame.stem)
        assert frame.read_bytes() == (root / "data/raw" / row["source_path"]).read_bytes()
        with tarfile.open(root / "data/prepared" / row["shard"]) as tar:
            stored = tar.extractfile(f"{frame.stem}.jpg")
            assert stored is not None
            assert len(stored.read()) == int(row["bytes"])


def test_a_folder_whose_depth_no_file_declares_is_read_by_its_own_range(tmp_path: Path) -> None:
    """Twelve-bit cameras: one photo of 24 reaches the brightest level, and all are read as of twelve bits."""
    root = project(tmp_path)
    for name in ("glass", "metal"):
        (root / "data/raw" / name).mkdir()
        for number in range(12):
            levels = np.asarray(noise(ord(name[0]) * 100 + number, (96, 80)).convert("L")).astype(np.uint16)
            levels = (levels // 2) << 4
            levels[0, 0] = 4095 if (name, number) == ("metal", 5) else 0
            (root / f"data/raw/{name}/{number:02d}.png").write_bytes(odd_folder.deep_png(levels))
    said = prepare(root)
    assert "24 16-bit images do not declare how many bits they use: all of them are read as 12 bits" in said.replace(
        "\n", " "
    )
    report = json.loads((root / "results/preparation/report.json").read_text())
    assert report["sixteen_bit_without_depth"] == {"images": 24, "read_as_bits": 12}
    assert report["quarantined"] == {}
    shutil.rmtree(root)
