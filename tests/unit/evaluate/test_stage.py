"""The evaluate stage as a whole, on tiny photos: what its JSON holds, and that its pictures are drawn."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from scrapline import paths
from scrapline.data import shards
from scrapline.evaluate import stage as evaluation
from scrapline.train import stage as training
from unit.train.tiny import prepare, settings

WRONG = (31, 33, 38, 41)


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """48 photos of two tints, of which 4 of the 20 that are measured have the wrong label."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    prepare(paths.PREPARED, [n % 2 for n in range(48)], validation=10, test=10, wrong=WRONG)
    Path("models").mkdir()
    Path("results").mkdir()
    wanted = settings(trainable="head", epochs=20, lr=0.05, views=1)
    training.train(wanted)
    evaluation.evaluate(wanted)
    return json.loads(paths.EVALUATION_METRICS.read_text())


def test_slices_are_of_validation_and_test_together(content: dict) -> None:
    found = content["by_slice"]
    assert (found["photos"], found["accuracy"]) == (20, 0.8)
    by = {what: [row for row in found["slices"] if row["by"] == what] for what in {r["by"] for r in found["slices"]}}
    assert set(by) == {"class", "brightness", "sharpness", "file size in kB"}
    assert all(sum(row["photos"] for row in rows) == 20 for rows in by.values())
    size = {row.image_id: row.bytes for row in shards.read_manifest(paths.PREPARED) if row.split != "train"}
    smallest, largest = min(size.values()) / 1000, max(size.values()) / 1000
    assert by["file size in kB"][0]["slice"].startswith(f"lowest quarter: {smallest:.3g} to ")
    assert by["file size in kB"][-1]["slice"].endswith(f" to {largest:.3g}")


def test_each_mistake_stands_beside_its_map(content: dict) -> None:
    assert content["mistakes"] == {"maps": True}
    predictions = pd.read_csv(paths.PREDICTIONS)
    assert (predictions["true_class"] != predictions["predicted_class"]).sum() == 2
    page = np.asarray(Image.open(paths.MISTAKES).convert("L"))
    filled = [(page[28:124, at : at + 128] < 128).any() for at in range(0, 1024, 128)]
    assert filled == [True] * 4 + [False] * 4
    assert paths.SLICES_PLOT.stat().st_size > 10_000
