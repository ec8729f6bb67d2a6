"""Changing, comparing and sharing, with DVC itself."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import CLASSES
from pipeline.conftest import STAGES, Clone


@pytest.fixture(scope="module")
def own_photos(make_clone: Callable[[str], Clone], photos: Callable[..., Path]) -> Clone:
    """A user's photos under `dvc add`, with a frozen base and a weights file of their own, reproduced."""
    import torch
    import torchvision

    clone = make_clone("own")
    folder = photos(clone.home.parent / "photos")
    clone.run("python", "src/data_preparation.py", "fetch", str(folder))
    clone.run("dvc", "add", "data/raw")
    torch.manual_seed(0)
    torch.save(torchvision.models.resnet18().state_dict(), clone.root / "models/pretrained/mine.pth")
    clone.run("dvc", "add", "models/pretrained/mine.pth")

    def edit(params: dict) -> None:
        params["data"]["source"] = "data/raw"
        params["model"]["weights"] = "mine.pth"
        params["train"] |= {"trainable": "head", "epochs": 3, "batch_size": 4}

    clone.change("params.yaml", edit)
    assert clone.repro() == list(STAGES)
    clone.commit("own photos")
    return clone


def test_own_classes_go_through_all_stages(own_photos: Clone) -> None:
    assert json.loads(own_photos.read("data/prepared/classes.json")) == list(CLASSES)
    metrics = json.loads(own_photos.read("results/training/metrics.json"))
    assert metrics["trainable"] == "head"
    assert metrics["weights"]["name"] == "mine.pth"
    assert "with no mine.txt beside it" in own_photos.read("performance_report.md")


def test_a_new_rate_trains_on_cached_features_and_diffs_between_branches(own_photos: Clone) -> None:
    own_photos.run("git", "checkout", "-q", "-b", "faster")
    said = own_photos.run("dvc", "exp", "run", "-S", "lr=0.05")
    assert "Running stage 'train'" in said
    assert "Running stage 'prepare'" not in said
    assert "train features: from the cache" in said
    own_photos.commit("lr 0.05")
    diff = json.loads(own_photos.run("dvc", "params", "diff", "main", "--json").splitlines()[0])
    assert (diff["params.yaml"]["lr"]["old"], diff["params.yaml"]["lr"]["new"]) == (0.0005, 0.05)
    bare = own_photos.home.parent / "unpulled"
    own_photos.run("git", "clone", "-q", str(own_photos.root), str(bare))
    clone = Clone(bare, own_photos.home)
    metrics = json.loads(clone.run("dvc", "metrics", "diff", "origin/main", "faster", "--json").splitlines()[0])
    assert "validation.log_loss" in metrics["results/summary.json"]
    own_photos.run("git", "checkout", "-q", "main")
    own_photos.run("dvc", "checkout", "-q", check=False)


def test_push_and_pull_move_everything(own_photos: Clone) -> None:
    own_photos.run("git", "checkout", "-q", "main")
    own_photos.run("dvc", "checkout", "-q")
    empty = own_photos.home.parent / "colleague"
    own_photos.run("git", "clone", "-q", str(own_photos.root), str(empty))
    colleague = Clone(empty, own_photos.home.parent / "colleague-home")
    before = colleague.run("dvc", "pull", check=False)
    assert "do not exist neither locally nor on remote" in before  # what the README says to expect
    assert "failed to pull data from the cloud" in before
    own_photos.run("dvc", "push")
    colleague.run("dvc", "pull")
    assert "up to date" in colleague.run("dvc", "status")
    assert colleague.repro() == []
    for path in ("models/converted_model.onnx", "data/raw/red/000.jpg", "results/simulation_results.csv"):
        assert (empty / path).read_bytes() == (own_photos.root / path).read_bytes()


def test_a_readme_edit_runs_nothing_and_a_belt_change_only_the_line(own_photos: Clone) -> None:
    (own_photos.root / "README.md").write_text("edited\n")
    assert own_photos.repro() == []
    own_photos.change("params.yaml", lambda params: params["simulate"].update(belt_m_per_s=2.0))
    assert own_photos.repro() == ["simulate"]
    own_photos.run("git", "checkout", "-q", ".")
