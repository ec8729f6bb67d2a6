"""Fine-tuning: the last stage or the whole network learns, from augmented images."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from scrapline.cli.console import say, track
from scrapline.cli.entry import ScraplineError
from scrapline.data import shards
from scrapline.data.imaging import Preprocessing
from scrapline.model import batches
from scrapline.model.batches import predict
from scrapline.model.classifier import Classifier, mixed_precision, native_bf16, normalise
from scrapline.params import Params, Trainable
from scrapline.train.augment import augmented, train_transform
from scrapline.train.fit import Task, balanced_weights, fit
from scrapline.train.outcome import Outcome
from scrapline.train.weights import has_folded_norms


def fine_tune(
    model: Classifier,
    weights: dict[str, str],
    folder: Path,
    preprocessing: Preprocessing,
    params: Params,
    device: torch.device,
) -> Outcome:
    """Train in place what `train.trainable` names; bfloat16 where the device has it, validated in float32.

    `weights` is the provenance of what `model` starts from.
    """
    settings = params.train
    freeze(model, settings.trainable)
    keep_norms = weights["name"] != "none" and has_folded_norms(model)
    if keep_norms:
        say("the batch norms of these weights are folded: they stay in eval mode")
    rows = [row for row in shards.read_manifest(folder) if row.split == "train"]
    names = shards.read_classes(folder)
    labels = torch.tensor([names.index(row.class_name) for row in rows])
    steps = max(1, len(labels) // settings.batch_size)
    dtype = torch.bfloat16 if native_bf16(device) else torch.float32
    transform = train_transform(settings.augment)
    model.to(device).to(memory_format=torch.channels_last)

    def forward(images: Tensor) -> Tensor:
        with mixed_precision(model, device, dtype):
            logits, _ = model(normalise(images, preprocessing))
        result: Tensor = logits.float()
        return result

    def training_batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        seed = params.seed * 1000 + epoch
        torch.manual_seed(seed)
        source = batches.read_shuffled(folder, "train", preprocessing, settings.batch_size, seed=seed)
        for batch in track(source, f"epoch {epoch}/{settings.epochs}", steps, "batches"):
            yield augmented(batch.images, transform).to(device), batch.labels.to(device)

    def validate() -> tuple[Tensor, Tensor]:
        source = batches.read(folder, "val", preprocessing, batches.EVALUATION_BATCH)
        predictions = predict(model, source, preprocessing, device)
        return predictions.logits, predictions.labels

    balance = balanced_weights(labels, len(names)).to(device) if settings.balanced_loss else None
    task = Task(model, forward, training_batches, steps, validate, balance, lambda: set_training(model, keep_norms))
    history = fit(task, settings, params.lr)
    logits, validation_labels = validate()
    precision = "bfloat16 training" if dtype == torch.bfloat16 else "float32 training"
    return Outcome(history, logits, validation_labels, precision, None)


def freeze(model: Classifier, trainable: Trainable) -> None:
    """Let only the named part learn: the head, the head and the last stage, or everything."""
    model.requires_grad_(trainable is Trainable.ALL)
    model.head.requires_grad_(True)
    if trainable is Trainable.LAST_STAGE:
        last_stage(model).requires_grad_(True)


def last_stage(model: Classifier) -> nn.Module:
    """The last stage of the base: `layer4` of a ResNet, the last block of kernels in `features` and their like.

    Raises ScraplineError for a network that is built otherwise.
    """
    for name in ("layer4", "trunk_output", "features", "encoder.layers"):
        try:
            stages = model.backbone.get_submodule(name)
        except AttributeError:
            continue
        blocks = [stages] if name == "layer4" else [block for block in stages.children() if _has_kernels(block)]
        if blocks:
            return blocks[-1]
    raise ScraplineError(f"`train.trainable: last_stage` does not know where {model.arch} has it: use head or all")


def _has_kernels(block: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in block.parameters())


def set_training(model: Classifier, keep_norms: bool) -> None:
    """Training mode, except for batch norms that are frozen or folded: their statistics stay as they are."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and (keep_norms or not module.weight.requires_grad):
            module.eval()
