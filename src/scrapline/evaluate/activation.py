"""Where in a photo a network finds what speaks for a class."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scrapline.data.imaging import Pixels, Preprocessing
from scrapline.model.batches import normalise
from scrapline.model.classifier import Classifier

_FEWEST_CONVOLUTIONS = 2
_ALIKE = 1e-4


def has_maps(model: Classifier) -> bool:
    """Whether the network is a convolutional one; a transformer's one convolution cuts the photo into patches."""
    return sum(isinstance(module, nn.Conv2d) for module in model.modules()) >= _FEWEST_CONVOLUTIONS


def activation_map(
    model: Classifier, pixels: Pixels, preprocessing: Preprocessing, label: int
) -> npt.NDArray[np.float32] | None:
    """How much each place of a photo uint8 [S, S, 3] adds to a class's logit: [h, w], in units of the logit.

    Grad-CAM (Selvaraju et al. 2017) on the last maps of the network. Where these are averaged into the embedding, as in
    ResNets and MobileNetV2, it is the exact class activation map (Zhou et al. 2016), whose sum is the logit but for its
    bias. None where all places add alike, as where the last convolution has seen but one.
    """
    model.eval()
    images = normalise(torch.from_numpy(pixels[None]), preprocessing)
    with _last_maps(model) as seen:
        logits, _ = model(images)
        if not seen:
            return None
        (slope,) = torch.autograd.grad(logits[0, label], seen[-1])
    weights = slope.mean(dim=(2, 3), keepdim=True)
    found: npt.NDArray[np.float32] = (weights * seen[-1]).sum(dim=1)[0].detach().numpy()
    return None if np.ptp(found) <= _ALIKE * np.abs(found).max() else found


@contextmanager
def _last_maps(model: Classifier) -> Iterator[list[Tensor]]:
    """Keep the last output of a module that is still spread over the photo, [1, C, h, w] with more than one place."""
    seen: list[Tensor] = []

    def keep(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] == output.shape[3] > 1:
            seen[:] = [output]

    handles = [module.register_forward_hook(keep) for module in model.backbone.modules()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
