import numpy as np
import pytest
import torch
from torch import nn

from scrapline.cli.entry import ScraplineError
from scrapline.measures import calibration
from scrapline.params import Train
from scrapline.train import fit
from scrapline.train.fit import Task, balanced_weights, warm_up_and_cosine


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


def separable(model: nn.Linear, seed: int = 0) -> Task:
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(64) % 2
    inputs = torch.randn(64, 4, generator=rng) + 3 * labels[:, None]
    batches = [(inputs[i : i + 8], labels[i : i + 8]) for i in range(0, 64, 8)]

    def validate() -> tuple[torch.Tensor, torch.Tensor]:
        with torch.no_grad():
            return model(inputs), labels

    return Task(model, model, lambda epoch: batches, len(batches), validate, None, lambda: None)


def test_training_learns_and_ends_on_its_best_epoch() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    task = separable(model)
    history = fit.fit(task, settings(), lr=0.1)
    best = fit.best_of(history)
    assert best.validation_accuracy > 0.95
    logits, labels = task.validate()
    assert nn.functional.cross_entropy(logits, labels).item() == pytest.approx(best.validation_loss, abs=1e-6)


def test_training_stops_when_validation_gets_no_better() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    frozen = torch.zeros(4, 2), torch.tensor([0, 1, 0, 1])
    task = separable(model)
    stuck = Task(model, model, task.batches, task.steps_per_epoch, lambda: frozen, None, lambda: None)
    assert len(fit.fit(stuck, settings(patience=3), lr=0.1)) == 4


def test_a_diverging_run_says_what_to_do() -> None:
    model = nn.Linear(4, 2)
    with torch.no_grad():
        model.weight.fill_(float("nan"))
    with pytest.raises(ScraplineError, match="lower `lr`"):
        fit.fit(separable(model), settings(), lr=0.1)


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
    matrices, others = fit._groups(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), 0.1)
    assert [p.ndim for p in matrices["params"]] == [2]
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    true = torch.from_numpy(rng.normal(0, 1.5, (4000, 3)))
    labels = torch.multinomial(torch.softmax(true, 1), 1, generator=torch.Generator().manual_seed(0)).squeeze(1)
    assert calibration.fit_temperature(true * 4, labels) == pytest.approx(4, rel=0.1)
    assert calibration.fit_temperature(true, labels) == pytest.approx(1, rel=0.1)


def test_a_validation_split_without_a_mistake_leaves_room_for_doubt() -> None:
    labels = torch.arange(13) % 2
    logits = torch.nn.functional.one_hot(labels, 2) * torch.linspace(3, 8, 13)[:, None]
    confidence = torch.softmax(logits / calibration.fit_temperature(logits, labels), dim=1).amax(1)
    assert 0.9 < confidence.mean().item() < 0.98
