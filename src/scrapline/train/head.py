"""The classic transfer set-up: a frozen base, and a new last layer trained on its cached features."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from scrapline.cli.console import say
from scrapline.model.classifier import native_bf16
from scrapline.model.features import Extractor, Features
from scrapline.params import Params
from scrapline.train.augment import views
from scrapline.train.fit import Epoch, Task, balanced_weights, fit
from scrapline.train.outcome import Outcome

_MIN_AGREEMENT = 0.995


def train_head(extractor: Extractor, params: Params) -> Outcome:
    """Train the model's last layer, in place.

    Validation features are always float32, as the deployed model computes. Training features are bfloat16 where the
    device has it and the trained head predicts the same class from both on 99.5 % of validation; float32 otherwise.
    """
    validation = extractor.features("val")
    if native_bf16(extractor.device):
        outcome = _fit(extractor, params, torch.bfloat16, validation)
        agreement = _agreement(extractor.model.head, validation, extractor.features("val", dtype=torch.bfloat16))
        if agreement >= _MIN_AGREEMENT:
            return Outcome(*outcome, "bfloat16 features", agreement)
        say(f"bfloat16 features change {1 - agreement:.1%} of the predicted classes: training on float32 features")
    return Outcome(*_fit(extractor, params, torch.float32, validation), "float32 features", None)


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

    def batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        rng = np.random.default_rng([params.seed, epoch])
        order = rng.permutation(len(labels))
        which_view = rng.integers(len(training.values), size=len(labels))
        for step in range(steps):
            rows = order[step * settings.batch_size : (step + 1) * settings.batch_size]
            inputs = torch.from_numpy(training.values[which_view[rows], rows])
            yield (inputs - mean) / scale, labels[rows]

    def validate() -> tuple[Tensor, Tensor]:
        with torch.inference_mode():
            return layer(validation_inputs), validation_labels

    weights = balanced_weights(labels, head.out_features) if settings.balanced_loss else None
    steps = max(1, len(labels) // settings.batch_size)
    history = fit(Task(layer, layer, batches, steps, validate, weights, lambda: None), settings, params.lr)
    with torch.no_grad():  # the same function of features as they are: W (x - mean) / scale + b
        head.weight.copy_(layer.weight / scale)
        head.bias.copy_(layer.bias - layer.weight @ mean / scale)
        logits = head(validation.plain())
    return history, logits, validation_labels


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
