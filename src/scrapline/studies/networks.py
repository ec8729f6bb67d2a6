"""The networks of a cross-validation over all photos, each trained as `train` would, one after the other."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from scrapline import paths
from scrapline.data import shards
from scrapline.data.imaging import Pixels
from scrapline.data.shards import Row
from scrapline.model.classifier import Classifier
from scrapline.model.compute import native_bf16, pick_device
from scrapline.model.features import Extractor
from scrapline.model.joined import Rows
from scrapline.params import Params, Trainable
from scrapline.train import folds, stage
from scrapline.train.folds import Cut, Folds
from scrapline.train.head import fit_head, gather
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
        return cls(settings, rows, drawn, base, weights, photos, Unfinished.of(base, settings, f"crossval {count}"))

    def networks(self, skip: Sequence[int]) -> Iterator[tuple[int, Cut, Classifier]]:
        """Each fold's number, its photos and its trained network, but for the numbers to skip."""
        left = [(number, cut) for number, cut in enumerate(self.folds, start=1) if number not in skip]
        if self.settings.train.trainable is Trainable.HEAD:
            dtype = torch.bfloat16 if native_bf16(self.base.device) else torch.float32
            data = gather(self.base, SPLITS, self.settings, dtype)
            for number, cut in left:
                model = copy.deepcopy(self.base.model)
                head = fit_head(data, cut.train, model.head.out_features, self.settings, network=number)
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
