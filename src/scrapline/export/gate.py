"""Which INT8 model is good enough for the line: attempts one after the other, each compared with float32."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx

from scrapline.cli.console import info, track
from scrapline.export.int8 import Calibration, Quantiser, Recipe
from scrapline.export.parity import Probabilities, Run, run_of
from scrapline.runtime.engine import open_session

_CALIBRATIONS: tuple[Calibration, ...] = ("minmax", "percentile")
# Two photos near a tie change sides by chance; of a few dozen photos they would be a tenth, and no longer chance.
_TWO_IMAGES = 2
_TWO_IMAGES_AT_MOST = 0.02
# The thresholds were chosen on float32's confidences: moved further than this on average, they mean something else.
_MAX_DIVERGENCE = 0.05
_RANKING_IMAGES = 32
# For the difference of two shares that are equal on paper.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Answers:
    """A model's probabilities of the validation photos [N, C], and of training photos [M, C]."""

    validation: Probabilities
    training: Probabilities

    @property
    def all(self) -> Probabilities:
        """Both, [N + M, C]."""
        return np.concatenate([self.validation, self.training])


@dataclass(frozen=True)
class Limits:
    """The most that may be lost of validation accuracy; the least share of equal labels; the most divergence."""

    accuracy_drop: float
    label_agreement: float
    divergence: float = _MAX_DIVERGENCE


@dataclass(frozen=True)
class Comparison:
    """A model beside float32. `accuracy_drop` is of validation, and negative where it gains.

    Over all photos: `label_agreement` is the share that get the same label; `divergence` is the mean total variation
    distance, the share of the probability that stands at another class.
    """

    accuracy_drop: float
    label_agreement: float
    divergence: float

    def broken(self, limits: Limits) -> list[str]:
        """The limits that it does not keep, by name; a model that gives NaN keeps none."""
        kept = {
            "accuracy_drop": self.accuracy_drop <= limits.accuracy_drop + _ROUNDING,
            "label_agreement": self.label_agreement >= limits.label_agreement - _ROUNDING,
            "divergence": self.divergence <= limits.divergence + _ROUNDING,
        }
        return [name for name, is_kept in kept.items() if not is_kept]


@dataclass(frozen=True)
class Reference:
    """What the float32 model answers, and the true labels [N] of the validation photos."""

    answers: Answers
    labels: npt.NDArray[np.int64]

    def compare(self, other: Answers) -> Comparison:
        """Another model's answers beside these."""
        right = [(p.argmax(axis=1) == self.labels).mean() for p in (self.answers.validation, other.validation)]
        exact, found = self.answers.all, other.all
        return Comparison(
            float(right[0] - right[1]),
            float((found.argmax(axis=1) == exact.argmax(axis=1)).mean()),
            float(np.abs(found - exact).sum(axis=1).mean() / 2),
        )


@dataclass(frozen=True)
class Attempt:
    """One INT8 model, what it answers, how it compares with float32, and which limits it does not keep."""

    recipe: Recipe
    model: onnx.ModelProto = field(repr=False)
    answers: Answers = field(repr=False)
    comparison: Comparison
    broken: list[str]

    @property
    def passed(self) -> bool:
        """Whether it keeps every limit."""
        return not self.broken

    @property
    def rank(self) -> tuple[float, ...]:
        """Higher is better: within the limits, then the same labels as float32, then the nearest probabilities."""
        return (self.passed, self.comparison.label_agreement, -self.comparison.divergence)


@dataclass(frozen=True)
class Outcome:
    """All attempts in order, and the best of them; it may be one that failed."""

    attempts: list[Attempt]
    best: Attempt
    limits: Limits


def limits_for(max_accuracy_drop: float, min_label_agreement: float, validation_images: int) -> Limits:
    """What holds for so many validation photos: two may always be lost, unless they are more than 2 points."""
    two_images = min(_TWO_IMAGES / validation_images, _TWO_IMAGES_AT_MOST)
    return Limits(max(max_accuracy_drop, two_images), min_label_agreement)


def choose(quantiser: Quantiser, reference: Reference, answer: Callable[[Run], Answers], limits: Limits) -> Outcome:
    """Try both calibrations; where neither passes, leave ever more layers in float, the most damaging first.

    `answer` runs a model over the validation and the training photos.
    """

    def attempt(recipe: Recipe) -> Attempt:
        model = quantiser.quantise(recipe)
        answers = answer(_run(model))
        comparison = reference.compare(answers)
        return Attempt(recipe, model, answers, comparison, comparison.broken(limits))

    attempts = [attempt(Recipe(calibration)) for calibration in _CALIBRATIONS]
    best = max(attempts, key=lambda a: a.rank)
    if not best.passed:
        info(f"INT8 fails by its {' and '.join(best.broken).replace('_', ' ')}: leaving layers in float")
        layers = rank_layers(quantiser, best.recipe.calibration)
        count = 1
        while not best.passed and count < len(layers):
            attempts.append(attempt(Recipe(best.recipe.calibration, tuple(layers[:count]))))
            best = max(attempts, key=lambda a: a.rank)
            count *= 2
    return Outcome(attempts, best, limits)


def rank_layers(quantiser: Quantiser, calibration: Calibration) -> list[str]:
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
