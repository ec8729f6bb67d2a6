"""The gate, with a real quantiser; what a model loses on validation is dictated, to force each way through it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from scrapline.export import gate, report
from scrapline.export.gate import Outcome, Reference
from scrapline.export.int8 import Quantiser
from scrapline.export.parity import Parity, Run, run_of
from scrapline.params import Deploy
from scrapline.runtime.engine import open_session
from unit.export import small

IMAGES = 100


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return small.float_model()


@pytest.fixture(scope="module")
def quantiser(model: onnx.ModelProto) -> Iterator[Quantiser]:
    with Quantiser(model, small.PREPROCESSING, small.images(48), "uint8") as made:
        yield made


@pytest.fixture(scope="module")
def reference(model: onnx.ModelProto) -> Reference:
    """A model that is right on all validation images."""
    found = run_of(open_session(model.SerializeToString()))(small.images(IMAGES, seed=5))
    return Reference(found, found.argmax(axis=1))


def losing(reference: Reference, *images: int) -> Callable[[Run], np.ndarray]:
    """Validation where the first model gets so many images wrong, the second so many, and so on."""
    lost = iter(images)

    def validate(run: Run) -> np.ndarray:
        assert run(small.images(1)).shape == (1, small.CLASSES)  # the model is a real one
        found = reference.probabilities.copy()
        number = next(lost)
        found[:number] = np.roll(found[:number], 1, axis=1)
        return found

    return validate


def chosen(quantiser: Quantiser, reference: Reference, *lost: int, allowed: float = 0.005) -> Outcome:
    return gate.choose(quantiser, reference, losing(reference, *lost), allowed)


def recipes(outcome: Outcome) -> list[tuple[str, int]]:
    return [(a.recipe.calibration, len(a.recipe.float_layers)) for a in outcome.attempts]


def test_the_closer_of_both_calibrations_is_kept(quantiser: Quantiser, reference: Reference) -> None:
    outcome = chosen(quantiser, reference, 2, 1)
    assert recipes(outcome) == [("minmax", 0), ("percentile", 0)]
    assert outcome.best is outcome.attempts[1]
    assert outcome.best.passed
    assert outcome.best.accuracy_drop == pytest.approx(0.01)
    assert outcome.best.label_agreement == pytest.approx(0.99)
    assert chosen(quantiser, reference, 0, 2).best.recipe.calibration == "minmax"


def test_two_images_are_always_allowed_and_three_are_not(quantiser: Quantiser, reference: Reference) -> None:
    assert chosen(quantiser, reference, 3, 2).best.recipe.calibration == "percentile"
    assert chosen(quantiser, reference, 2, 3).best.recipe.calibration == "minmax"
    outcome = chosen(quantiser, reference, 5, 5, allowed=0.05)
    assert outcome.best.passed
    assert outcome.allowed_drop == 0.05
    assert len(outcome.attempts) == 2


def test_where_no_calibration_passes_ever_more_layers_stay_in_float(quantiser: Quantiser, reference: Reference) -> None:
    outcome = chosen(quantiser, reference, 9, 8, 7, 2)
    assert recipes(outcome) == [("minmax", 0), ("percentile", 0), ("percentile", 1), ("percentile", 2)]
    assert outcome.best is outcome.attempts[-1]
    assert outcome.best.passed
    ranked = gate.rank_layers(quantiser, "percentile")
    assert list(outcome.best.recipe.float_layers) == ranked[:2]
    assert sorted(ranked) == sorted(quantiser.layers)
    quantised = [c.name for c in outcome.best.model.graph.initializer if c.name.endswith("weight_quantized")]
    convolutions = [name for name in quantiser.layers if "conv" in name]
    assert len(quantised) == len(set(convolutions) - set(ranked[:2]))


def test_the_most_damaging_layer_is_named_first(quantiser: Quantiser) -> None:
    """Against each layer's own damage, measured here the long way."""
    images = quantiser.images[:32]
    exact = run_of(open_session(quantiser.model.SerializeToString()))(images)
    damage = []
    for layer in quantiser.layers:
        others = tuple(name for name in quantiser.layers if name != layer)
        alone = quantiser.quantise(gate.Recipe("minmax", others))
        damage.append(np.abs(run_of(open_session(alone.SerializeToString()))(images) - exact).mean())
    assert gate.rank_layers(quantiser, "minmax")[0] == quantiser.layers[int(np.argmax(damage))]


def test_where_nothing_passes_the_best_attempt_is_left_for_the_file(quantiser: Quantiser, reference: Reference) -> None:
    outcome = chosen(quantiser, reference, 9, 8, 7, 9, 9)
    assert not outcome.best.passed
    assert outcome.best is outcome.attempts[2]


PASSED, FAILED = (9, 1), (9, 8, 7, 9, 9)


@pytest.mark.parametrize(
    ("deploy", "lost", "deployed", "because"),
    [
        (Deploy.AUTO, PASSED, "int8", "it loses 1.0 points of validation accuracy, and 2.0 are allowed"),
        (Deploy.AUTO, FAILED, "fp32", "no INT8 model passed the gate: the best loses 7.0 points of validation"),
        (Deploy.FP32, PASSED, "fp32", "`export.deploy` says so"),
        (Deploy.INT8, PASSED, "int8", "`export.deploy` says so"),
        (Deploy.INT8, FAILED, "int8", "`export.deploy` says so, although it loses 7.0 points"),
    ],
)
def test_what_is_deployed_and_why(
    quantiser: Quantiser,
    reference: Reference,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    deploy: Deploy,
    lost: tuple[int, ...],
    deployed: str,
    because: str,
) -> None:
    outcome = chosen(quantiser, reference, *lost)
    onnx.save(outcome.best.model, tmp_path / "x.onnx")
    exact = report.Exported(tmp_path / "x.onnx", reference.probabilities, reference.probabilities)
    quick = report.Exported(tmp_path / "x.onnx", outcome.best.probabilities, reference.probabilities)
    truth = report.Truth(reference.labels, reference.labels)
    found: dict[str, Any] = report.metrics(Parity(100, 1e-6, 1.0), exact, quick, truth, outcome, deploy)
    assert found["deployed"] == deployed
    assert because in found["deployed_because"]
    assert found["fp32"]["validation_accuracy"] == found["fp32"]["test_accuracy"] == 1.0
    assert found["int8"]["validation_accuracy"] == pytest.approx(1 - outcome.best.accuracy_drop)
    assert len(found["int8"]["attempts"]) == len(outcome.attempts)
    assert [a["kept"] for a in found["int8"]["attempts"]].count(True) == 1
    said: list[str] = []
    monkeypatch.setattr(report, "info", said.append)
    report.print_summary(found)
    assert said[-1].startswith(f"deployed: {deployed}, because {because}")
