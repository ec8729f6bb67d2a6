"""Rows of several splits, as NumPy takes them from all of them put together."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scrapline.model.joined import Joined


@dataclass(frozen=True)
class Part:
    image_ids: list[str]
    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]


def parts(views: int) -> list[Part]:
    rng = np.random.default_rng(0)
    return [
        Part([f"{start + n}" for n in range(size)], rng.random((views, size, 4)).astype(np.float32), np.arange(size))
        for start, size in ((0, 5), (5, 3), (8, 1))
    ]


def test_rows_and_views_are_those_of_all_parts_together() -> None:
    split = parts(3)
    joined, whole = Joined(split), np.concatenate([part.values for part in split], axis=1)
    rng = np.random.default_rng(1)
    rows, views = rng.integers(0, 9, 50), rng.integers(0, 3, 50)
    np.testing.assert_array_equal(joined.take(rows, views), whole[views, rows])
    np.testing.assert_array_equal(joined.take(rows), whole[0, rows])
    assert joined.take(rows).dtype == np.float32
    assert joined.views == 3
    assert joined.image_ids == [str(n) for n in range(9)]
    assert joined.labels.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 0]


def test_no_rows_are_none() -> None:
    assert Joined(parts(1)).take(np.array([], np.int64)).shape == (0, 4)
