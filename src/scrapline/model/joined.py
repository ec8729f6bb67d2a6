"""Several splits' arrays as if they were one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]
"""Positions of photos in a pool of them."""


class Part(Protocol):
    """One split: ids [N], `values` [V, N, ...] and `labels` int64 [N]."""

    @property
    def image_ids(self) -> list[str]: ...  # noqa: D102
    @property
    def values(self) -> npt.NDArray[Any]: ...  # noqa: D102
    @property
    def labels(self) -> npt.NDArray[np.int64]: ...  # noqa: D102


@dataclass(frozen=True)
class Joined:
    """The photos of `parts` one after another; their arrays stay where they lie."""

    parts: Sequence[Part]

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Of all photos, int64 [N]."""
        return np.concatenate([part.labels for part in self.parts])

    @property
    def image_ids(self) -> list[str]:
        """Of all photos, in the order of their rows."""
        return [image_id for part in self.parts for image_id in part.image_ids]

    @property
    def views(self) -> int:
        """How many there are of each photo."""
        return len(self.parts[0].values)

    def take(self, rows: Rows, views: Rows | None = None) -> npt.NDArray[Any]:
        """The values [n, ...] of some rows [n], of one view each [n], or of the unchanged one."""
        first = self.parts[0].values
        taken = np.empty((len(rows), *first.shape[2:]), first.dtype)
        start = 0
        for part in self.parts:
            end = start + len(part.labels)
            here = (rows >= start) & (rows < end)
            taken[here] = part.values[0 if views is None else views[here], rows[here] - start]
            start = end
        return taken
