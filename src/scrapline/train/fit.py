"""The training loop: AdamW, warm-up and cosine, best epoch by validation, early stop."""

import copy
import csv
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn

from scrapline.cli.console import say
from scrapline.cli.entry import ScraplineError
from scrapline.params import Train

_WARM_UP_SHARE = 0.05
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


@dataclass(frozen=True)
class Task:
    """What to train and on what.

    `forward` turns a batch's inputs into logits [N, C]; `batches` gives the (inputs, labels) of an epoch; `validate`
    gives the logits and labels of the validation split as the model stands.
    """

    model: nn.Module
    forward: Callable[[Tensor], Tensor]
    batches: Callable[[int], Iterable[tuple[Tensor, Tensor]]]
    steps_per_epoch: int
    validate: Callable[[], tuple[Tensor, Tensor]]
    class_weights: Tensor | None
    set_training: Callable[[], None]


def fit(task: Task, settings: Train, lr: float) -> list[Epoch]:
    """Train, and leave the model with the parameters of its best epoch (by validation loss)."""
    criterion = nn.CrossEntropyLoss(task.class_weights, label_smoothing=settings.label_smoothing)
    optimizer = torch.optim.AdamW(_groups(task.model, settings.weight_decay), lr=lr, fused=True)
    total = settings.epochs * task.steps_per_epoch
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: warm_up_and_cosine(step, total))
    history: list[Epoch] = []
    best: Epoch | None = None
    told_at = time.monotonic()
    best_state = copy.deepcopy(task.model.state_dict())
    for number in range(1, settings.epochs + 1):
        task.set_training()
        loss_sum, correct, seen, rate = 0.0, 0, 0, 0.0
        for inputs, labels in task.batches(number):
            logits = task.forward(inputs)
            loss = criterion(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            rate = float(scheduler.get_last_lr()[0])
            scheduler.step()
            loss_sum += loss.item() * len(labels)
            correct += int((logits.argmax(1) == labels).sum())
            seen += len(labels)
        epoch = _epoch(number, rate, loss_sum / seen, correct / seen, *task.validate())
        if not math.isfinite(epoch.train_loss) or not math.isfinite(epoch.validation_loss):
            raise ScraplineError(f"training diverged in epoch {number} (the loss is no number): lower `lr`")
        history.append(epoch)
        if best is None or epoch.validation_loss < best.validation_loss:
            best, best_state = epoch, copy.deepcopy(task.model.state_dict())
            if time.monotonic() - told_at >= _NEWS_EVERY_S:  # a head alone makes dozens of epochs a second
                told_at = time.monotonic()
                say(
                    f"epoch {number:>3}/{settings.epochs}  train loss {epoch.train_loss:.3f}  validation loss "
                    f"{epoch.validation_loss:.3f}, accuracy {epoch.validation_accuracy:.1%}, the best so far"
                )
        if number - best.epoch >= settings.patience:
            say(f"epoch {number:>3}/{settings.epochs}  no better validation for {settings.patience} epochs: stopping")
            break
    task.model.load_state_dict(best_state)
    return history


def best_of(history: list[Epoch]) -> Epoch:
    """The epoch whose parameters were kept: that of the lowest validation loss.

    Not the highest accuracy: on a few hundred images that goes up and down by several of them, and the highest is the
    luckiest epoch, whose images on the edge fall to the other side at the first rounding.
    """
    return min(history, key=lambda epoch: epoch.validation_loss)


def warm_up_and_cosine(step: int, total: int) -> float:
    """Share of the base learning rate at a step: up linearly for 5 % of all steps, then down by a cosine to 0."""
    warm_up = max(1, round(_WARM_UP_SHARE * total))
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm_up) / max(1, total - warm_up))))


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


def _epoch(number: int, lr: float, train_loss: float, train_accuracy: float, logits: Tensor, labels: Tensor) -> Epoch:
    loss = nn.functional.cross_entropy(logits, labels).item()
    accuracy = (logits.argmax(1) == labels).float().mean().item()
    return Epoch(number, lr, train_loss, train_accuracy, loss, accuracy)


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Decay the matrices and kernels, not biases and norms."""
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
