"""That augmentation reaches training, all of it, and nothing else."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from conftest import CLASSES, ROOT, jpeg, noise
from scrapline import params
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model.batches import EVALUATION_BATCH, normalise
from scrapline.model.classifier import Classifier
from scrapline.model.features import Extractor
from scrapline.params import Augment, Params
from scrapline.train import tune
from scrapline.train.augment import views
from scrapline.train.head import train_head

PREPROCESSING = Preprocessing(input_size=32, max_side=512)
CPU = torch.device("cpu")


@pytest.fixture
def settings() -> Params:
    loaded = params.load(ROOT / "params.yaml")
    train = loaded.train.model_copy(update={"epochs": 2, "batch_size": 8, "views": 3})
    return loaded.model_copy(update={"train": train})


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    folder = tmp_path / "prepared"
    folder.mkdir()
    images = {f"{n:016x}": jpeg(noise(n)) for n in range(36)}
    rows = [
        shards.Row(i, CLASSES[n % 2], split, i, 48, 40, len(images[i]), f"x/{i}.jpg", f"{split}-000000.tar")
        for split, part in (("train", range(24)), ("val", range(24, 36)))
        for n, i in ((n, f"{n:016x}") for n in part)
    ]
    shards.write(folder, rows, lambda row: ("jpg", images[row.image_id]), list(CLASSES))
    return folder


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Classifier:
    monkeypatch.setattr("scrapline.model.feature_cache.folder", lambda: tmp_path / "cache")
    torch.manual_seed(0)
    return Classifier("resnet18", 2)


def originals(folder: Path, split: str) -> set[bytes]:
    """Each image of a split as the network would see it unchanged."""
    source = decoding.read(folder, split, PREPROCESSING, EVALUATION_BATCH)
    return {
        image.numpy().tobytes()
        for batch in source
        for image in normalise(torch.from_numpy(batch.images), PREPROCESSING)
    }


def test_fine_tuning_trains_on_changed_images_and_validates_on_unchanged_ones(
    small: Classifier, prepared: Path, settings: Params
) -> None:
    seen: dict[bool, list[bytes]] = {True: [], False: []}

    def note(module: nn.Module, inputs: tuple[Tensor]) -> None:
        seen[module.training] += [image.float().numpy().tobytes() for image in inputs[0]]

    small.register_forward_pre_hook(note)
    tune.fine_tune(small, {"name": "none"}, prepared, PREPROCESSING, settings, CPU)
    train, validation = originals(prepared, "train"), originals(prepared, "val")
    assert len(seen[True]) == 2 * 24
    assert sum(image not in train for image in seen[True]) > 0.9 * len(seen[True])
    assert set(seen[False]) == validation


def test_the_views_of_a_frozen_base_are_one_unchanged_and_the_others_changed(small: Classifier, prepared: Path) -> None:
    extractor = Extractor(small, prepared, PREPROCESSING, CPU)
    plain = np.array(extractor.features("train").values[0])
    shown = np.array(extractor.features("train", views=views(Augment(hflip=True, color_jitter=0.3), 3, seed=1)).values)
    np.testing.assert_array_equal(shown[0], plain)
    for view in shown[1:]:
        assert (np.abs(view - plain).max(axis=1) > 0).mean() > 0.9
    assert np.abs(shown[1] - shown[2]).max() > 0


def test_a_head_trains_on_views_and_validates_without(
    small: Classifier, prepared: Path, settings: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: set[tuple[str, int]] = set()
    compute = Extractor.features

    def note(self: Extractor, split: str, **how: object) -> object:
        wanted = how.get("views")
        asked.add((split, wanted.count if wanted else 1))  # type: ignore[attr-defined]
        return compute(self, split, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Extractor, "features", note)
    train_head(Extractor(small, prepared, PREPROCESSING, CPU), settings)
    assert asked == {("train", 3), ("val", 1)}
