import math
from pathlib import Path

import pytest
import torch
from torch import nn

from scrapline.params import Train
from scrapline.system.errors import ScraplineError
from scrapline.train import fit
from scrapline.train.fit import Epoch, History, Optimiser, Sums, balanced_weights


def settings(**changes: object) -> Train:
    base = {
        "trainable": "head",
        "epochs": 12,
        "batch_size": 8,
        "weight_decay": 0.0,
        "label_smoothing": 0.0,
        "views": 1,
        "augment": {"hflip": True, "color_jitter": 0.2},
    }
    return Train.model_validate(base | changes)


INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(0)) + 3 * (torch.arange(64) % 2)[:, None]
LABELS = torch.arange(64) % 2


def test_training_learns() -> None:
    """Eight steps an epoch over two classes that a line can tell apart."""
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimiser = Optimiser([list(model.parameters())], settings(), lr=0.1, steps_per_epoch=8, class_weights=None)
    for _ in range(12):
        for start in range(0, 64, 8):
            optimiser.step(model(INPUTS[start : start + 8]), LABELS[start : start + 8], Sums())
    assert (model(INPUTS).argmax(1) == LABELS).float().mean() > 0.95


@pytest.mark.parametrize("losses", [(math.nan, 0.5), (0.5, math.inf)])
def test_a_diverging_run_says_what_to_do(losses: tuple[float, float]) -> None:
    with pytest.raises(ScraplineError, match=r"diverged in epoch 3 .* lower `lr`"):
        fit.check_finite(3, *losses)
    logits = torch.tensor([[losses[1], 0.0]] * 2)
    with pytest.raises(ScraplineError, match="diverged in epoch 1"):
        History(2).add(Sums(loss=losses[0], weight=1.0, images=1), logits, torch.tensor([0, 1]))


def test_a_weighted_epoch_has_torchs_weighted_mean() -> None:
    """Batches of one class each: a mean of batch means over images would be another number."""
    torch.manual_seed(0)
    model, weights = nn.Linear(4, 2), torch.tensor([0.5, 2.0])
    order = torch.argsort(LABELS, stable=True)
    with torch.no_grad():
        expected = nn.functional.cross_entropy(model(INPUTS), LABELS, weights).item()
    optimiser = Optimiser([list(model.parameters())], settings(), lr=1e-12, steps_per_epoch=4, class_weights=weights)
    sums = Sums()
    for rows in order.split(16):
        optimiser.step(model(INPUTS[rows]), LABELS[rows], sums)
    assert sums.loss / sums.weight == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_average_one_over_the_images() -> None:
    labels = torch.tensor([0] * 30 + [1] * 10)
    weights = balanced_weights(labels, 2)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[labels].mean().item() == pytest.approx(1)


def test_shares_of_classes_are_a_loss_like_labels_and_count_as_the_larger_one() -> None:
    """Half an image of each class: the mean of both labels' losses, by hand."""
    model = nn.Linear(4, 2)
    optimiser = Optimiser([list(model.parameters())], settings(), lr=1e-12, steps_per_epoch=1, class_weights=None)
    logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]]) + 0 * model(INPUTS[:2])
    shares, sums = torch.tensor([[0.5, 0.5], [0.8, 0.2]]), Sums()
    optimiser.step(logits, shares, sums)
    first = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(2))) / 2
    second = 0.8 * math.log(1 + math.exp(1)) + 0.2 * math.log(1 + math.exp(-1))
    assert sums.mean_loss == pytest.approx((first + second) / 2, rel=1e-6)
    assert (sums.correct, sums.images) == (1, 2)  # of the first both are the largest, and argmax says 0


def test_an_optimiser_goes_on_where_another_stopped() -> None:
    def fresh() -> tuple[nn.Linear, Optimiser]:
        torch.manual_seed(0)
        model = nn.Linear(4, 2)
        return model, Optimiser([[*model.parameters()]], settings(), lr=0.1, steps_per_epoch=1, class_weights=None)

    unbroken, optimiser = fresh()
    for _ in range(6):
        optimiser.step(unbroken(INPUTS), LABELS, Sums())
    broken, optimiser = fresh()
    for _ in range(3):
        optimiser.step(broken(INPUTS), LABELS, Sums())
    state, weights = optimiser.state(), broken.state_dict()
    resumed, optimiser = fresh()
    resumed.load_state_dict(weights)
    optimiser.restore(state)
    for _ in range(3):
        optimiser.step(resumed(INPUTS), LABELS, Sums())
    assert torch.equal(resumed.weight, unbroken.weight)


def test_the_optimiser_is_adamw_at_the_scheduled_rate_with_weights_and_smoothing() -> None:
    """Against PyTorch's own AdamW and loss, the rate of each step set by hand; 20 steps warm up for one."""
    torch.manual_seed(0)
    ours, reference = nn.Linear(4, 2), nn.Linear(4, 2)
    reference.load_state_dict(ours.state_dict())
    weights = torch.tensor([0.4, 1.6])
    wanted = settings(epochs=10, label_smoothing=0.1, weight_decay=0.5)
    optimiser = Optimiser([[*ours.parameters()]], wanted, lr=0.02, steps_per_epoch=2, class_weights=weights)
    groups = [{"params": [reference.weight], "weight_decay": 0.5}, {"params": [reference.bias], "weight_decay": 0.0}]
    adamw = torch.optim.AdamW(groups)
    criterion = nn.CrossEntropyLoss(weights, label_smoothing=0.1)
    for step in range(20):
        rate = 0.02 if step == 0 else 0.02 * 0.5 * (1 + math.cos(math.pi * (step - 1) / 19))
        for group in adamw.param_groups:
            group["lr"] = rate
        adamw.zero_grad()
        criterion(reference(INPUTS), LABELS).backward()
        adamw.step()
        sums = Sums()
        optimiser.step(ours(INPUTS), LABELS, sums)
        assert sums.lr == pytest.approx(rate, rel=1e-9)
    torch.testing.assert_close(ours.weight, reference.weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.bias, reference.bias, rtol=1e-5, atol=1e-6)


def test_an_epochs_line_by_hand() -> None:
    """Two images: logits 0, so each class has one half; the first label is what argmax of a tie gives."""
    history = History(12)
    history.add(Sums(loss=3.0, weight=4.0, correct=1, images=8, lr=0.25), torch.zeros(2, 2), torch.tensor([0, 1]))
    (epoch,) = history.epochs
    assert (epoch.epoch, epoch.lr, epoch.train_loss, epoch.train_accuracy) == (1, 0.25, 0.75, 0.125)
    assert epoch.validation_loss == pytest.approx(math.log(2))
    assert epoch.validation_accuracy == 0.5


def test_balanced_weights_by_hand() -> None:
    """Eight images of two classes, 6 and 2: 8 / (2 * 6) and 8 / (2 * 2); a class without images counts as one."""
    torch.testing.assert_close(balanced_weights(torch.tensor([0] * 6 + [1] * 2), 2), torch.tensor([2 / 3, 2.0]))
    assert balanced_weights(torch.tensor([0, 0]), 2).tolist() == [0.5, 1.0]


def test_only_full_batches_are_steps_but_there_is_one_at_least() -> None:
    assert [fit.steps_per_epoch(photos, 32) for photos in (100, 64, 31)] == [3, 2, 1]


def test_each_network_and_epoch_has_a_seed_of_its_own() -> None:
    seeds = {fit.seed_of(7, network, epoch) for network in range(20) for epoch in range(50)}
    assert len(seeds) == 1000
    assert fit.seed_of(7, 1, 2) == fit.seed_of(7, 1, 2)


def test_history_is_written_as_it_was(tmp_path: Path) -> None:
    fit.write_history(tmp_path / "history.csv", [Epoch(1, 0.001, 1.23456789, 0.5, 0.25, 0.75)])
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0] == "epoch,lr,train_loss,train_accuracy,validation_loss,validation_accuracy"
    assert lines[1] == "1,0.001,1.234568,0.5,0.25,0.75"
