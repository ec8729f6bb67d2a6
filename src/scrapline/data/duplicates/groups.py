"""Groups: photos joined by verified copies and by what a person declared, and what the groups are called."""

from collections.abc import Iterable, Sequence

from scipy.cluster.hierarchy import DisjointSet


def group_names(image_ids: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """The group of each photo: the connected component of the pairs, called by its smallest image_id.

    Pairs hold the photos' numbers; `image_ids` are sorted.
    """
    sets = DisjointSet(image_ids)
    for first, second in pairs:
        sets.merge(image_ids[first], image_ids[second])
    smallest: dict[str, str] = {}
    return [smallest.setdefault(sets[image_id], image_id) for image_id in image_ids]
