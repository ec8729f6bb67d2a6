"""What the export stage reports: parity, accuracy of the exported file, and what is deployed."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.console import say
from scrapline.export.parity import Parity


def metrics(
    parity: Parity,
    model: Path,
    validation_labels: list[int],
    validated: npt.NDArray[np.float32],
    test_labels: list[int],
    tested: npt.NDArray[np.float32],
) -> dict[str, Any]:
    """The content of results/export/metrics.json; probabilities [N, C] are the exported model's own."""
    return {
        "parity": asdict(parity),
        "fp32": {
            "validation_accuracy": _accuracy(validation_labels, validated),
            "test_accuracy": _accuracy(test_labels, tested),
            "size_mb": round(model.stat().st_size / 1e6, 3),
        },
        "deployed": "fp32",
        "deployed_because": "float32 is the only precision exported",
    }


def tell(content: dict[str, Any]) -> None:
    """Say on the console how close and how good the exported model is."""
    parity, fp32 = content["parity"], content["fp32"]
    say(
        f"ONNX equals PyTorch on {parity['images']} validation images: labels {parity['label_agreement']:.0%}, largest "
        f"difference {parity['max_abs_diff']:.1e}; test accuracy {fp32['test_accuracy']:.1%}, {fp32['size_mb']:.1f} MB"
    )


def _accuracy(labels: list[int], probabilities: npt.NDArray[np.float32]) -> float:
    return round(float((probabilities.argmax(axis=1) == np.array(labels)).mean()), 6)
