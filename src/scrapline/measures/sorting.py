"""What ended in which bin: purity and recovery, the figures that sorting plants judge by."""

from collections import Counter

REVIEW = "manual_review"
RESIDUE = "residue"

# (true material, bin) -> items
Ended = Counter[tuple[str, str]]


def purity(ended: Ended, name: str) -> float | None:
    """Share of the items in bin `name` that are of its material; None for an empty bin."""
    inside = sum(items for (_, where), items in ended.items() if where == name)
    return round(ended[name, name] / inside, 6) if inside else None


def recovery(ended: Ended, name: str) -> float | None:
    """Share of the items of material `name` that reached its bin; None where none came by."""
    came = sum(items for (material, _), items in ended.items() if material == name)
    return round(ended[name, name] / came, 6) if came else None
