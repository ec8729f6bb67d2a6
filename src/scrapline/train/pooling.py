"""Adaptive average pooling by matrix products, whose gradient CUDA computes the same from run to run.

PyTorch's own adds gradients up there in whatever order they come, and refuses to where that is forbidden.
"""

import torch
from torch import Tensor, nn


class MatrixPool2d(nn.Module):
    """What `nn.AdaptiveAvgPool2d` computes, for any sizes: images [N, C, H, W] to [N, C, *output_size]."""

    def __init__(self, output_size: tuple[int, int]) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, images: Tensor) -> Tensor:
        """Means of the windows, summed in float32 as PyTorch does; in the images' own precision."""
        rows, columns = (
            _means(*sides).to(images.device) for sides in zip(images.shape[-2:], self.output_size, strict=True)
        )
        with torch.autocast(images.device.type, enabled=False):
            return (rows @ images.float() @ columns.T).to(images.dtype)


def replace_adaptive(network: nn.Module) -> None:
    """Put MatrixPool2d where AdaptiveAvgPool2d stands, in place; none has parameters.

    An output of 1 x 1 stays: PyTorch computes that as a mean, which is deterministic.
    """
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.AdaptiveAvgPool2d) and (size := _pair(module.output_size)) != (1, 1):
            network.set_submodule(name, MatrixPool2d(size))


def _pair(size: int | tuple[int | None, ...] | None) -> tuple[int, int]:
    height, width = size if isinstance(size, tuple) else (size, size)
    if height is None or width is None:
        raise ValueError("an adaptive pooling that leaves a side as it is; torchvision has none")
    return height, width


def _means(length: int, wanted: int) -> Tensor:
    """The matrix [wanted, length] that takes the mean of each window; windows as PyTorch cuts them."""
    matrix = torch.zeros(wanted, length)
    for window in range(wanted):
        start, end = window * length // wanted, -(-(window + 1) * length // wanted)
        matrix[window, start:end] = 1 / (end - start)
    return matrix
