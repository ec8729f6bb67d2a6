"""A prepared folder of a few tiny photos, and settings to train on them in a second."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from conftest import CLASSES, ROOT, jpeg, noise
from scrapline import params
from scrapline.data import shards
from scrapline.data.imaging import Preprocessing
from scrapline.data.shards import Row
from scrapline.model.classifier import Classifier
from scrapline.model.features import Extractor
from scrapline.params import Params
from scrapline.train import folds
from scrapline.train.folds import Folds

PREPROCESSING = Preprocessing(input_size=32, max_side=512)
CPU = torch.device("cpu")
TINT = {"blue": (0, 0, 110), "red": (110, 0, 0), "neither": (0, 0, 0)}


def prepare(
    folder: Path,
    labels: Sequence[int],
    *,
    validation: int,
    test: int = 0,
    tinted: bool = True,
    wrong: Sequence[int] = (),
) -> Path:
    """One photo for each label, the last for validation and then test; tinted by their class, or all alike.

    Those at `wrong` get the other label.
    """
    folder.mkdir(parents=True)
    names = [CLASSES[label] for label in labels]
    ids = [f"{n:016x}" for n in range(len(labels))]
    photos = {
        i: jpeg(noise(n, tint=TINT[name if tinted else "neither"]))
        for n, (i, name) in enumerate(zip(ids, names, strict=True))
    }
    names = [CLASSES[1 - labels[n]] if n in wrong else name for n, name in enumerate(names)]
    first, last = len(labels) - validation - test, len(labels) - test
    rows = [
        Row(i, name, split, i, 48, 40, len(photos[i]), f"x/{i}.jpg", f"{split}-000000.tar")
        for n, (i, name) in enumerate(zip(ids, names, strict=True))
        for split in ("train" if n < first else "val" if n < last else "test",)
    ]
    rows.sort(key=lambda row: row.shard)
    shards.write(folder, rows, lambda row: ("jpg", photos[row.image_id]), list(CLASSES))
    return folder


def settings(**changes: Any) -> Params:
    """The demo's, small; `augment` and other keys of `train`, and `lr` and `seed`, as told."""
    loaded = params.load(ROOT / "params.yaml")
    train = loaded.train.model_dump() | {"epochs": 2, "batch_size": 8, "views": 1, "folds": 0, "fold_repeats": 1}
    augment = train["augment"] | changes.pop("augment", {"hflip": False, "vflip": False, "color_jitter": 0.0})
    top = {key: changes.pop(key) for key in ("lr", "seed") if key in changes}
    raw = loaded.model_dump(mode="json") | top
    raw["train"] = train | {"augment": augment} | changes
    raw["model"]["input_size"] = PREPROCESSING.input_size
    return Params.model_validate(raw)


def base(folder: Path, seed: int = 0) -> Extractor:
    """An untrained network."""
    torch.manual_seed(seed)
    return Extractor(Classifier("resnet18", 2), folder, PREPROCESSING, CPU)


def draw(folder: Path, wanted: Params) -> Folds:
    """The folds that a training of these settings has."""
    rows = folds.pool(shards.read_manifest(folder))
    return folds.draw(rows, folds=wanted.train.folds_drawn, repeats=wanted.train.repeats_drawn, seed=wanted.seed)
