"""Batch norms that were folded into their convolutions get statistics back, so that they can learn again."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def has_folded_norms(model: nn.Module) -> bool:
    """Whether the batch norms were folded into the convolutions: their running statistics are all 0 and 1.

    In training mode such a layer would normalise by batch statistics that the convolutions never met.
    """
    norms = _norms(model)
    return bool(norms) and all(
        torch.all(norm.running_mean == 0) and torch.all(norm.running_var == 1)
        for norm in norms
        if norm.running_mean is not None and norm.running_var is not None
    )


@torch.inference_mode()
def give_back_statistics(model: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set each batch norm's running mean and variance to those of what it meets, and scale and shift to undo them.

    `batches` are normalised images [N, 3, S, S]. In eval mode the model computes what it did before, but for rounding;
    in training mode a batch's own statistics now mean nearly the same.
    """
    sums: dict[nn.Module, Tensor] = {
        norm: torch.zeros(3, norm.num_features, dtype=torch.float64) for norm in _norms(model)
    }

    def count(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        values = inputs[0].double().flatten(2)
        seen = torch.full((values.shape[1],), values.shape[0] * values.shape[2], device=values.device)
        sums[norm] += torch.stack([seen, values.sum((0, 2)), values.square().sum((0, 2))]).cpu()

    hooks = [norm.register_forward_pre_hook(count) for norm in sums]
    training = model.training
    model.eval()
    for images in batches:
        model(images)
    for hook in hooks:
        hook.remove()
    for norm in _norms(model):
        seen, total, squares = sums[norm]
        mean = total / seen
        _renormalise(norm, mean, (squares / seen - mean.square()).clamp(min=0))
    model.train(training)


def _renormalise(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    """Give it these statistics [C], and the scale and shift with which it computes what it did."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    old = norm.weight.double().cpu() / (norm.running_var.double().cpu() + norm.eps).sqrt()
    shift = norm.bias.double().cpu() + old * (mean - norm.running_mean.double().cpu())
    norm.weight.copy_(old * (variance + norm.eps).sqrt())
    norm.bias.copy_(shift)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)


def _norms(model: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
