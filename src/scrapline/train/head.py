"""The classic transfer set-up: a frozen base, and a new last layer trained on its cached features."""

import numpy as np
import torch
from torch import Tensor, nn

from scrapline.cli.console import info
from scrapline.model.compute import native_bf16
from scrapline.model.features import Extractor, Features
from scrapline.params import Params
from scrapline.train.augment import views
from scrapline.train.fit import Epoch, Optimiser, Progress, Sums, balanced_weights
from scrapline.train.trained import Trained

_MIN_AGREEMENT = 0.995


def train_head(extractor: Extractor, params: Params) -> Trained:
    """Train the model's last layer, in place.

    Validation features are always float32, as the deployed model computes. Training features are bfloat16 where the
    device has it and the trained head predicts the same class from both on 99.5 % of validation; float32 otherwise.
    """
    validation = extractor.features("val")
    if native_bf16(extractor.device):
        fitted = _fit(extractor, params, torch.bfloat16, validation)
        agreement = _agreement(extractor.model.head, validation, extractor.features("val", dtype=torch.bfloat16))
        if agreement >= _MIN_AGREEMENT:
            return Trained(*fitted, "bfloat16 features", agreement)
        info(f"bfloat16 features change {1 - agreement:.1%} of the predicted classes: training on float32 features")
    return Trained(*_fit(extractor, params, torch.float32, validation), "float32 features", None)


def _fit(
    extractor: Extractor, params: Params, dtype: torch.dtype, validation: Features
) -> tuple[list[Epoch], Tensor, Tensor]:
    settings = params.train
    shown = views(settings.augment, settings.views, params.seed)
    training = extractor.features("train", dtype=dtype, views=shown)
    head = extractor.model.head.cpu()
    labels = torch.from_numpy(training.labels)
    validation_labels = torch.from_numpy(validation.labels)
    mean, scale = _moments(training)
    validation_inputs = (validation.plain() - mean) / scale
    torch.manual_seed(params.seed)
    layer = nn.Linear(head.in_features, head.out_features)
    steps = max(1, len(labels) // settings.batch_size)
    weights = balanced_weights(labels, head.out_features) if settings.balanced_loss else None
    optimiser = Optimiser(layer, settings, lr=params.lr, steps_per_epoch=steps, class_weights=weights)
    progress = Progress(layer, settings)
    while not progress.finished():
        rng = np.random.default_rng([params.seed, len(progress.history) + 1])
        order = rng.permutation(len(labels))
        which_view = rng.integers(len(training.values), size=len(labels))
        sums = Sums()
        for step in range(steps):
            rows = order[step * settings.batch_size : (step + 1) * settings.batch_size]
            inputs = torch.from_numpy(training.values[which_view[rows], rows])
            optimiser.step(layer((inputs - mean) / scale), labels[rows], sums)
        with torch.inference_mode():
            progress.add(sums, layer(validation_inputs), validation_labels)
    progress.restore_best()
    with torch.no_grad():  # the same function of features as they are: W (x - mean) / scale + b
        head.weight.copy_(layer.weight / scale)
        head.bias.copy_(layer.bias - layer.weight @ mean / scale)
        logits = head(validation.plain())
    return progress.history, logits, validation_labels


def _moments(features: Features) -> tuple[Tensor, float]:
    """Mean [D] and one overall standard deviation of the unchanged view, so that one learning rate suits every base.

    One scale for all features, because scaling each by its own blows up the rarely active ones: on TrashNet that cost
    about one point of validation accuracy.
    """
    plain = features.plain()
    return plain.mean(dim=0), float(plain.std()) + 1e-6


def _agreement(head: nn.Linear, exact: Features, rounded: Features) -> float:
    with torch.inference_mode():
        predicted = [head(features.plain()).argmax(1) for features in (exact, rounded)]
    return float((predicted[0] == predicted[1]).float().mean())
