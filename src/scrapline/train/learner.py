"""One network that is fine-tuned: what learns of it, how, and the mean of its weights."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torchvision.transforms import v2

from scrapline.cli.console import track
from scrapline.model.batches import normalise
from scrapline.model.classifier import Classifier
from scrapline.model.compute import fast_bf16, mixed_precision
from scrapline.model.joined import Rows
from scrapline.params import Params
from scrapline.train import stages
from scrapline.train.augment import augmented, train_transform
from scrapline.train.fit import Epoch, History, Optimiser, Sums, balanced_weights, seed_of, steps_per_epoch
from scrapline.train.photos import Photos


class Learner:
    """A model on its way from where it stands, by the photos in `rows`; `network` numbers those of one training."""

    def __init__(
        self, model: Classifier, photos: Photos, rows: Rows, params: Params, device: torch.device, *, network: int
    ) -> None:
        self.model, self._photos, self._rows = model, photos, rows
        self._params, self._device, self._network = params, device, network
        settings, classes = params.train, model.head.out_features
        self._dtype = training_dtype(device)
        self._steps = steps_per_epoch(len(rows), settings.batch_size)
        self._transform = train_transform(settings.augment, params.model.input_size)
        self._mix = v2.MixUp(alpha=settings.mixup, num_classes=classes) if settings.mixup else None
        self._averaged = None
        if settings.ema:
            self._averaged = AveragedModel(model, multi_avg_fn=_mean(settings.ema), use_buffers=True)
        learning = stages.learning(model, params.model.input_size)
        balance = balanced_weights(photos.labels[rows], classes).to(device) if settings.balanced_loss else None
        self._optimiser = Optimiser(
            learning, settings, lr=params.lr, steps_per_epoch=self._steps, class_weights=balance
        )
        self.history = History(settings.epochs)
        self.epoch = 0

    @property
    def kept(self) -> Classifier:
        """The network to keep: with the mean of the weights, where one is made."""
        averaged = self._averaged.module if self._averaged else self.model
        assert isinstance(averaged, Classifier)
        return averaged

    def learn(self) -> Sums:
        """One epoch."""
        self.epoch += 1
        size, seed = self._params.train.batch_size, seed_of(self._params.seed, self._network, self.epoch)
        torch.manual_seed(seed)
        order = np.random.default_rng(seed).permutation(self._rows)
        stages.set_training(self.model)
        sums = Sums()
        for step in track(
            range(self._steps), f"epoch {self.epoch}/{self._params.train.epochs}", self._steps, "batches"
        ):
            images, labels = self._batch(order[step * size : (step + 1) * size])
            with mixed_precision(self.model, self._device, self._dtype):
                logits, _ = self.model(images)
            self._optimiser.step(logits.float(), labels, sums)
            if self._averaged:
                self._averaged.update_parameters(self.model)
        return sums

    def state(self) -> dict[str, Any]:
        """All that decides the epochs to come, as tensors and plain values."""
        return {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "averaged": self._averaged.state_dict() if self._averaged else None,
            "optimiser": self._optimiser.state(),
            "history": [asdict(line) for line in self.history.epochs],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.epoch = state["epoch"]
        self.model.load_state_dict(state["model"])
        if self._averaged:
            self._averaged.load_state_dict(state["averaged"])
        self._optimiser.restore(state["optimiser"])
        self.history.epochs[:] = [Epoch(**line) for line in state["history"]]

    def _batch(self, rows: Rows) -> tuple[Tensor, Tensor]:
        """Changed images [n, 3, S, S], and their labels: numbers [n], or shares [n, C] with MixUp."""
        pixels = augmented(torch.from_numpy(self._photos.crops.take(rows)), self._transform)
        images = normalise(pixels.to(self._device), self._photos.preprocessing)
        labels = self._photos.labels[rows].to(self._device)
        return self._mix(images, labels) if self._mix else (images, labels)


def training_dtype(device: torch.device) -> torch.dtype:
    """What fine-tuning computes in: bfloat16 where the device is faster in it."""
    return torch.bfloat16 if fast_bf16(device) else torch.float32


def _mean(decay: float) -> Callable[[Any, Any, Any], None]:
    """PyTorch's moving average, of which less stays in the first steps: a short training is not held at its start."""

    def update(averaged: Any, current: Any, updates: Any) -> None:
        number = int(updates)
        get_ema_multi_avg_fn(min(decay, (1 + number) / (10 + number)))(averaged, current, updates)  # type: ignore[no-untyped-call]

    return update
