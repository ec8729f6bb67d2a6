"""Groups: photos joined by verified copies and by what a person declared, and what the groups are called."""

from collections.abc import Iterable, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def group_names(image_ids: Sequence[str], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """The group of each photo: the connected component of the pairs, called by its smallest image_id.

    Pairs hold the photos' numbers; `image_ids` are sorted.
    """
    if not image_ids:
        return []
    edges = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    ones = np.ones(len(edges), np.int8)
    graph = coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(len(image_ids), len(image_ids)))
    _, component = connected_components(graph, directed=False)
    first: dict[int, str] = {}
    return [first.setdefault(int(number), image_id) for number, image_id in zip(component, image_ids, strict=True)]
