"""Pooling by matrix products against PyTorch's own, and what of a network's gradient is not deterministic on CUDA."""

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from scrapline.model.classifier import Classifier
from scrapline.model.compute import reproducible
from scrapline.train.pooling import MatrixPool2d, replace_adaptive

# Nodes of what torch.use_deterministic_algorithms lists as raising on CUDA, as far as such networks may have them.
NOT_DETERMINISTIC = ("AdaptiveAvgPool", "AdaptiveMaxPool", "AvgPool3D", "Upsample", "ReflectionPad", "GridSampler")
NEEDS_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def nodes(output: torch.Tensor) -> Iterator[str]:
    """Names of all nodes of a gradient's graph."""
    seen, left = set(), [output.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        yield type(node).__name__
        left += [before for before, _ in node.next_functions]


def not_deterministic(model: nn.Module) -> set[str]:
    logits, _ = model(torch.zeros(2, 3, 224, 224, device="meta"))
    return {name for name in nodes(logits) if name.startswith(NOT_DETERMINISTIC)}


@pytest.mark.parametrize("shape", [(6, 6), (7, 7), (12, 14), (13, 9), (3, 3), (1, 20)])
@pytest.mark.parametrize("output_size", [(6, 6), (7, 5), (1, 2)])
def test_values_and_gradients_are_those_of_pytorchs_adaptive_pooling(
    shape: tuple[int, int], output_size: tuple[int, int]
) -> None:
    """In float32, up to the order of the sums; exactly where no window holds more than one pixel."""
    images = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    weights = torch.randn(2, 3, *output_size, generator=torch.Generator().manual_seed(1))
    found = []
    for pool in (nn.AdaptiveAvgPool2d(output_size), MatrixPool2d(output_size)):
        given = images.clone().requires_grad_()
        pooled = pool(given)
        (pooled * weights).sum().backward()
        found.append((pooled.detach(), given.grad))
    exact = 0 if shape == output_size else 1e-6
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=exact)


def test_half_precision_is_kept_and_not_summed_in() -> None:
    images = torch.randn(2, 3, 12, 12, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        pooled = MatrixPool2d((5, 5))(images)
    assert pooled.dtype == torch.bfloat16
    exact = nn.AdaptiveAvgPool2d((5, 5))(images.double())
    torch.testing.assert_close(pooled, exact.bfloat16())


@pytest.mark.parametrize(("arch", "pooled_to"), [("alexnet", (6, 6)), ("vgg11", (7, 7))])
def test_the_networks_that_pool_to_more_than_one_pixel_are_mended(arch: str, pooled_to: tuple[int, int]) -> None:
    with torch.device("meta"):
        model = Classifier(arch, 3)
    keys = list(model.state_dict())
    assert not_deterministic(model) == {"AdaptiveAvgPool2DBackward0"}
    replace_adaptive(model)
    assert list(model.state_dict()) == keys
    pooled = model.backbone.avgpool(torch.zeros(1, 2, 9, 9, requires_grad=True))
    assert pooled.shape[-2:] == pooled_to
    assert not [name for name in nodes(pooled) if name.startswith(NOT_DETERMINISTIC)]


@pytest.mark.parametrize("arch", ["resnet18", "mobilenet_v3_small", "efficientnet_b0", "densenet121", "vit_b_16"])
def test_pooling_to_one_pixel_is_a_mean_already_and_stays(arch: str) -> None:
    with torch.device("meta"):
        model = Classifier(arch, 3)
    before = [type(module) for module in model.modules()]
    assert not_deterministic(model) == set()
    replace_adaptive(model)
    assert [type(module) for module in model.modules()] == before


@NEEDS_CUDA
@pytest.mark.parametrize("arch", ["resnet18", "alexnet", "vgg11"])
def test_a_step_on_cuda_gives_the_same_bits_twice(arch: str) -> None:
    def gradient() -> torch.Tensor:
        with reproducible(3):
            model = Classifier(arch, 3).cuda().train()
            replace_adaptive(model)
            logits, _ = model(torch.randn(4, 3, 160, 160).cuda())
            nn.functional.cross_entropy(logits, torch.tensor([0, 1, 2, 0]).cuda()).backward()
            return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).cpu()

    assert torch.equal(gradient(), gradient())
