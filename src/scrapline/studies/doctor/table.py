"""One line a photo, with all that speaks against it."""

import csv
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from scrapline import paths
from scrapline.data.appearance import Appearance
from scrapline.data.shards import Row
from scrapline.studies.doctor import findings
from scrapline.studies.doctor.judged import Judged


def table(
    judged: Judged, embeddings: npt.NDArray[np.float32], looks: Appearance, twins: dict[str, str]
) -> pd.DataFrame:
    """A line a photo, the worst label first; photos, `embeddings` [N, D] and `looks` are in one order.

    `twins` has for photos, by id, a near-duplicate with another label. Quality is 0 to 1, distance that of cosines,
    brightness a share of white, sharpness in grey levels; what stands in yes-or-no columns is 0 or 1.
    """
    rows, classes = judged.rows, judged.classes
    near = findings.neighbours(embeddings, [row.group for row in rows])
    probabilities = findings.with_neighbours(judged.probabilities, near, judged.labels)
    lines = pd.DataFrame(
        {
            "image_id": [row.image_id for row in rows],
            "source_path": [row.source_path for row in rows],
            "split": [row.split for row in rows],
            "class": [row.class_name for row in rows],
            "said": [classes[number] for number in judged.predicted],
            "confidence": judged.confidence,
            "label_quality": findings.label_quality(judged.labels, probabilities),
            "likely_wrong": findings.likely_wrong(judged.labels, probabilities).astype(int),
            "near_duplicate_of_another_class": [twins.get(row.image_id, "") for row in rows],
            "distance": near.distance,
            "unlike_others": findings.farthest(near.distance).astype(int),
            "brightness": looks.brightness,
            "too_dark": findings.too_dark(looks.brightness).astype(int),
            "sharpness": looks.sharpness,
            "blurred": findings.blurred(looks.sharpness).astype(int),
        }
    )
    return lines.sort_values(["label_quality", "image_id"], kind="stable", ignore_index=True)


def twins_of_other_classes(rows: Sequence[Row]) -> dict[str, str]:
    """For photos that have one, by id: the path of a near-duplicate that stands in another class."""
    by_path = {row.source_path: row for row in rows}
    found: dict[str, str] = {}
    with paths.NEAR_DUPLICATES.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            pair = [by_path[path] for path in (line["first"], line["second"]) if path in by_path]
            if len(pair) == 2 and pair[0].class_name != pair[1].class_name:
                found.setdefault(pair[0].image_id, pair[1].source_path)
                found.setdefault(pair[1].image_id, pair[0].source_path)
    return found
