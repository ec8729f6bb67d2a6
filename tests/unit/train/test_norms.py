"""Statistics given back to folded batch norms: the function stays, and they are those of what comes in."""

import copy

import pytest
import torch
from torch import Tensor, nn

from scrapline.model.classifier import Classifier
from scrapline.train.norms import give_back_statistics, has_folded_norms


def folded(model: nn.Module) -> nn.Module:
    """Each convolution with its norm's scale and shift folded in, as the files in question have it."""
    model = copy.deepcopy(model).eval()
    pairs = list(zip(list(model.modules())[:-1], list(model.modules())[1:], strict=True))
    for conv, norm in pairs:
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            with torch.no_grad():
                scale = norm.weight / (norm.running_var + norm.eps).sqrt()
                conv.weight.mul_(scale[:, None, None, None])
                norm.bias.sub_(scale * norm.running_mean)
                norm.weight.copy_(torch.full_like(scale, (1 + norm.eps) ** 0.5))
                norm.running_mean.zero_()
                norm.running_var.fill_(1)
    return model


@pytest.fixture(scope="module")
def images() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(8, 3, 64, 64, generator=generator) for _ in range(4)]


def test_a_folded_network_computes_what_it_did_in_eval_mode(images: list[Tensor]) -> None:
    torch.manual_seed(0)
    model = Classifier("resnet18", 3).eval()
    before = model(images[0])[1]
    give_back_statistics(model, images)
    assert not has_folded_norms(model)
    torch.testing.assert_close(model(images[0])[1], before, rtol=1e-3, atol=1e-4)


def test_what_was_folded_comes_back() -> None:
    """One convolution whose norm had known statistics: those of the photos, and the scale and shift it had."""
    torch.manual_seed(0)
    original = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4, momentum=None))
    photos = torch.randn(64, 3, 16, 16) * 2 + 1
    with torch.no_grad():
        original[1].weight.copy_(torch.tensor([0.5, 1.0, 2.0, -0.7]))
        original[1].bias.copy_(torch.tensor([0.1, -0.2, 0.3, 0.7]))
        original.train()(photos)  # one batch, so the running statistics are its own
        outputs = original.eval()(photos)
    model = folded(original)
    assert has_folded_norms(model)
    torch.testing.assert_close(model(photos), outputs, rtol=1e-4, atol=1e-5)
    give_back_statistics(model, photos.split(16))
    norm = model[1]
    inputs = model[0](photos).transpose(0, 1).flatten(1)
    torch.testing.assert_close(norm.running_mean, inputs.mean(1), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.running_var, inputs.var(1, unbiased=False), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(norm.weight.abs(), original[1].weight.abs(), rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(norm.bias, original[1].bias, rtol=1e-3, atol=1e-4)


def test_a_batch_then_means_in_training_what_it_means_in_eval(images: list[Tensor]) -> None:
    """What folding broke: in training mode outputs were normalised by statistics of another scale."""
    torch.manual_seed(0)
    model = Classifier("resnet18", 3)
    photos = torch.cat(images)
    give_back_statistics(model, [photos])
    exact = model.eval()(photos)[1]
    with torch.no_grad():
        torch.testing.assert_close(model.train()(photos)[1], exact, rtol=0.05, atol=0.02)


def test_a_norm_that_lets_nothing_through_stays_so() -> None:
    """The last norm of an untrained block: weight zero, so that the block begins as the identity."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    nn.init.zeros_(model[1].weight)
    give_back_statistics(model, [torch.randn(8, 3, 8, 8)])
    assert not model[1].weight.any()
    assert not model[1].bias.any()
    assert model[1].running_var.min() > 0.1


def test_the_mode_stays_and_no_hook_is_left(images: list[Tensor]) -> None:
    model = Classifier("resnet18", 3).train()
    give_back_statistics(model, images[:1])
    assert model.training
    assert not any(module._forward_pre_hooks for module in model.modules())
