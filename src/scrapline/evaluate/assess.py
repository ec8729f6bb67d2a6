"""The evaluate stage: figures, operating points and pictures from a model's logits."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scrapline.cli.console import info
from scrapline.data import shards
from scrapline.data.class_names import REVIEW
from scrapline.evaluate import plots
from scrapline.evaluate.gallery import draw_mistakes
from scrapline.evaluate.scored import Scored
from scrapline.measures import metrics, operating_points
from scrapline.measures.sorting import purity, recovery
from scrapline.model.checkpoint import Checkpoint
from scrapline.system.files import require, write_json


def chosen_points(validation: Scored, classes: list[str], target_purity: float) -> dict[str, Any]:
    """The content of operating_points.json, chosen on validation."""
    points = operating_points.choose(validation.labels, validation.calibrated, target_purity)
    return {
        "target_purity": target_purity,
        "chosen_on": "validation",
        "classes": {name: asdict(point) for name, point in zip(classes, points, strict=True)},
    }


def evaluation_metrics(
    validation: Scored, test: Scored, points: dict[str, Any], checkpoint: Checkpoint
) -> dict[str, Any]:
    """The content of metrics.json, but for the slices."""
    levels = np.array([points["classes"][name]["threshold"] for name in checkpoint.classes])
    return {
        "test": metrics.summarise(test.labels, test.calibrated, test.groups),
        "validation": metrics.summarise(validation.labels, validation.calibrated, validation.groups),
        "per_class": metrics.per_class(test.labels, test.predicted, test.groups, checkpoint.classes),
        "calibration": {
            "temperature": checkpoint.temperature,
            "ece_before": metrics.expected_calibration_error(test.labels, test.raw),
            "ece_after": metrics.expected_calibration_error(test.labels, test.calibrated),
        },
        "operating_point": {
            "target_purity": points["target_purity"],
            **operating_points.outcome(test.labels, test.calibrated, levels),
            "bins": _bins(test, levels, checkpoint.classes),
        },
    }


def write_results(
    folder: Path, prepared: Path, content: dict[str, Any], points: dict[str, Any], test: Scored, checkpoint: Checkpoint
) -> None:
    """Write JSON, CSV and pictures into `folder`."""
    classes = checkpoint.classes
    write_json(folder / "metrics.json", content)
    write_json(folder / "operating_points.json", points)
    names = np.array(classes)
    true, predicted = names[test.labels], names[test.predicted]
    source_path = {row.image_id: row.source_path for row in shards.read_manifest(prepared) if row.split == "test"}
    predictions = pd.DataFrame(
        {
            "image_id": test.image_ids,
            "source_path": [source_path[image_id] for image_id in test.image_ids],
            "true_class": true,
            "predicted_class": predicted,
            "confidence": test.calibrated.max(axis=1),
        }
    ).join(pd.DataFrame(test.calibrated, columns=[f"p_{name}" for name in classes]))
    predictions.to_csv(folder / "predictions.csv", index=False, float_format="%.6f", lineterminator="\n")
    pairs = pd.DataFrame({"actual": true, "predicted": predicted})
    pairs.to_csv(folder / "confusion.csv", index=False, lineterminator="\n")
    counts = metrics.confusion(test.labels, test.predicted, len(classes))
    plots.confusion_matrix(folder / "confusion_matrix.png", counts, classes, f"Test, {len(test.labels)} images")
    errors = (content["calibration"]["ece_before"], content["calibration"]["ece_after"])
    bins = (metrics.reliability(test.labels, test.raw), metrics.reliability(test.labels, test.calibrated))
    plots.reliability(folder / "reliability.png", *bins, errors)
    table = [(name, b["purity"], b["recovery"]) for name, b in content["operating_point"]["bins"].items()]
    plots.purity(folder / "purity.png", table, points["target_purity"])
    plots.slices(folder / "slices.png", content["by_slice"])
    draw_mistakes(folder / "mistakes.png", prepared, test, checkpoint)


def draw_learning_curves(folder: Path, history: Path) -> None:
    """Draw the training's history.csv: as a picture that Git keeps, it compares between branches without a pull."""
    plots.learning_curves(folder / "learning_curves.png", pd.read_csv(require(history)))


def print_summary(content: dict[str, Any]) -> None:
    """Say the key figures on the console."""
    for split in ("validation", "test"):
        m = content[split]
        info(
            f"{split:>10}: accuracy {m['accuracy']:.1%} (95 % interval {m['accuracy_ci95_low']:.1%} to "
            f"{m['accuracy_ci95_high']:.1%}), macro F1 {m['macro_f1']:.3f}, {m['images']} images"
            + (f" in {m['groups']} groups" if m["groups"] < m["images"] else "")
        )
    point = content["operating_point"]
    if point["purity"] is not None:
        info(f"   sorting: {point['coverage']:.1%} of test items are sure enough, {point['purity']:.1%} of those right")


def _bins(test: Scored, levels: np.ndarray[Any, Any], classes: list[str]) -> dict[str, dict[str, float | None]]:
    sure = operating_points.accepted(test.calibrated, levels)
    into = [classes[p] if ok else REVIEW for p, ok in zip(test.predicted, sure, strict=True)]
    placed = Counter(zip((classes[label] for label in test.labels), into, strict=True))
    return {name: {"purity": purity(placed, name), "recovery": recovery(placed, name)} for name in classes}
