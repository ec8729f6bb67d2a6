"""What ends in which bin: purity and recovery, the figures that sorting plants judge by."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.measures import operating_points
from scrapline.measures.evidence import Evidence

# (true material, bin) -> items
Placed = Counter[tuple[str, str]]


def purity(placed: Placed, name: str) -> float | None:
    """Share of the items in bin `name` that are of its material; None for an empty bin."""
    inside = sum(items for (_, where), items in placed.items() if where == name)
    return round(placed[name, name] / inside, 6) if inside else None


def recovery(placed: Placed, name: str) -> float | None:
    """Share of the items of material `name` that reached its bin; None where none came by."""
    came = sum(items for (material, _), items in placed.items() if material == name)
    return round(placed[name, name] / came, 6) if came else None


def bins(
    labels: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    groups: Sequence[str],
    thresholds: Mapping[str, float],
) -> dict[str, Any]:
    """Photos [N] sorted at these thresholds (class by class, in the order of the columns), as JSON.

    `bins` has each class's purity (share of what is in its bin that belongs there) and recovery (share of its photos
    that reach it), `to_a_person` the share that is not sure enough for any bin, each with what stands behind it.
    """
    classes = list(thresholds)
    limit = np.array([thresholds[name] for name in classes])
    predicted, sure = probabilities.argmax(axis=1), operating_points.accepted(probabilities, limit)
    purity, recovery = [Evidence() for _ in classes], [Evidence() for _ in classes]
    to_a_person = Evidence()
    for photo, (label, said, goes) in enumerate(zip(labels.tolist(), predicted.tolist(), sure.tolist(), strict=True)):
        to_a_person.add(not goes, str(photo), groups[photo])
        recovery[label].add(goes and said == label, str(photo), groups[photo])
        if goes:
            purity[said].add(said == label, str(photo), groups[photo])
    return {
        "bins": {
            name: {"purity": purity[number].facts(), "recovery": recovery[number].facts()}
            for number, name in enumerate(classes)
        },
        "to_a_person": to_a_person.facts(),
    }
