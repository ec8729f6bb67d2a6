"""Which layers learn, and in which stage of the network each stands: earlier stages learn at lower rates."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from scrapline.model.classifier import Classifier
from scrapline.params import Trainable
from scrapline.system.errors import ScraplineError


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


def learning(model: Classifier, input_size: int) -> list[list[Parameter]]:
    """The parameters that learn, by stage: those of the last one with the head's first, those of the stem last."""
    groups = _stages(model, input_size)[::-1]
    groups[0] += model.head.parameters()
    by_stage = [[parameter for parameter in group if parameter.requires_grad] for group in groups]
    return [group for group in by_stage if group]


@torch.inference_mode()
def _stages(model: Classifier, input_size: int) -> list[list[Parameter]]:
    """The base's parameters in the order in which an image meets them: a stage ends where the picture gets smaller.

    What computes on something else than a picture, as a squeeze-and-excitation or an encoder's layers do, belongs to
    the stage before it. A ResNet has five stages, the stem and `layer1` to `layer4`.
    """
    sides: dict[nn.Module, int] = {}

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        before = next(reversed(sides.values()), input_size)
        picture = all(isinstance(value, Tensor) and value.ndim == 4 for value in (*inputs[:1], output))
        smaller = picture and inputs[0].shape[2] > 1 and output.shape[2] < before
        sides.setdefault(module, output.shape[2] if smaller else before)

    owners = [module for module in model.backbone.modules() if next(module.parameters(recurse=False), None) is not None]
    hooks = [module.register_forward_hook(note) for module in owners]
    training = model.training
    device = next(model.parameters()).device
    model.eval()(torch.zeros(1, 3, input_size, input_size, device=device))
    model.train(training)
    for hook in hooks:
        hook.remove()
    last = min(sides.values(), default=input_size)
    found: dict[int, list[Parameter]] = {side: [] for side in sorted({*sides.values(), last}, reverse=True)}
    for module in owners:  # one that is not called, as an attention's last layer, learns with the last stage
        found[sides.get(module, last)] += module.parameters(recurse=False)
    return list(found.values())


def set_training(model: Classifier) -> None:
    """Training mode, except for batch norms that are frozen: their statistics stay as they are."""
    model.train()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
            module.eval()


def rate_groups(
    by_stage: Sequence[Sequence[Parameter]], *, lr: float, decay: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups for the optimiser: the first stage at `lr`, each further one at `decay` times the rate of the one before.

    Matrices and kernels lose weight, biases and norms do not.
    """
    return [
        {"params": part, "lr": lr * decay**depth, "weight_decay": weight_decay * heavy}
        for depth, stage in enumerate(by_stage)
        for heavy in (True, False)
        if (part := [parameter for parameter in stage if (parameter.ndim > 1) is heavy])
    ]


def _has_kernels(block: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in block.parameters())
