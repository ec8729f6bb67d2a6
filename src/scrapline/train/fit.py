"""What both ways of training share: the optimiser, one step, the rates, and the history."""

import csv
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import Parameter

from scrapline.cli.console import info
from scrapline.params import Train
from scrapline.system.errors import ScraplineError
from scrapline.train.schedule import warm_up_and_cosine
from scrapline.train.stages import rate_groups

_NEWS_EVERY_S = 1.0


@dataclass(frozen=True)
class Epoch:
    """One line of history.csv; `lr` is the epoch's last.

    Losses are in nats an image: in training the one that is minimised, with label smoothing and class weights if asked
    for; on validation plain cross-entropy. With MixUp, training accuracy is that of the class with the larger share.
    """

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


class Optimiser:
    """AdamW with warm-up and cosine on what learns, by stage, and the loss that it lowers."""

    def __init__(
        self,
        by_stage: Sequence[Sequence[Parameter]],
        settings: Train,
        *,
        lr: float,
        steps_per_epoch: int,
        class_weights: Tensor | None,
    ) -> None:
        self._class_weights = class_weights
        self._criterion = nn.CrossEntropyLoss(class_weights, label_smoothing=settings.label_smoothing)
        groups = rate_groups(by_stage, lr=lr, decay=settings.lr_decay, weight_decay=settings.weight_decay)
        self._adamw = torch.optim.AdamW(groups, lr=lr, fused=True)
        total = settings.epochs * steps_per_epoch
        self._rates = torch.optim.lr_scheduler.LambdaLR(self._adamw, lambda step: warm_up_and_cosine(step, total))

    def step(self, logits: Tensor, labels: Tensor, sums: "Sums") -> None:
        """One step down the loss of a batch's logits [N, C]; `labels` are numbers [N] or shares [N, C]."""
        loss = self._criterion(logits, labels)
        self._adamw.zero_grad(set_to_none=True)
        loss.backward()
        self._adamw.step()
        sums.lr = float(self._rates.get_last_lr()[0])
        self._rates.step()
        classes = labels if labels.ndim == 1 else labels.argmax(1)
        weighted = self._class_weights is not None and labels.ndim == 1  # for shares PyTorch's mean is over images
        weight = float(self._class_weights[labels].sum()) if weighted else len(labels)  # type: ignore[index]
        sums.loss += loss.item() * weight
        sums.weight += weight
        sums.correct += int((logits.argmax(1) == classes).sum())
        sums.images += len(labels)

    def state(self) -> dict[str, object]:
        """All that decides the steps to come."""
        return {"adamw": self._adamw.state_dict(), "rates": self._rates.state_dict()}

    def restore(self, state: dict[str, dict[str, object]]) -> None:
        """Go on from there."""
        self._adamw.load_state_dict(state["adamw"])
        self._rates.load_state_dict(state["rates"])


@dataclass
class Sums:
    """What one epoch's steps add up to: an image counts by its class's weight in `loss`, as in PyTorch's own mean.

    `lr` is the last rate used.
    """

    loss: float = 0.0
    weight: float = 0.0
    correct: int = 0
    images: int = 0
    lr: float = 0.0

    @property
    def mean_loss(self) -> float:
        """In nats an image."""
        return self.loss / self.weight


@dataclass
class History:
    """The epochs so far, and what is said of them on the console: `of` are all, `left` tells how long they take."""

    of: int
    epochs: list[Epoch] = field(default_factory=list)
    _printed_at: float = field(default_factory=time.monotonic)

    def add(self, sums: Sums, logits: Tensor, labels: Tensor, left: str = "") -> None:
        """Note an epoch with its validation logits [N, C] and labels [N]; ScraplineError where training diverged."""
        epoch = Epoch(
            epoch=len(self.epochs) + 1,
            lr=sums.lr,
            train_loss=sums.mean_loss,
            train_accuracy=sums.correct / sums.images,
            validation_loss=nn.functional.cross_entropy(logits, labels).item(),
            validation_accuracy=(logits.argmax(1) == labels).float().mean().item(),
        )
        check_finite(epoch.epoch, epoch.train_loss, epoch.validation_loss)
        self.epochs.append(epoch)
        now = time.monotonic()
        if now - self._printed_at >= _NEWS_EVERY_S:  # a head alone makes dozens of epochs a second
            self._printed_at = now
            info(
                f"epoch {epoch.epoch:>3}/{self.of}  train loss {epoch.train_loss:.3f}  validation loss "
                f"{epoch.validation_loss:.3f}, accuracy {epoch.validation_accuracy:.1%}{left}"
            )


def check_finite(epoch: int, *losses: float) -> None:
    """Raise ScraplineError where training diverged."""
    if not all(math.isfinite(loss) for loss in losses):
        raise ScraplineError(f"training diverged in epoch {epoch} (the loss is no number): lower `lr`")


def steps_per_epoch(photos: int, batch_size: int) -> int:
    """How many full batches there are; one at least."""
    return max(1, photos // batch_size)


def seed_of(*parts: int) -> int:
    """A seed of its own for each combination, such as the run's seed, a network and an epoch."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """Loss weights [C] by inverse class frequency, averaging 1 over the images."""
    counts = torch.bincount(labels, minlength=classes).clamp(min=1)
    return len(labels) / (classes * counts.float())


def write_history(path: Path, history: list[Epoch]) -> None:
    """Write history.csv, which drives `dvc plots`."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Epoch)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: round(v, 6) for k, v in asdict(epoch).items()} for epoch in history)
