"""Which layers learn, in which stage they stand, and at what rate."""

import pytest
import torch
from torch import nn

from scrapline.model.classifier import Classifier
from scrapline.params import Trainable
from scrapline.train import stages


@pytest.mark.parametrize(
    ("trainable", "learning"),
    [(Trainable.HEAD, {"head"}), (Trainable.LAST_STAGE, {"head", "layer4"}), (Trainable.ALL, None)],
)
def test_only_what_is_named_learns_and_frozen_norms_stay_in_eval_mode(
    trainable: Trainable, learning: set[str] | None
) -> None:
    model = Classifier("resnet18", 3)
    stages.freeze(model, trainable)
    stages.set_training(model)
    parts = {
        name.split(".")[1] if name.startswith("backbone") else "head"
        for name, p in model.named_parameters()
        if p.requires_grad
    }
    everything = {"head", "conv1", "bn1", "layer1", "layer2", "layer3", "layer4"}
    assert parts == (everything if learning is None else learning)
    for name, module in model.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.training == (learning is None or name.split(".")[1] in learning), name


def test_frozen_norms_keep_their_statistics_while_the_rest_trains() -> None:
    model = Classifier("resnet18", 3)
    stages.freeze(model, Trainable.LAST_STAGE)
    stages.set_training(model)
    before = model.backbone.bn1.running_mean.clone()
    model(torch.randn(4, 3, 32, 32))
    assert torch.equal(model.backbone.bn1.running_mean, before)
    assert model.backbone.layer4[0].bn1.running_mean.abs().sum() > 0


def names(model: Classifier, by_stage: list[list[nn.Parameter]]) -> list[set[str]]:
    """The modules right under the base, and the head, that each stage's parameters belong to."""
    owner = {
        id(parameter): name.removeprefix("backbone.").split(".")[0] for name, parameter in model.named_parameters()
    }
    return [{owner[id(parameter)] for parameter in stage} for stage in by_stage]


@pytest.mark.parametrize("size", [32, 64, 112, 224])
def test_a_resnet_has_five_stages_the_last_with_the_head(size: int) -> None:
    model = Classifier("resnet18", 3)
    found = names(model, stages.learning(model, size))
    assert found == [{"head", "layer4"}, {"layer3"}, {"layer2"}, {"layer1"}, {"conv1", "bn1"}]


def test_only_what_learns_has_a_rate() -> None:
    model = Classifier("resnet18", 3)
    stages.freeze(model, Trainable.LAST_STAGE)
    assert names(model, stages.learning(model, 64)) == [{"head", "layer4"}]
    stages.freeze(model, Trainable.HEAD)
    assert names(model, stages.learning(model, 64)) == [{"head"}]


@pytest.mark.parametrize(
    ("arch", "number"),
    [
        ("mobilenet_v2", 5),
        ("efficientnet_b0", 5),
        ("shufflenet_v2_x0_5", 4),
        ("vgg11_bn", 5),
        ("vit_b_32", 1),
        ("swin_t", 4),
    ],
)
def test_every_parameter_stands_in_one_stage(arch: str, number: int) -> None:
    """A network halves its picture five times, some twice at once; an encoder's pieces stay as many."""
    model = Classifier(arch, 3)
    found = stages.learning(model, 224)
    assert len(found) == number
    numbers = [id(parameter) for stage in found for parameter in stage]
    assert len(numbers) == len(set(numbers)) == len(list(model.parameters()))


def test_looking_for_stages_changes_nothing() -> None:
    torch.manual_seed(0)
    model = Classifier("resnet18", 3).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stages.learning(model, 64)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_rates_fall_from_stage_to_stage_and_only_matrices_decay() -> None:
    head, norm, stem = nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(2, 2, bias=False)
    by_stage = [[*head.parameters(), *norm.parameters()], [], [*stem.parameters()]]
    groups = stages.rate_groups(by_stage, lr=0.4, decay=0.5, weight_decay=0.1)
    described = [(group["lr"], group["weight_decay"], [tuple(p.shape) for p in group["params"]]) for group in groups]
    assert described == [
        (0.4, 0.1, [(3, 3)]),
        (0.4, 0.0, [(3,), (3,), (3,)]),
        (pytest.approx(0.1), 0.1, [(2, 2)]),
    ]
