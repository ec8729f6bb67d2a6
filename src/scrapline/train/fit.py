"""What both ways of training share: the optimiser, one step, the rates, and the best epoch by validation loss."""

import copy
import csv
import math
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from scrapline.cli.console import info
from scrapline.params import Train
from scrapline.system.errors import ScraplineError
from scrapline.train.schedule import warm_up_and_cosine

_NEWS_EVERY_S = 1.0


@dataclass(frozen=True)
class Epoch:
    """One line of history.csv; `lr` is the epoch's last.

    Losses are in nats an image: in training the one that is minimised, with label smoothing and class weights if asked
    for; on validation plain cross-entropy.
    """

    epoch: int
    lr: float
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float


class Optimiser:
    """AdamW with warm-up and cosine on what learns of a model, and the loss that it lowers."""

    def __init__(
        self, model: nn.Module, settings: Train, *, lr: float, steps_per_epoch: int, class_weights: Tensor | None
    ) -> None:
        self._class_weights = class_weights
        self._criterion = nn.CrossEntropyLoss(class_weights, label_smoothing=settings.label_smoothing)
        self._adamw = torch.optim.AdamW(decayed_groups(model, settings.weight_decay), lr=lr, fused=True)
        total = settings.epochs * steps_per_epoch
        self._rates = torch.optim.lr_scheduler.LambdaLR(self._adamw, lambda step: warm_up_and_cosine(step, total))

    def step(self, logits: Tensor, labels: Tensor, sums: "Sums") -> None:
        """One step down the loss of a batch's logits [N, C] with labels [N]; counted in `sums`."""
        loss = self._criterion(logits, labels)
        self._adamw.zero_grad(set_to_none=True)
        loss.backward()
        self._adamw.step()
        sums.lr = float(self._rates.get_last_lr()[0])
        self._rates.step()
        weight = len(labels) if self._class_weights is None else float(self._class_weights[labels].sum())
        sums.loss += loss.item() * weight
        sums.weight += weight
        sums.correct += int((logits.argmax(1) == labels).sum())
        sums.images += len(labels)


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


@dataclass
class Progress:
    """The epochs so far, and the parameters of the best of them."""

    model: nn.Module
    settings: Train
    history: list[Epoch] = field(default_factory=list)
    _best_state: dict[str, Tensor] = field(default_factory=dict)
    _printed_at: float = field(default_factory=time.monotonic)

    def add(self, sums: Sums, logits: Tensor, labels: Tensor) -> None:
        """Note an epoch with its validation logits [N, C] and labels [N]; ScraplineError where training diverged."""
        epoch = Epoch(
            epoch=len(self.history) + 1,
            lr=sums.lr,
            train_loss=sums.loss / sums.weight,
            train_accuracy=sums.correct / sums.images,
            validation_loss=nn.functional.cross_entropy(logits, labels).item(),
            validation_accuracy=(logits.argmax(1) == labels).float().mean().item(),
        )
        if not math.isfinite(epoch.train_loss) or not math.isfinite(epoch.validation_loss):
            raise ScraplineError(f"training diverged in epoch {epoch.epoch} (the loss is no number): lower `lr`")
        self.history.append(epoch)
        if best_of(self.history) is epoch:
            self._best_state = copy.deepcopy(self.model.state_dict())
            self._print(epoch)

    def finished(self) -> bool:
        """Whether all epochs are done, or none of the last `patience` was better."""
        done = len(self.history)
        if done == self.settings.epochs:
            return True
        if done == 0 or done - best_of(self.history).epoch < self.settings.patience:
            return False
        patience = self.settings.patience
        info(f"epoch {done:>3}/{self.settings.epochs}  no better validation for {patience} epochs: stopping")
        return True

    def restore_best(self) -> None:
        """Give the model the parameters of its best epoch."""
        self.model.load_state_dict(self._best_state)

    def _print(self, epoch: Epoch) -> None:
        if time.monotonic() - self._printed_at < _NEWS_EVERY_S:  # a head alone makes dozens of epochs a second
            return
        self._printed_at = time.monotonic()
        info(
            f"epoch {epoch.epoch:>3}/{self.settings.epochs}  train loss {epoch.train_loss:.3f}  validation loss "
            f"{epoch.validation_loss:.3f}, accuracy {epoch.validation_accuracy:.1%}, the best so far"
        )


def best_of(history: list[Epoch]) -> Epoch:
    """The epoch whose parameters are kept: the first of the lowest validation loss.

    Not the highest accuracy: on a few hundred images that goes up and down by several of them, and the highest is the
    luckiest epoch, whose images on the edge fall to the other side at the first rounding.
    """
    return min(history, key=lambda epoch: epoch.validation_loss)


def balanced_weights(labels: Tensor, classes: int) -> Tensor:
    """Loss weights [C] by inverse class frequency, averaging 1 over the images."""
    counts = torch.bincount(labels, minlength=classes).clamp(min=1)
    return len(labels) / (classes * counts.float())


def decayed_groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """What learns, in two groups for the optimiser: matrices and kernels decay, biases and norms do not."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]


def write_history(path: Path, history: list[Epoch]) -> None:
    """Write history.csv, which drives `dvc plots`."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Epoch)], lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: round(v, 6) for k, v in asdict(epoch).items()} for epoch in history)
