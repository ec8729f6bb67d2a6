"""What the export stage reports: parity, both files' accuracy, every attempt at INT8, and what is deployed and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.cli.console import info
from scrapline.export.gate import Attempt, Comparison, Limits, Outcome
from scrapline.export.parity import Parity, Probabilities
from scrapline.export.photos import Photos
from scrapline.measures import sorting
from scrapline.measures.intervals import wilson_by_group
from scrapline.params import Deploy


@dataclass(frozen=True)
class Exported:
    """One file with its probabilities [N, C] on the images of validation and of test."""

    path: Path
    validated: Probabilities
    tested: Probabilities


@dataclass(frozen=True)
class Truth:
    """The labels [N] and groups [N] of both splits, and the thresholds by class, which the files' bins ask for."""

    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    validation_groups: Sequence[str]
    test_groups: Sequence[str]
    thresholds: Mapping[str, float]


@dataclass(frozen=True)
class Judgement:
    """What came of the gate, and which training photos it looked at."""

    outcome: Outcome
    photos: Photos


def metrics(
    parity: Parity, fp32: Exported, int8: Exported, truth: Truth, judgement: Judgement, deploy: Deploy
) -> dict[str, Any]:
    """The content of results/export/metrics.json."""
    outcome, photos = judgement.outcome, judgement.photos
    judged = len(truth.validation) + len(photos.judged)
    deployed, because = _decide(deploy, outcome, judged)
    return {
        "parity": asdict(parity),
        "fp32": _file(fp32, truth),
        "int8": _file(int8, truth)
        | _rounded(outcome.best.comparison)
        | {
            "limits": _rounded(outcome.limits),
            "judged": {
                "validation_images": len(truth.validation),
                "training_images": len(photos.judged),
                "of_them_for_calibration": photos.reused,
            },
            "test_label_agreement": round(_agreement(fp32.tested, int8.tested), 6),
            "attempts": [_attempt(attempt, attempt is outcome.best) for attempt in outcome.attempts],
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


def _decide(deploy: Deploy, outcome: Outcome, judged: int) -> tuple[str, str]:
    best = outcome.best
    findings = _findings(best.comparison, outcome.limits, judged)
    failed = _listed([findings[name] for name in best.broken])
    if deploy is Deploy.FP32:
        return "fp32", "`export.deploy` says so"
    if deploy is Deploy.INT8:
        return "int8", "`export.deploy` says so" + ("" if best.passed else f", although it {failed}")
    if best.passed:
        return "int8", f"it {_listed(list(findings.values()))}"
    return "fp32", f"no INT8 model passed the gate: the best {failed}"


def _findings(found: Comparison, limits: Limits, judged: int) -> dict[str, str]:
    """What was found under each limit, in words, with the limit."""
    lost = 100 * max(0.0, found.accuracy_drop)
    return {
        "accuracy_drop": f"loses {lost:.1f} points of validation accuracy ({100 * limits.accuracy_drop:.1f} allowed)",
        "label_agreement": (
            f"gives {100 * found.label_agreement:.1f} % of {judged} photos the label of float32 "
            f"({100 * limits.label_agreement:.1f} % required)"
        ),
        "divergence": (
            f"moves {100 * found.divergence:.1f} % of the probability to other classes "
            f"({100 * limits.divergence:.1f} % allowed)"
        ),
    }


def _listed(parts: list[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), *parts[-1:]] if len(parts) > 1 else parts)


def _file(exported: Exported, truth: Truth) -> dict[str, Any]:
    return {
        **_accuracy("validation", exported.validated, truth.validation, truth.validation_groups),
        **_accuracy("test", exported.tested, truth.test, truth.test_groups),
        "size_mb": round(exported.path.stat().st_size / 1e6, 3),
        "sorting": sorting.bins(truth.test, exported.tested, truth.test_groups, truth.thresholds),
    }


def _attempt(attempt: Attempt, kept: bool) -> dict[str, Any]:
    return {
        "calibration": attempt.recipe.calibration,
        "float_layers": list(attempt.recipe.float_layers),
        **_rounded(attempt.comparison),
        "broken": attempt.broken,
        "kept": kept,
    }


def _rounded(figures: Comparison | Limits) -> dict[str, float]:
    return {name: round(value, 6) for name, value in asdict(figures).items()}


def _accuracy(
    split: str, probabilities: Probabilities, labels: npt.NDArray[np.int64], groups: Sequence[str]
) -> dict[str, float]:
    """With its 95 % interval by group."""
    right = probabilities.argmax(axis=1) == labels
    interval = wilson_by_group(right, groups)
    found = {"": float(right.mean()), "_ci95_low": interval.low, "_ci95_high": interval.high}
    return {f"{split}_accuracy{what}": round(value, 6) for what, value in found.items()}


def _agreement(left: Probabilities, right: Probabilities) -> float:
    return float((left.argmax(axis=1) == right.argmax(axis=1)).mean())
