"""Fine-tuning: the last stage or the whole network learns, from augmented images."""

from pathlib import Path

import torch
from torch import nn

from scrapline.cli.console import info, track
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model.batches import EVALUATION_BATCH, Predictions, normalise, predict
from scrapline.model.classifier import Classifier
from scrapline.model.compute import mixed_precision, native_bf16
from scrapline.params import Params, Trainable
from scrapline.system.errors import ScraplineError
from scrapline.train.augment import augmented, train_transform
from scrapline.train.fit import Optimiser, Progress, Sums, balanced_weights
from scrapline.train.pooling import replace_adaptive
from scrapline.train.trained import Trained
from scrapline.train.weights import has_folded_norms


def fine_tune(
    model: Classifier,
    weights: dict[str, str],
    folder: Path,
    preprocessing: Preprocessing,
    params: Params,
    device: torch.device,
) -> Trained:
    """Train in place what `train.trainable` names; bfloat16 where the device has it, validated in float32.

    `weights` is the provenance of what `model` starts from.
    """
    settings = params.train
    freeze(model, settings.trainable)
    keep_norms = weights["name"] != "none" and has_folded_norms(model)
    if keep_norms:
        info("the batch norms of these weights are folded: they stay in eval mode")
    rows = [row for row in shards.read_manifest(folder) if row.split == "train"]
    names = shards.read_classes(folder)
    labels = torch.tensor([names.index(row.class_name) for row in rows])
    steps = max(1, len(labels) // settings.batch_size)
    dtype = torch.bfloat16 if native_bf16(device) else torch.float32
    transform = train_transform(settings.augment)
    model.to(device).to(memory_format=torch.channels_last)
    if device.type == "cuda":
        replace_adaptive(model)
    balance = balanced_weights(labels, len(names)).to(device) if settings.balanced_loss else None
    optimiser = Optimiser(model, settings, lr=params.lr, steps_per_epoch=steps, class_weights=balance)
    progress = Progress(model, settings)
    while not progress.finished():
        number = len(progress.history) + 1
        seed = params.seed * 1000 + number
        torch.manual_seed(seed)
        set_training(model, keep_norms)
        source = decoding.read_shuffled(folder, "train", preprocessing, settings.batch_size, seed=seed)
        sums = Sums()
        for batch in track(source, f"epoch {number}/{settings.epochs}", steps, "batches"):
            images = augmented(torch.from_numpy(batch.images), transform).to(device)
            with mixed_precision(model, device, dtype):
                logits, _ = model(normalise(images, preprocessing))
            optimiser.step(logits.float(), torch.from_numpy(batch.labels).to(device), sums)
        validation = _validate(model, folder, preprocessing, device)
        progress.add(sums, validation.logits, validation.labels)
    progress.restore_best()
    validation = _validate(model, folder, preprocessing, device)
    precision = "bfloat16 training" if dtype == torch.bfloat16 else "float32 training"
    return Trained(progress.history, validation.logits, validation.labels, precision, None)


def _validate(model: Classifier, folder: Path, preprocessing: Preprocessing, device: torch.device) -> Predictions:
    batches = decoding.read(folder, "val", preprocessing, EVALUATION_BATCH)
    return predict(model, batches, preprocessing, device)


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
