from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from scrapline.measures import calibration
from scrapline.params import Train
from scrapline.system.errors import ScraplineError
from scrapline.train import fit
from scrapline.train.fit import Epoch, Optimiser, Progress, Sums, balanced_weights, warm_up_and_cosine


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


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    shares = [warm_up_and_cosine(step, 100) for step in range(101)]
    assert shares[0] == pytest.approx(0.2)
    assert max(shares) == shares[4] == 1.0
    assert shares[5:] == sorted(shares[5:], reverse=True)
    assert shares[100] == pytest.approx(0)


def test_balanced_weights_average_one_over_the_images() -> None:
    labels = torch.tensor([0] * 30 + [1] * 10)
    weights = balanced_weights(labels, 2)
    assert weights[1] / weights[0] == pytest.approx(3)
    assert weights[labels].mean().item() == pytest.approx(1)


def test_only_matrices_decay() -> None:
    matrices, others = fit.decayed_groups(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), 0.1)
    assert [p.ndim for p in matrices["params"]] == [2]
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    true = torch.from_numpy(rng.normal(0, 1.5, (4000, 3)))
    labels = torch.multinomial(torch.softmax(true, 1), 1, generator=torch.Generator().manual_seed(0)).squeeze(1)
    assert calibration.fit_temperature((true * 4).numpy(), labels.numpy()) == pytest.approx(4, rel=0.1)
    assert calibration.fit_temperature(true.numpy(), labels.numpy()) == pytest.approx(1, rel=0.1)


def test_a_validation_split_without_a_mistake_leaves_room_for_doubt() -> None:
    labels = torch.arange(13) % 2
    logits = torch.nn.functional.one_hot(labels, 2) * torch.linspace(3, 8, 13)[:, None]
    confidence = torch.softmax(logits / calibration.fit_temperature(logits.numpy(), labels.numpy()), dim=1).amax(1)
    assert 0.9 < confidence.mean().item() < 0.98
