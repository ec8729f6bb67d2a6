"""Accuracy on the photos of each class, and on dark and bright, blurred and sharp, small and large ones."""

from pathlib import Path
from typing import Any

import numpy as np

from scrapline.data import appearance, shards
from scrapline.data.imaging import Preprocessing
from scrapline.evaluate.scored import Scored
from scrapline.measures import slices


def weak_spots(prepared: Path, scored: dict[str, Scored], classes: list[str], fed: Preprocessing) -> dict[str, Any]:
    """Accuracy by slice, of the photos of some splits together; as metrics.json holds it."""
    labels, predicted = (
        np.concatenate([getattr(each, what) for each in scored.values()]) for what in ("labels", "predicted")
    )
    groups = [group for each in scored.values() for group in each.groups]
    size = {row.image_id: row.bytes for row in shards.read_manifest(prepared)}
    sizes = np.array([size[image_id] / 1000 for each in scored.values() for image_id in each.image_ids])
    looks = [appearance.of_split(prepared, split, fed) for split in scored]
    right = predicted == labels
    table = slices.accuracies(
        right,
        groups,
        {
            "class": slices.by_name([classes[label] for label in labels]),
            "brightness": slices.by_quarter(np.concatenate([look.brightness for look in looks])),
            "sharpness": slices.by_quarter(np.concatenate([look.sharpness for look in looks])),
            "file size in kB": slices.by_quarter(sizes),
        },
    )
    return {"photos": len(right), "accuracy": round(float(right.mean()), 6), "slices": table}
