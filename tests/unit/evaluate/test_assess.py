"""What evaluate makes of logits: which split, before or after the temperature, is asked of each figure."""

import numpy as np
import pytest
import torch
from scipy.special import softmax

from scrapline.data.imaging import Preprocessing
from scrapline.evaluate import assess
from scrapline.evaluate.scored import Scored
from scrapline.model.batches import Predictions
from scrapline.model.checkpoint import Checkpoint

CLASSES = ["glass", "metal"]
TEMPERATURE = 2.5
CHECKPOINT = Checkpoint("resnet18", CLASSES, Preprocessing(32, 512), TEMPERATURE, {"name": "none"}, {})


def scored(differences: list[float], labels: list[int]) -> Scored:
    """Images whose logits are (d, 0)."""
    logits = torch.tensor([[d, 0.0] for d in differences])
    ids = [f"{number:016x}" for number in range(len(labels))]
    return Scored.of(
        Predictions(ids, torch.tensor(labels), logits, torch.zeros(len(ids), 1)),
        TEMPERATURE,
        dict(zip(ids, ids, strict=True)),
    )


def test_scores_are_the_softmax_before_and_after_the_temperature() -> None:
    found = scored([3.0, -1.0], [0, 1])
    logits = np.array([[3.0, 0.0], [-1.0, 0.0]])
    np.testing.assert_allclose(found.raw, softmax(logits, axis=1), atol=1e-6)
    np.testing.assert_allclose(found.calibrated, softmax(logits / TEMPERATURE, axis=1), atol=1e-6)
    assert found.predicted.tolist() == [0, 1]


def test_thresholds_are_calibrated_confidences() -> None:
    """Said to be glass at logits 4, 3, 2, the last of them wrong: only down to 3 is the bin pure."""
    validation = scored([4.0, 3.0, 2.0, -3.0], [0, 0, 1, 1])
    points = assess.chosen_points(validation, CLASSES, 0.9)
    assert points["chosen_on"] == "validation"
    calibrated = 1 / (1 + np.exp(-3.0 / TEMPERATURE))
    assert points["classes"]["glass"]["threshold"] == pytest.approx(calibrated, abs=2e-6)
    assert points["classes"]["glass"]["recovery"] == 1.0
    assert points["classes"]["metal"] == {
        "threshold": pytest.approx(calibrated, abs=2e-6),
        "purity": 1.0,
        "recovery": 0.5,
        "attained": True,
    }


def test_each_figure_is_of_its_split() -> None:
    validation = scored([4.0, 3.0, 2.0, -3.0], [0, 0, 1, 1])
    test = scored([5.0, 1.0, -4.0, -0.5, -6.0], [0, 0, 1, 0, 0])
    points = assess.chosen_points(validation, CLASSES, 0.9)
    found = assess.evaluation_metrics(validation, test, points, CHECKPOINT)
    assert (found["validation"]["images"], found["validation"]["accuracy"]) == (4, 0.75)
    assert (found["test"]["images"], found["test"]["accuracy"]) == (5, 0.6)
    assert found["per_class"]["glass"]["support"] == 4
    assert found["per_class"]["metal"]["recall"] == 1.0
    # Of the test images 5.0, -4.0 and -6.0 are as sure as 3.0 or surer; the last is wrong.
    assert found["operating_point"]["coverage"] == 0.6
    assert found["operating_point"]["purity"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["operating_point"]["bins"]["glass"] == {"purity": 1.0, "recovery": 0.25}
    assert found["operating_point"]["bins"]["metal"] == {"purity": 0.5, "recovery": 1.0}
    assert found["calibration"]["temperature"] == TEMPERATURE


def test_calibration_is_measured_on_test_before_and_after() -> None:
    """One image right and one wrong at the same confidence c: the error is c - 1/2."""
    validation, test = scored([4.0, -4.0], [0, 1]), scored([3.0, 3.0], [0, 1])
    points = assess.chosen_points(validation, CLASSES, 0.9)
    found = assess.evaluation_metrics(validation, test, points, CHECKPOINT)["calibration"]
    assert found["ece_before"] == pytest.approx(1 / (1 + np.exp(-3.0)) - 0.5, abs=1e-5)
    assert found["ece_after"] == pytest.approx(1 / (1 + np.exp(-3.0 / TEMPERATURE)) - 0.5, abs=1e-5)
