"""The classic transfer set-up: a frozen base, and a new last layer trained on its cached features."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from scrapline.cli.console import info, track
from scrapline.model.compute import fast_bf16
from scrapline.model.features import Extractor, Features
from scrapline.model.joined import Joined, Rows
from scrapline.params import Params
from scrapline.train.augment import views
from scrapline.train.fit import History, Optimiser, Sums, balanced_weights, check_finite, seed_of, steps_per_epoch
from scrapline.train.folds import Folds
from scrapline.train.trained import OutOfFold, Trained

_MIN_AGREEMENT = 0.995
# How a head is fitted from which fine-tuning begins. Features are brought to one scale first, so one rate suits all.
_PROBE_LR = 0.005
_PROBE = {"epochs": 60, "batch_size": 64, "weight_decay": 0.02, "label_smoothing": 0.0}


def train_head(extractor: Extractor, folds: Folds, params: Params) -> Trained:
    """Train the model's last layer, in place, and a head of its own for each fold.

    Its validation is on float32 features, as the deployed model computes; that of the folds on those they learn from.
    """
    data, agreement = features_to_learn_from(extractor, splits_for(folds), params)
    validation = extractor.features("val")
    history, logits = _final(extractor, data, validation, params)
    held_out = _folds(data, folds, params, extractor.model.head)
    precision = "float32 features" if agreement is None else "bfloat16 features"
    return Trained(history.epochs, logits, validation.labels, precision, agreement, held_out)


def features_to_learn_from(extractor: Extractor, splits: Sequence[str], params: Params) -> tuple[Joined, float | None]:
    """The features of all views of some splits' photos, training first, for heads to learn from.

    They are bfloat16 where the device has it and a head trained on them predicts the same class from both precisions
    on 99.5 % of validation, which comes with them; float32 otherwise.
    """
    if fast_bf16(extractor.device):
        data = gather(extractor, splits, params, torch.bfloat16)
        exact, rounded = (extractor.features("val", dtype=dtype) for dtype in (torch.float32, torch.bfloat16))
        head = fit_head(data, _training(data), extractor.model.head, params, network=0)
        agreement = _agreement(head, exact, rounded)
        if agreement >= _MIN_AGREEMENT:
            return data, agreement
        info(f"bfloat16 features change {1 - agreement:.1%} of the predicted classes: training on float32 features")
    return gather(extractor, splits, params, torch.float32), None


def probe_settings(params: Params) -> Params:
    """The settings by which the head is fitted that fine-tuning begins from: not those of the fine-tuning."""
    return params.model_copy(update={"lr": _PROBE_LR, "train": params.train.model_copy(update=_PROBE)})


def splits_for(folds: Folds) -> Sequence[str]:
    """The splits whose photos heads learn from: training, and validation too where there are folds."""
    return ("train", "val") if len(folds) else ("train",)


def gather(extractor: Extractor, splits: Sequence[str], params: Params, dtype: torch.dtype) -> Joined:
    """The features of all views of some splits' photos, that heads learn from."""
    shown = views(params.train.augment, extractor.preprocessing.input_size, params.train.views, params.seed)
    return Joined([extractor.features(split, dtype=dtype, views=shown) for split in splits])


def fit_head(
    data: Joined,
    rows: Rows,
    like: nn.Linear,
    params: Params,
    *,
    network: int,
    observe: Callable[[Sums, nn.Linear], None] | None = None,
) -> nn.Linear:
    """A head of the form of another, fitted on the views of some photos; it takes features as they are.

    `network` numbers those of one training, each with its own draws; `observe` sees the head after each epoch.
    """
    settings, classes = params.train, like.out_features
    labels = torch.from_numpy(data.labels)
    mean, scale = _moments(torch.from_numpy(data.take(rows)))
    if like.bias is None:
        mean = torch.zeros_like(mean)  # which nothing could take in
    torch.manual_seed(seed_of(params.seed, network))
    layer = nn.Linear(len(mean), classes, bias=like.bias is not None)
    steps = steps_per_epoch(len(rows), settings.batch_size)
    weights = balanced_weights(labels[rows], classes) if settings.balanced_loss else None
    optimiser = Optimiser(
        [list(layer.parameters())], settings, lr=params.lr, steps_per_epoch=steps, class_weights=weights
    )
    for epoch in range(1, settings.epochs + 1):
        rng = np.random.default_rng([params.seed, network, epoch])
        order = rng.permutation(rows)
        shown = rng.integers(data.views, size=len(rows))
        sums = Sums()
        for start in range(0, steps * settings.batch_size, settings.batch_size):
            batch = slice(start, start + settings.batch_size)
            inputs = torch.from_numpy(data.take(order[batch], shown[batch]))
            optimiser.step(layer((inputs - mean) / scale), labels[order[batch]], sums)
        check_finite(epoch, sums.loss)
        if observe:
            observe(sums, _of_features(layer, mean, scale))
    return _of_features(layer, mean, scale)


def _final(extractor: Extractor, data: Joined, validation: Features, params: Params) -> tuple[History, Tensor]:
    """Put the head in place that is fitted on the training photos; its history, and its validation logits."""
    head = extractor.model.head.cpu()
    plain, labels = validation.plain(), torch.from_numpy(validation.labels)
    history = History(params.train.epochs)

    def note(sums: Sums, fitted: nn.Linear) -> None:
        with torch.inference_mode():
            history.add(sums, fitted(plain), labels)

    fitted = fit_head(data, _training(data), head, params, network=0, observe=note)
    head.load_state_dict(fitted.state_dict())
    with torch.inference_mode():
        return history, head(plain).clone()


def _training(data: Joined) -> Rows:
    """The photos of training, the first split."""
    return np.arange(len(data.parts[0].labels))


def _folds(data: Joined, folds: Folds, params: Params, like: nn.Linear) -> OutOfFold | None:
    if not len(folds):
        return None
    repeats, photos = folds.fold.shape
    classes = like.out_features
    size = data.parts[0].values.shape[2]
    weight = np.zeros((repeats, folds.count, classes, size), np.float32)
    bias = np.zeros((repeats, folds.count, classes), np.float32)
    logits = np.full((repeats, photos, classes), np.nan, np.float32)
    for number, cut in enumerate(track(folds, "heads of the folds", len(folds), "heads"), start=1):
        head = fit_head(data, cut.train, like, params, network=number)
        weight[cut.repeat, cut.fold] = head.weight.detach().numpy()
        bias[cut.repeat, cut.fold] = 0 if head.bias is None else head.bias.detach().numpy()
        with torch.inference_mode():
            logits[cut.repeat, cut.held_out] = head(torch.from_numpy(data.take(cut.held_out))).numpy()
    return OutOfFold(logits, {"weight": weight, "bias": bias})


def _of_features(layer: nn.Linear, mean: Tensor, scale: float) -> nn.Linear:
    """The same function of features as they are: W (x - mean) / scale + b."""
    head = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
    with torch.no_grad():
        head.weight.copy_(layer.weight / scale)
        if layer.bias is not None:
            head.bias.copy_(layer.bias - layer.weight @ mean / scale)
    return head


def _moments(plain: Tensor) -> tuple[Tensor, float]:
    """Mean [D] and one overall standard deviation of the unchanged view, so that one learning rate suits every base.

    One scale for all features, because scaling each by its own blows up the rarely active ones: on TrashNet that cost
    about one point of validation accuracy.
    """
    return plain.mean(dim=0), float(plain.std()) + 1e-6


def _agreement(head: nn.Linear, exact: Features, rounded: Features) -> float:
    with torch.inference_mode():
        predicted = [head(features.plain()).argmax(1) for features in (exact, rounded)]
    return float((predicted[0] == predicted[1]).float().mean())
