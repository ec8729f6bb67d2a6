"""The networks of a cross-validation over all photos, each trained as `train` would, one after the other."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import scrapline
from scrapline import paths
from scrapline.data import shards
from scrapline.data.imaging import Pixels
from scrapline.data.shards import Row
from scrapline.model import cache_key
from scrapline.model.classifier import Classifier
from scrapline.model.compute import pick_device
from scrapline.model.features import Extractor
from scrapline.model.joined import Rows
from scrapline.params import Params, Trainable
from scrapline.system.files import sha256
from scrapline.train import folds, stage
from scrapline.train.folds import Cut, Folds
from scrapline.train.head import features_to_learn_from, fit_head, gather
from scrapline.train.pace import Pace
from scrapline.train.photos import Photos
from scrapline.train.tune import Tuning
from scrapline.train.unfinished import Unfinished

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Study:
    """All photos of the data set, the folds drawn among them, and the base that every network begins from."""

    settings: Params
    rows: list[Row]
    folds: Folds
    base: Extractor
    weights: dict[str, str]
    photos: Photos
    unfinished: Unfinished

    @classmethod
    def of(cls, settings: Params, *, count: int) -> "Study":
        """Of what `prepare` made; its splits do not matter, its groups and pins do."""
        rows = [row for split in SPLITS for row in shards.read_manifest(paths.PREPARED) if row.split == split]
        base, weights = stage.starting_point(settings, pick_device(settings.train.device))
        drawn = folds.draw(rows, folds=count, repeats=1, seed=settings.seed)
        photos = Photos.of(base, settings.train.augment, SPLITS)
        return cls(
            settings, rows, drawn, base, weights, photos, Unfinished.of(base, settings, _judging(settings, count))
        )

    def networks(self, skip: Sequence[int]) -> Iterator[tuple[int, Cut, Classifier]]:
        """Each fold's number, its photos and its trained network, but for the numbers to skip."""
        left = [(number, cut) for number, cut in enumerate(self.folds, start=1) if number not in skip]
        if self.settings.train.trainable is Trainable.HEAD:
            data, _ = features_to_learn_from(self.base, SPLITS, self.settings)
            for number, cut in left:
                model = copy.deepcopy(self.base.model)
                head = fit_head(data, cut.train, model.head, self.settings, network=number)
                model.head.load_state_dict(head.state_dict())
                yield number, cut, model
            return
        pretrained = self.weights["name"] != "none"
        features = gather(self.base, SPLITS, self.settings, torch.float32) if pretrained else None
        pace = Pace(self.settings.train.epochs * len(left))
        tuning = Tuning(self.base, self.photos, features, self.settings, self.unfinished, pace)
        for number, cut in left:
            yield number, cut, tuning.run(cut.train, network=number)[0]

    def pixels(self, rows: Rows) -> Pixels:
        """Some photos as the line sees them, uint8 [n, S, S, 3]."""
        taken: Pixels = self.photos.whole.take(np.asarray(rows))
        return taken


def _judging(settings: Params, folds: int) -> dict[str, Any]:
    """What decides an INT8 file's answers besides the network: those of a stopped study are of the same making."""
    package = Path(scrapline.__file__).parent
    code = sorted(path for name in ("export", "runtime") for path in (package / name).rglob("*.py"))
    code += [package / "studies" / name for name in ("crossval.py", "networks.py")]
    return {
        "folds": folds,
        "export": settings.export.model_dump(mode="json"),
        "code": [sha256(path) for path in code],
        "libraries": {name: cache_key.version(name) for name in ("onnx", "onnxruntime", "onnxscript")},
    }
