"""What a training leaves besides the model, and the metrics made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scrapline import paths
from scrapline.cli.console import info
from scrapline.data.shards import Row
from scrapline.measures import cross_validation
from scrapline.model.checkpoint import Checkpoint
from scrapline.params import Params
from scrapline.system.files import write_json
from scrapline.train.fit import Epoch, write_history
from scrapline.train.folds import Folds
from scrapline.train.folds import write as write_folds


@dataclass(frozen=True)
class OutOfFold:
    """What the networks of the folds say of photos they have not seen.

    `logits` float32 [R, N, C] of each photo in each repeat, NaN where it is held out in no fold. `learned` is what each
    network learned, by the names in folds.npz: heads as `weight` [R, F, C, D] and `bias` [R, F, C], of networks that
    were fine-tuned what they make of every photo, `fold_logits` [R, F, N, C] and `embeddings` float16 [R, F, N, D].
    """

    logits: npt.NDArray[np.float32]
    learned: dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Trained:
    """A finished training: its history, the validation logits [N, C] and labels [N], and how it computed."""

    history: list[Epoch]
    logits: Tensor
    labels: npt.NDArray[np.int64]
    precision: str
    bf16_agreement: float | None
    out_of_fold: OutOfFold | None = None


def metrics(trained: Trained, checkpoint: Checkpoint, settings: Params, device: torch.device) -> dict[str, Any]:
    """The training's part of results/training/metrics.json; deterministic, so without any timing."""
    last = trained.history[-1]
    return {
        "validation_accuracy": round(last.validation_accuracy, 6),
        "validation_loss": round(last.validation_loss, 6),
        "epochs": len(trained.history),
        "temperature": checkpoint.temperature,
        "arch": checkpoint.arch,
        "trainable": settings.train.trainable.value,
        "device": device.type,
        "precision": trained.precision,
        "bf16_agreement": trained.bf16_agreement,
        "weights": checkpoint.weights,
    }


def cross_validated(trained: Trained, rows: Sequence[Row], folds: Folds, classes: list[str]) -> dict[str, Any]:
    """The folds' part; null where there are none."""
    if trained.out_of_fold is None:
        return {"cross_validation": None}
    labels = np.array([classes.index(row.class_name) for row in rows])
    groups = [row.group for row in rows]
    predicted = trained.out_of_fold.logits.argmax(axis=2)
    return {"cross_validation": cross_validation.figures(folds.fold, predicted, labels, groups, classes)}


def write(folder: Path, trained: Trained, content: dict[str, Any], rows: Sequence[Row], folds: Folds) -> None:
    """Write the history, the metrics, and the folds with what each learned."""
    write_history(folder / paths.HISTORY.name, trained.history)
    write_json(folder / paths.TRAINING_METRICS.name, content)
    if trained.out_of_fold is not None:
        write_folds(folder / paths.FOLDS.name, rows, folds)
        arrays = {"logits": trained.out_of_fold.logits, **trained.out_of_fold.learned}
        np.savez(folder / paths.FOLD_ARRAYS.name, allow_pickle=False, **arrays)  # its members bear no times


def print_summary(content: dict[str, Any], checkpoint: Checkpoint) -> None:
    """Say on the console what was trained, from what, and how well it does on photos that it did not see."""
    info(f"started from {checkpoint.weights['name']}: {checkpoint.weights['description']}")
    if (findings := checkpoint.weights.get("findings", "none")) != "none":
        info(f"  read off the file: {findings}")
    fed = checkpoint.preprocessing
    mean, std = (" / ".join(f"{value:g}" for value in values) for values in (fed.mean, fed.std))
    info(f"fed photos {fed.geometry}, {fed.interpolation}, mean {mean}, std {std}")
    info(
        f"{content['epochs']} epochs: validation accuracy {content['validation_accuracy']:.1%} "
        f"({content['precision']}), temperature {checkpoint.temperature}"
    )
    if folds := content["cross_validation"]:
        found = folds["accuracy"]
        info(
            f"cross-validated, {folds['folds']} folds drawn {folds['repeats']} times: accuracy {found['rate']:.1%} "
            f"(95 % interval {found['ci95_low']:.1%} to {found['ci95_high']:.1%}, {found['photos']} photos)"
        )
