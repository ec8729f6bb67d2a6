"""What the export stage reports: parity, both files' accuracy, every attempt at INT8, and what is deployed and why."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.cli.console import info
from scrapline.export.gate import Attempt, Outcome
from scrapline.export.parity import Parity, Probabilities
from scrapline.params import Deploy


@dataclass(frozen=True)
class Exported:
    """One file with its probabilities [N, C] on the images of validation and of test."""

    path: Path
    validated: Probabilities
    tested: Probabilities


@dataclass(frozen=True)
class Truth:
    """The labels [N] of both splits."""

    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def metrics(
    parity: Parity, fp32: Exported, int8: Exported, truth: Truth, outcome: Outcome, deploy: Deploy
) -> dict[str, Any]:
    """The content of results/export/metrics.json."""
    best = outcome.best
    deployed, because = _decide(deploy, outcome)
    return {
        "parity": asdict(parity),
        "fp32": _file(fp32, truth),
        "int8": _file(int8, truth)
        | {
            "accuracy_drop": round(best.accuracy_drop, 6),
            "allowed_drop": round(outcome.allowed_drop, 6),
            "label_agreement": round(best.label_agreement, 6),
            "test_label_agreement": round(_agreement(fp32.tested, int8.tested), 6),
            "attempts": [_attempt(attempt, attempt is best) for attempt in outcome.attempts],
        },
        "deployed": deployed,
        "deployed_because": because,
    }


def print_summary(content: dict[str, Any]) -> None:
    """Say on the console how close and how good the exported models are, and which one the line runs."""
    parity, fp32, int8 = content["parity"], content["fp32"], content["int8"]
    info(
        f"ONNX equals PyTorch on {parity['images']} validation images: labels {parity['label_agreement']:.0%}, largest "
        f"difference {parity['max_abs_diff']:.1e}"
    )
    for name, figures in (("fp32", fp32), ("int8", int8)):
        info(
            f"{name}: validation {figures['validation_accuracy']:.1%}, test {figures['test_accuracy']:.1%}, "
            f"{figures['size_mb']:.1f} MB"
        )
    info(f"deployed: {content['deployed']}, because {content['deployed_because']}")


def _decide(deploy: Deploy, outcome: Outcome) -> tuple[str, str]:
    lost = f"it loses {100 * max(0.0, outcome.best.accuracy_drop):.1f} points of validation accuracy"
    allowed = f"{100 * outcome.allowed_drop:.1f} are allowed"
    if deploy is Deploy.FP32:
        return "fp32", "`export.deploy` says so"
    if deploy is Deploy.INT8:
        passed = "" if outcome.best.passed else f", although {lost} and only {allowed}"
        return "int8", f"`export.deploy` says so{passed}"
    if outcome.best.passed:
        return "int8", f"{lost}, and {allowed}"
    return "fp32", f"no INT8 model passed the gate: the best loses {lost.removeprefix('it loses ')}, and {allowed}"


def _file(exported: Exported, truth: Truth) -> dict[str, Any]:
    return {
        "validation_accuracy": _accuracy(exported.validated, truth.validation),
        "test_accuracy": _accuracy(exported.tested, truth.test),
        "size_mb": round(exported.path.stat().st_size / 1e6, 3),
    }


def _attempt(attempt: Attempt, kept: bool) -> dict[str, Any]:
    return {
        "calibration": attempt.recipe.calibration,
        "float_layers": list(attempt.recipe.float_layers),
        "accuracy_drop": round(attempt.accuracy_drop, 6),
        "label_agreement": round(attempt.label_agreement, 6),
        "mean_abs_diff": float(f"{attempt.mean_abs_diff:.3g}"),
        "passed": attempt.passed,
        "kept": kept,
    }


def _accuracy(probabilities: Probabilities, labels: npt.NDArray[np.int64]) -> float:
    return round(float((probabilities.argmax(axis=1) == labels).mean()), 6)


def _agreement(left: Probabilities, right: Probabilities) -> float:
    return float((left.argmax(axis=1) == right.argmax(axis=1)).mean())
