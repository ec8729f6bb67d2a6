"""What ended in which bin: purity and recovery, the figures that sorting plants judge by."""

from collections import Counter

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
