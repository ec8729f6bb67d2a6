"""That augmentation reaches training, all of it, and nothing else."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from conftest import CLASSES, ROOT, jpeg, noise
from scrapline import params
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model.batches import EVALUATION_BATCH, normalise
from scrapline.model.classifier import Classifier
from scrapline.model.features import Extractor
from scrapline.params import Augment, Params
from scrapline.train.augment import views
from scrapline.train.folds import Folds
from scrapline.train.head import train_head
from scrapline.train.trained import Trained
from scrapline.train.tune import fine_tune
from scrapline.train.unfinished import Unfinished

PREPROCESSING = Preprocessing(input_size=32, max_side=512)
CPU = torch.device("cpu")
NO_FOLDS = Folds(0, np.zeros((0, 36), np.int64), np.ones(36, bool))


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
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    return Classifier("resnet18", 2)


def tuned(model: Classifier, prepared: Path, settings: Params) -> Trained:
    base = Extractor(model, prepared, PREPROCESSING, CPU)
    return fine_tune(base, NO_FOLDS, settings, Unfinished.of(base, settings), pretrained=False)


def originals(folder: Path, split: str) -> set[bytes]:
    """Each image of a split as the network would see it unchanged."""
    source = decoding.read(folder, split, PREPROCESSING, EVALUATION_BATCH)
    return {
        image.numpy().tobytes()
        for batch in source
        for image in normalise(torch.from_numpy(batch.images), PREPROCESSING)
    }


def test_fine_tuning_trains_on_changed_images_and_validates_on_unchanged_ones(
    small: Classifier, prepared: Path, settings: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[bool, list[bytes]] = {True: [], False: []}
    forward = Classifier.forward

    def note(self: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
        seen[self.training] += [image.float().numpy().tobytes() for image in images if image.any()]
        return forward(self, images)

    monkeypatch.setattr(Classifier, "forward", note)
    tuned(small, prepared, settings)
    train, validation = originals(prepared, "train"), originals(prepared, "val")
    assert len(seen[True]) == 2 * 24
    assert sum(image not in train for image in seen[True]) > 0.9 * len(seen[True])
    assert set(seen[False]) == validation


def test_the_views_of_a_frozen_base_are_one_unchanged_and_the_others_changed(small: Classifier, prepared: Path) -> None:
    extractor = Extractor(small, prepared, PREPROCESSING, CPU)
    plain = np.array(extractor.features("train").values[0])
    shown = np.array(
        extractor.features("train", views=views(Augment(hflip=True, color_jitter=0.3), 32, 3, seed=1)).values
    )
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
    train_head(Extractor(small, prepared, PREPROCESSING, CPU), NO_FOLDS, settings)
    assert asked == {("train", 3), ("val", 1)}


class StopError(Exception):
    """Ends a training once it has what the test looks at."""


@pytest.mark.parametrize("way", ["head", "learner"])
@pytest.mark.parametrize("balanced", [True, False])
def test_both_ways_of_training_weigh_the_classes_if_asked(
    small: Classifier, prepared: Path, settings: Params, monkeypatch: pytest.MonkeyPatch, way: str, balanced: bool
) -> None:
    """Of 24 photos 4 become red: 24 / (2 * 20) and 24 / (2 * 4)."""
    rows = [(row.image_id, row.class_name, row.split) for row in shards.read_manifest(prepared)]
    red = {image_id for number, (image_id, _, split) in enumerate(rows) if split == "train" and number < 4}
    other = prepared.with_name("other")
    other.mkdir()
    data = {sample.image_id: sample.data for split in ("train", "val") for sample in shards.read(prepared, split)}
    shards.write(
        other,
        [
            dataclasses.replace(
                row, class_name="red" if row.image_id in red or (row.split == "val" and n % 2) else "blue"
            )
            for n, row in enumerate(shards.read_manifest(prepared))
        ],
        lambda row: ("jpg", data[row.image_id]),
        list(CLASSES),
    )
    asked: list[Tensor | None] = []

    def note(*_: object, class_weights: Tensor | None, **__: object) -> None:
        asked.append(class_weights)
        raise StopError

    monkeypatch.setattr(f"scrapline.train.{way}.Optimiser", note)
    train = settings.train.model_copy(update={"balanced_loss": balanced})
    wanted = settings.model_copy(update={"train": train})
    with pytest.raises(StopError):
        if way == "head":
            train_head(Extractor(small, other, PREPROCESSING, CPU), NO_FOLDS, wanted)
        else:
            tuned(small, other, wanted)
    if balanced:
        assert asked[0] is not None
        torch.testing.assert_close(asked[0], torch.tensor([0.6, 3.0]))
    else:
        assert asked == [None]
