"""Fine-tuning: the last stage or the whole network learns, from a head fitted first and from augmented images."""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from scrapline.cli.console import info
from scrapline.model.batches import Predictions, predict
from scrapline.model.classifier import Classifier
from scrapline.model.features import Extractor
from scrapline.model.joined import Joined, Rows
from scrapline.params import Params
from scrapline.train import stages
from scrapline.train.fit import Epoch, check_finite
from scrapline.train.folds import Folds
from scrapline.train.head import fit_head, gather, probe_settings, splits_for
from scrapline.train.learner import Learner, training_dtype
from scrapline.train.norms import give_back_statistics, has_folded_norms
from scrapline.train.pace import Pace
from scrapline.train.photos import Photos
from scrapline.train.pooling import replace_adaptive
from scrapline.train.trained import OutOfFold, Trained
from scrapline.train.unfinished import Unfinished

_NORM_PHOTOS = 512


def fine_tune(base: Extractor, folds: Folds, params: Params, unfinished: Unfinished, *, pretrained: bool) -> Trained:
    """Train in place what `train.trainable` names; bfloat16 where the device has it, validated in float32.

    Each fold's network begins from the same base and learns in the same way from its own photos.
    """
    photos = Photos.of(base, params.train.augment)
    features = gather(base, splits_for(folds), params, torch.float32) if pretrained else None
    tuning = Tuning(base, photos, features, params, unfinished, Pace(params.train.epochs * (1 + len(folds))))
    kept, history = tuning.run(photos.rows("train"), network=0, validation=photos.rows("val"))
    said = tuning.predict(kept, photos.rows("val"))
    held_out = _folds(tuning, folds) if len(folds) else None
    base.model.load_state_dict(kept.state_dict())
    precision = "bfloat16 training" if training_dtype(base.device) == torch.bfloat16 else "float32 training"
    return Trained(history, said.logits, said.labels.numpy(), precision, None, held_out)


@dataclass(frozen=True)
class Tuning:
    """What the networks of one training share: the base they begin from, all photos, and how they learn.

    `features` of the photos, of which a head is fitted first, are None where the base knows nothing yet.
    """

    base: Extractor
    photos: Photos
    features: Joined | None
    params: Params
    unfinished: Unfinished
    pace: Pace

    def run(self, rows: Rows, *, network: int, validation: Rows | None = None) -> tuple[Classifier, list[Epoch]]:
        """Train a network on some photos; the one to keep, and its history where `validation` is watched."""
        learner = Learner(self._start(rows, network), self.photos, rows, self.params, self.base.device, network=network)
        name = f"network-{network}"
        if state := self.unfinished.load(name):
            learner.restore(state)
            info(f"going on after epoch {learner.epoch} of a run that was stopped")
            self.pace.skip(learner.epoch)
        while learner.epoch < self.params.train.epochs:
            sums = learner.learn()
            check_finite(learner.epoch, sums.loss)
            left = self.pace.after_epoch()
            if validation is None:
                info(f"  epoch {learner.epoch:>3}/{self.params.train.epochs}  train loss {sums.mean_loss:.3f}{left}")
            else:
                said = self.predict(learner.kept, validation)
                learner.history.add(sums, said.logits, said.labels, left)
            self.unfinished.save(name, learner.state(), now=learner.epoch == self.params.train.epochs)
        return learner.kept, learner.history.epochs

    def predict(self, model: Classifier, rows: Rows) -> Predictions:
        """What a network makes of some photos as the line sees them."""
        return predict(model, self.photos.batches(rows), self.photos.preprocessing, self.base.device)

    def _start(self, rows: Rows, network: int) -> Classifier:
        """The base with a head fitted on these photos, norms that can learn, and the rest of it frozen.

        A base that knows something gets its head first, lest a random one spoil what it knows (LP-FT: Kumar et al.
        2022, Fine-Tuning can Distort Pretrained Features).
        """
        model = copy.deepcopy(self.base.model)
        if self.features is not None:
            settings = probe_settings(self.params)
            head = fit_head(self.features, rows, model.head, settings, network=network)
            model.head.load_state_dict(head.state_dict())
        model.to(self.base.device).to(memory_format=torch.channels_last)
        if self.features is not None and has_folded_norms(model):
            some = np.random.default_rng([self.params.seed, network]).permutation(rows)[:_NORM_PHOTOS]
            give_back_statistics(model, self.photos.images(np.sort(some), self.base.device))
        if self.base.device.type == "cuda":
            replace_adaptive(model)
        stages.freeze(model, self.params.train.trainable)
        return model


def _folds(tuning: Tuning, folds: Folds) -> OutOfFold:
    """Train the folds' networks one after the other, and keep what each makes of all photos."""
    repeats, photos = folds.fold.shape
    head: nn.Linear = tuning.base.model.head
    logits = np.full((repeats, photos, head.out_features), np.nan, np.float32)
    of_all = np.zeros((repeats, folds.count, photos, head.out_features), np.float32)
    embeddings = np.zeros((repeats, folds.count, photos, head.in_features), np.float16)
    for number, cut in enumerate(folds, start=1):
        name = f"fold {number} of {len(folds)}"
        if done := tuning.unfinished.load(f"said-{number}"):
            info(f"{name}: from a run that was stopped")
            tuning.pace.skip(tuning.params.train.epochs)
        else:
            info(f"{name}: {len(cut.train)} photos train, {len(cut.held_out)} are held out")
            kept, _ = tuning.run(cut.train, network=number)
            said = tuning.predict(kept, np.arange(photos))
            done = {"logits": said.logits, "embeddings": said.embeddings.half()}
            tuning.unfinished.save(f"said-{number}", done, now=True)
            tuning.unfinished.drop(f"network-{number}")
        of_all[cut.repeat, cut.fold] = done["logits"].numpy()
        embeddings[cut.repeat, cut.fold] = done["embeddings"].numpy()
        logits[cut.repeat, cut.held_out] = of_all[cut.repeat, cut.fold, cut.held_out]
    return OutOfFold(logits, {"fold_logits": of_all, "embeddings": embeddings})
