"""What a training leaves besides the model, and the metrics made of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scrapline.cli.console import info
from scrapline.model.checkpoint import Checkpoint
from scrapline.params import Params
from scrapline.train.fit import Epoch, best_of


@dataclass(frozen=True)
class Trained:
    """A finished training: its history, the validation logits and labels of the kept epoch, and how it computed."""

    history: list[Epoch]
    logits: Tensor
    labels: Tensor
    precision: str
    bf16_agreement: float | None


def metrics(trained: Trained, checkpoint: Checkpoint, settings: Params, device: torch.device) -> dict[str, Any]:
    """The content of results/training/metrics.json; deterministic, so without any timing."""
    best = best_of(trained.history)
    return {
        "validation_accuracy": round(best.validation_accuracy, 6),
        "validation_loss": round(best.validation_loss, 6),
        "best_epoch": best.epoch,
        "epochs_run": len(trained.history),
        "temperature": checkpoint.temperature,
        "arch": checkpoint.arch,
        "trainable": settings.train.trainable.value,
        "device": device.type,
        "precision": trained.precision,
        "bf16_agreement": trained.bf16_agreement,
        "weights": checkpoint.weights,
    }


def print_summary(trained: Trained, checkpoint: Checkpoint) -> None:
    """Say on the console what was trained, from what, and how well it validates."""
    best = best_of(trained.history)
    info(f"started from {checkpoint.weights['name']}: {checkpoint.weights['description']}")
    if (findings := checkpoint.weights.get("findings", "none")) != "none":
        info(f"  read off the file: {findings}")
    fed = checkpoint.preprocessing
    mean, std = (" / ".join(f"{value:g}" for value in values) for values in (fed.mean, fed.std))
    info(f"fed photos {fed.geometry}, {fed.interpolation}, mean {mean}, std {std}")
    info(
        f"best epoch {best.epoch} of {len(trained.history)}: validation accuracy {best.validation_accuracy:.1%} "
        f"({trained.precision}), temperature {checkpoint.temperature}"
    )
