"""Which INT8 model is good enough for the line: attempts one after the other, judged on validation images."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx

from scrapline.cli.console import info, track
from scrapline.export.int8 import Quantiser, Recipe
from scrapline.export.parity import Probabilities, Run, run_of
from scrapline.runtime.engine import open_session

_CALIBRATIONS = ("minmax", "percentile")
_TWO_IMAGES = 2
_RANKING_IMAGES = 32


@dataclass(frozen=True)
class Reference:
    """What the float32 model says of the validation images: probabilities [N, C], and the true labels [N]."""

    probabilities: Probabilities
    labels: npt.NDArray[np.int64]

    def accuracy_drop(self, probabilities: Probabilities) -> float:
        """Accuracy that a model loses against this one; negative where it gains."""
        right = [(p.argmax(axis=1) == self.labels).mean() for p in (self.probabilities, probabilities)]
        return float(right[0] - right[1])


@dataclass(frozen=True)
class Attempt:
    """One INT8 model with its probabilities [N, C] on validation, and how it compares with float32."""

    recipe: Recipe
    model: onnx.ModelProto = field(repr=False)
    probabilities: Probabilities = field(repr=False)
    accuracy_drop: float
    label_agreement: float
    mean_abs_diff: float
    passed: bool

    @property
    def rank(self) -> tuple[float, ...]:
        """Higher is better: within the gate, then the same labels as float32, then the nearest probabilities."""
        return (self.passed, self.label_agreement, -self.mean_abs_diff)


@dataclass(frozen=True)
class Outcome:
    """All attempts in order, and the best of them; it may be one that failed."""

    attempts: list[Attempt]
    best: Attempt
    allowed_drop: float


def choose(
    quantiser: Quantiser,
    reference: Reference,
    validate: Callable[[Run], Probabilities],
    max_accuracy_drop: float,
) -> Outcome:
    """Try both calibrations; where neither passes, leave ever more layers in float, the most damaging first.

    `validate` runs a model over the validation images. A model passes that loses `max_accuracy_drop` at most, or two
    images where those are more.
    """
    allowed = max(max_accuracy_drop, _TWO_IMAGES / len(reference.labels))

    def attempt(recipe: Recipe) -> Attempt:
        model = quantiser.quantise(recipe)
        probabilities = validate(_run(model))
        drop = reference.accuracy_drop(probabilities)
        same = probabilities.argmax(axis=1) == reference.probabilities.argmax(axis=1)
        diff = float(np.abs(probabilities - reference.probabilities).mean())
        # A tolerance for the difference of two shares that are equal on paper.
        return Attempt(recipe, model, probabilities, drop, float(same.mean()), diff, passed=drop <= allowed + 1e-9)

    attempts = [attempt(Recipe(calibration)) for calibration in _CALIBRATIONS]
    best = max(attempts, key=lambda a: a.rank)
    if not best.passed:
        info(
            f"INT8 loses {100 * best.accuracy_drop:.1f} points on validation, {100 * allowed:.1f} are allowed: "
            "leaving layers in float"
        )
        layers = rank_layers(quantiser, best.recipe.calibration)
        count = 1
        while not best.passed and count < len(layers):
            attempts.append(attempt(Recipe(best.recipe.calibration, tuple(layers[:count]))))
            best = max(attempts, key=lambda a: a.rank)
            count *= 2
    return Outcome(attempts, best, allowed)


def rank_layers(quantiser: Quantiser, calibration: str) -> list[str]:
    """All layers, those first whose quantisation alone moves the probabilities most, on some calibration images.

    What all the others leave in float tells more than what one of them does: a tensor stays in 8 bits as long as any
    layer beside it does.
    """
    images = quantiser.images[:_RANKING_IMAGES]
    exact = _run(quantiser.model)(images)
    damage = {}
    for layer in track(quantiser.layers, "ranking layers", len(quantiser.layers), "layers"):
        others = tuple(name for name in quantiser.layers if name != layer)
        model = quantiser.quantise(Recipe(calibration, others))
        damage[layer] = float(np.abs(_run(model)(images) - exact).mean())
    return sorted(quantiser.layers, key=lambda layer: (-damage[layer], layer))


def _run(model: onnx.ModelProto) -> Run:
    return run_of(open_session(model.SerializeToString()))
