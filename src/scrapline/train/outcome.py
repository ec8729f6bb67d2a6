"""What a training leaves besides the model, and the metrics made of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scrapline.cli.console import say
from scrapline.model.classifier import Checkpoint
from scrapline.params import Params
from scrapline.train.fit import Epoch, best_of


@dataclass(frozen=True)
class Outcome:
    """A finished training: its history, the validation logits and labels of the kept epoch, and how it computed."""

    history: list[Epoch]
    logits: Tensor
    labels: Tensor
    precision: str
    bf16_agreement: float | None


def metrics(outcome: Outcome, checkpoint: Checkpoint, settings: Params, device: torch.device) -> dict[str, Any]:
    """The content of results/training/metrics.json; deterministic, so without any timing."""
    best = best_of(outcome.history)
    return {
        "validation_accuracy": round(best.validation_accuracy, 6),
        "validation_loss": round(best.validation_loss, 6),
        "best_epoch": best.epoch,
        "epochs_run": len(outcome.history),
        "temperature": checkpoint.temperature,
        "arch": checkpoint.arch,
        "trainable": settings.train.trainable.value,
        "device": device.type,
        "precision": outcome.precision,
        "bf16_agreement": outcome.bf16_agreement,
        "weights": checkpoint.weights,
    }


def tell(outcome: Outcome, checkpoint: Checkpoint) -> None:
    """Say on the console what was trained, from what, and how well it validates."""
    best = best_of(outcome.history)
    say(f"started from {checkpoint.weights['name']}: {checkpoint.weights['description']}")
    if (findings := checkpoint.weights.get("findings", "none")) != "none":
        say(f"  read off the file: {findings}")
    say(
        f"best epoch {best.epoch} of {len(outcome.history)}: validation accuracy {best.validation_accuracy:.1%} "
        f"({outcome.precision}), temperature {checkpoint.temperature}"
    )
