import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from scrapline.params import Train
from scrapline.system.errors import ScraplineError
from scrapline.train import fit
from scrapline.train.fit import Epoch, Optimiser, Progress, Sums, balanced_weights


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


def run(model: nn.Module, wanted: Train, validate: Callable[[], tuple[torch.Tensor, torch.Tensor]]) -> list[Epoch]:
    """Eight steps an epoch over two classes that a line can tell apart."""
    optimiser = Optimiser(model, wanted, lr=0.1, steps_per_epoch=8, class_weights=None)
    progress = Progress(model, wanted)
    while not progress.finished():
        sums = Sums()
        for start in range(0, 64, 8):
            optimiser.step(model(INPUTS[start : start + 8]), LABELS[start : start + 8], sums)
        progress.add(sums, *validate())
    progress.restore_best()
    return progress.history


def test_training_learns_and_ends_on_its_best_epoch() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)

    def validate() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            return model(INPUTS), LABELS

    best = fit.best_of(run(model, settings(), validate))
    assert best.validation_accuracy > 0.95
    logits, labels = validate()
    assert nn.functional.cross_entropy(logits, labels).item() == pytest.approx(best.validation_loss, abs=1e-6)


def test_training_stops_when_validation_gets_no_better() -> None:
    torch.manual_seed(0)
    frozen = torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])
    assert len(run(nn.Linear(4, 2), settings(patience=3), lambda: frozen)) == 4


def test_a_diverging_run_says_what_to_do() -> None:
    model = nn.Linear(4, 2)
    with torch.no_grad():
        model.weight.fill_(float("nan"))
    with pytest.raises(ScraplineError, match="lower `lr`"):
        run(model, settings(), lambda: (torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])))


def test_a_weighted_epoch_has_torchs_weighted_mean() -> None:
    """Batches of one class each: a mean of batch means over images would be another number."""
    torch.manual_seed(0)
    model, weights = nn.Linear(4, 2), torch.tensor([0.5, 2.0])
    order = torch.argsort(LABELS, stable=True)
    with torch.no_grad():
        expected = nn.functional.cross_entropy(model(INPUTS), LABELS, weights).item()
    optimiser = Optimiser(model, settings(), lr=1e-12, steps_per_epoch=4, class_weights=weights)
    sums = Sums()
    for rows in order.split(16):
        optimiser.step(model(INPUTS[rows]), LABELS[rows], sums)
    assert sums.loss / sums.weight == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_average_one_over_the_images() -> None:
    labels = torch.tensor([0] * 30 + [1] * 10)
    weights = balanced_weights(labels, 2)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[labels].mean().item() == pytest.approx(1)


def test_only_matrices_decay() -> None:
    matrices, others = fit.decayed_groups(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), 0.1)
    assert [p.ndim for p in matrices["params"]] == [2]
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)


def test_the_optimiser_is_adamw_at_the_scheduled_rate_with_weights_and_smoothing() -> None:
    """Against PyTorch's own AdamW and loss, the rate of each step set by hand; 20 steps warm up for one."""
    torch.manual_seed(0)
    ours, reference = nn.Linear(4, 2), nn.Linear(4, 2)
    reference.load_state_dict(ours.state_dict())
    weights = torch.tensor([0.4, 1.6])
    wanted = settings(epochs=10, label_smoothing=0.1, weight_decay=0.5)
    optimiser = Optimiser(ours, wanted, lr=0.02, steps_per_epoch=2, class_weights=weights)
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
    progress = Progress(nn.Linear(4, 2), settings())
    progress.add(Sums(loss=3.0, weight=4.0, correct=1, images=8, lr=0.25), torch.zeros(2, 2), torch.tensor([0, 1]))
    (epoch,) = progress.history
    assert (epoch.epoch, epoch.lr, epoch.train_loss, epoch.train_accuracy) == (1, 0.25, 0.75, 0.125)
    assert epoch.validation_loss == pytest.approx(math.log(2))
    assert epoch.validation_accuracy == 0.5


def test_the_best_epoch_is_the_first_of_the_lowest_validation_loss() -> None:
    losses, accuracies = [0.5, 0.3, 0.4, 0.3], [0.9, 0.7, 0.95, 0.8]
    history = [Epoch(n + 1, 0.1, 1.0, 0.5, *pair) for n, pair in enumerate(zip(losses, accuracies, strict=True))]
    assert fit.best_of(history).epoch == 2


def test_balanced_weights_by_hand() -> None:
    """Eight images of two classes, 6 and 2: 8 / (2 * 6) and 8 / (2 * 2); a class without images counts as one."""
    torch.testing.assert_close(balanced_weights(torch.tensor([0] * 6 + [1] * 2), 2), torch.tensor([2 / 3, 2.0]))
    assert balanced_weights(torch.tensor([0, 0]), 2).tolist() == [0.5, 1.0]


@pytest.mark.parametrize(
    ("done", "patience", "finished"), [(3, 2, True), (3, 3, False), (12, 99, True), (11, 99, False)]
)
def test_training_ends_after_its_epochs_or_its_patience(done: int, patience: int, finished: bool) -> None:
    """The first epoch is the best, so after `done` epochs `done - 1` have been no better."""
    progress = Progress(nn.Linear(4, 2), settings(patience=patience))
    progress.history += [Epoch(n, 0.1, 1.0, 0.5, 0.1 * n, 0.5) for n in range(1, done + 1)]
    assert progress.finished() is finished


def test_history_is_written_as_it_was(tmp_path: Path) -> None:
    fit.write_history(tmp_path / "history.csv", [Epoch(1, 0.001, 1.23456789, 0.5, 0.25, 0.75)])
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert lines[0] == "epoch,lr,train_loss,train_accuracy,validation_loss,validation_accuracy"
    assert lines[1] == "1,0.001,1.234568,0.5,0.25,0.75"
