"""Which classes are confused, and which are two kinds of things: by hand, and on made-up photos."""

import numpy as np
import pytest

from scrapline.measures.intervals import wilson
from scrapline.studies.doctor import kinds

CLASSES = ["glass", "metal", "paper"]


def test_a_pairs_share_is_of_the_photos_of_both_and_merging_them_forgives_its_mistakes() -> None:
    labels = np.array([0] * 40 + [1] * 40 + [2] * 20)
    predicted = labels.copy()
    predicted[:10], predicted[40:48], predicted[99] = 1, 0, 0
    found = kinds.confused(labels, predicted, [str(n) for n in range(100)], CLASSES)
    assert [(pair.first, pair.second, pair.photos, pair.mistaken) for pair in found] == [
        ("glass", "metal", 80, 18),
        ("glass", "paper", 60, 1),
    ]
    assert (found[0].accuracy, found[0].merged) == pytest.approx((0.81, 0.99))
    assert found[0].interval == wilson(18, 80)
    assert [pair.merge for pair in found] == [True, False]
    assert kinds.confused(labels, labels, [str(n) for n in range(100)], CLASSES) == []


def photos(hard: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Glass of two kinds, 60 and 40 photos, the second taken for metal in so many; metal of one kind, never wrong."""
    generator = np.random.default_rng(1)
    middle = np.array([[10, 0, 0]] * 60 + [[0, 10, 0]] * 40 + [[0, 0, 10]] * 100)
    embeddings = (middle + generator.normal(size=(200, 3))).astype(np.float32)
    labels = np.array([0] * 100 + [1] * 100)
    predicted = labels.copy()
    predicted[60 : 60 + round(40 * hard)] = 1
    return labels, predicted, embeddings


def test_a_class_of_two_kinds_is_named_where_one_is_recognised_worse() -> None:
    (found,) = kinds.kinds(*photos(0.5), ["glass", "metal"], 7)
    assert found.name == "glass"
    assert sorted(found.easy) == [*range(60)]
    assert sorted(found.hard) == [*range(60, 100)]
    assert (found.recall, found.taken_for) == ((1.0, 0.5), "metal")


def test_two_kinds_that_are_recognised_alike_are_nobodys_concern() -> None:
    assert kinds.kinds(*photos(0.05), ["glass", "metal"], 7) == []
