"""Real photos: TrashNet with its authors' split and a frozen base, through all five stages."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from conftest import PARTIAL_WEIGHTS, ROOT, TRASHNET
from pipeline import kills
from pipeline.conftest import Clone, side_by_side
from pipeline.test_demo import labels_as_file_and_as_array

pytestmark = [
    pytest.mark.trashnet,
    pytest.mark.full_size,
    pytest.mark.skipif(not TRASHNET.is_dir() or not PARTIAL_WEIGHTS.is_file(), reason="TrashNet is not in ../shared"),
]


Make = Callable[..., Clone]


def make_trashnet(clone: Clone) -> Clone:
    (clone.root / "Makefile").write_text(clone.read("Makefile").replace("trashnet: setup", "trashnet:"))
    clone.run("git", "commit", "-qam", "no second virtual environment")
    clone.run(
        *("make", "trashnet", f"ARCHIVE={TRASHNET / 'dataset-resized.zip'}", f"SPLIT={TRASHNET / 'split'}"),
        f"WEIGHTS={PARTIAL_WEIGHTS}",
    )
    return clone


@pytest.fixture(scope="module")
def pair(make_clone: Make) -> list[Clone]:
    """Two clean runs in two folders."""
    folders = ("trashnet", "a-folder-with-another-name")
    return side_by_side(make_trashnet, *(make_clone(name, shrunk=False) for name in folders))


@pytest.fixture
def trashnet(pair: list[Clone]) -> Clone:
    return pair[0]


def test_the_authors_split_is_kept_but_for_conflicts_and_leaks(trashnet: Clone) -> None:
    report = json.loads(trashnet.read("results/preparation/report.json"))
    assert report["dataset"].startswith("TrashNet")
    assert report["images"] == 2527
    assert report["splits"]["test"] == 430
    assert report["splits"]["val"] == 327
    assert report["quarantined"]["label_conflict"] == 6
    listed = {split: set((TRASHNET / f"split/{split}.txt").read_text().split()) for split in ("train", "val", "test")}
    rows = [line.split(",") for line in trashnet.read("data/prepared/manifest.csv").splitlines()[1:]]
    for row in rows:
        assert row[7] in listed[row[2]]


def test_a_frozen_base_reaches_the_accuracy_it_is_known_for(trashnet: Clone) -> None:
    evaluation = json.loads(trashnet.read("results/evaluation/metrics.json"))
    assert evaluation["validation"]["accuracy"] >= 0.90
    assert evaluation["test"]["accuracy"] >= 0.86


def test_int8_keeps_the_accuracy_in_a_quarter_of_the_space(trashnet: Clone) -> None:
    exported = json.loads(trashnet.read("results/export/metrics.json"))
    fp32, int8 = exported["fp32"], exported["int8"]
    assert fp32["test_accuracy"] - int8["test_accuracy"] <= 0.01
    assert int8["test_label_agreement"] >= 0.97
    assert int8["size_mb"] <= 12
    assert exported["deployed"] == "int8"
    assert int8["accuracy_drop"] <= int8["limits"]["accuracy_drop"] <= 0.02
    assert int8["label_agreement"] >= int8["limits"]["label_agreement"]
    assert int8["judged"]["training_images"] == 512
    assert int8["judged"]["of_them_for_calibration"] == 0


def test_a_photo_gets_the_same_label_as_a_file_and_as_an_array(trashnet: Clone) -> None:
    labels = labels_as_file_and_as_array(trashnet.root, "models/converted_model.int8.onnx")
    assert len(labels) == 430
    assert sum(file == array for file, array in labels) >= 0.99 * 430


def test_the_weights_are_named_truthfully(trashnet: Clone) -> None:
    weights = json.loads(trashnet.read("results/training/metrics.json"))["weights"]
    assert weights["name"] == PARTIAL_WEIGHTS.name
    assert "layer4.1.bn2" in weights["findings"]
    assert weights["name"] in trashnet.read("performance_report.md")


def test_params_are_the_recipe_with_the_weights_named(trashnet: Clone) -> None:
    params = yaml.safe_load(trashnet.read("params.yaml"))
    recipe = yaml.safe_load((ROOT / "recipes/trashnet.yaml").read_text())
    recipe["model"]["weights"] = PARTIAL_WEIGHTS.name
    assert params == recipe


def test_a_clean_run_in_another_folder_gives_the_same_bits(pair: list[Clone]) -> None:
    one, other = pair
    assert kills.locked(other) == kills.locked(one)
    assert kills.deterministic(other.outs()) == kills.deterministic(one.outs())


def test_edited_params_are_not_overwritten(trashnet: Clone, tmp_path: Path) -> None:
    edited = trashnet.read("params.yaml").replace("seed: 7", "seed: 8")
    (trashnet.root / "params.yaml").write_text(edited)
    said = trashnet.run("make", "trashnet", f"WEIGHTS={PARTIAL_WEIGHTS}", check=False)
    assert "error: params.yaml has uncommitted edits" in said
    assert trashnet.read("params.yaml") == edited
