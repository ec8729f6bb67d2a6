"""Which classes are confused, and which are two kinds of things: by hand, and on made-up photos."""

import numpy as np
import pytest

from scrapline.measures.intervals import wilson
from scrapline.studies.doctor import kinds

CLASSES = ["glass", "metal", "paper"]
ALONE = [str(n) for n in range(400)]


def test_a_pairs_share_is_of_the_photos_of_both_and_merging_them_forgives_its_mistakes() -> None:
    labels = np.array([0] * 40 + [1] * 40 + [2] * 20)
    predicted = labels.copy()
    predicted[:10], predicted[40:48], predicted[99] = 1, 0, 0
    found = kinds.confused(labels, predicted, ALONE[:100], CLASSES)
    assert [(pair.first, pair.second, pair.photos, pair.mistaken) for pair in found] == [
        ("glass", "metal", 80, 18),
        ("glass", "paper", 60, 1),
    ]
    assert (found[0].accuracy, found[0].merged) == pytest.approx((0.81, 0.99))
    assert found[0].interval == wilson(18, 80)
    assert [pair.merge for pair in found] == [True, False]
    assert kinds.confused(labels, labels, ALONE[:100], CLASSES) == []


def test_a_pair_is_to_be_merged_only_by_what_holds_for_all_pairs_together() -> None:
    """14 of 80: at 95 % more than one in ten for this pair alone (10.7 %), but not as one of 45 (8.1 % at 99.9 %)."""
    labels = np.array([0] * 40 + [1] * 40)
    predicted = labels.copy()
    predicted[:14] = 1
    alone = kinds.confused(labels, predicted, ALONE[:80], CLASSES[:2])
    among = kinds.confused(labels, predicted, ALONE[:80], [str(n) for n in range(10)])
    assert [pair.merge for pair in alone + among] == [True, False]


def photos(hard: float, apart: float = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Glass of two kinds, 120 and 80 photos, the second taken for metal in so many; metal of one kind, never wrong."""
    generator = np.random.default_rng(1)
    middle = np.zeros((400, 64))
    middle[:200, 0], middle[200:, 1] = 10, 10
    middle[120:200, 2] = apart
    embeddings = (middle + generator.normal(size=(400, 64))).astype(np.float32)
    labels = np.array([0] * 200 + [1] * 200)
    predicted = labels.copy()
    predicted[120 : 120 + round(80 * hard)] = 1
    return labels, predicted, embeddings


def found_in(
    labels: np.ndarray, predicted: np.ndarray, embeddings: np.ndarray, groups: list[str] = ALONE
) -> list[kinds.Kind]:
    return kinds.kinds(labels, predicted, groups, embeddings, ["glass", "metal"], 7)


def test_a_class_of_two_kinds_is_named_where_one_is_recognised_worse() -> None:
    (found,) = found_in(*photos(0.5))
    assert found.name == "glass"
    assert sorted(found.easy) == [*range(120)]
    assert sorted(found.hard) == [*range(120, 200)]
    assert (found.recall, found.taken_for) == ((1.0, 0.5), "metal")
    assert found.intervals[1] == wilson(40, 80)


def test_two_kinds_that_are_recognised_alike_are_nobodys_concern() -> None:
    assert found_in(*photos(0.02)) == []


def test_a_hard_session_is_one_photo_and_no_kind() -> None:
    labels, predicted, embeddings = photos(0.5)
    assert found_in(labels, predicted, embeddings, ALONE[:120] + ["session"] * 80 + ALONE[200:]) == []


@pytest.mark.parametrize("seed", range(6))
def test_a_class_of_one_kind_is_not_cut_in_two_though_one_side_of_it_is_mistaken(seed: int) -> None:
    """One bell a class, stretched towards the boundary between them; what lies beyond it is mistaken."""
    generator = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 200)
    embeddings = generator.normal(size=(400, 64))
    embeddings[:, 0] = 3 * embeddings[:, 0] + np.where(labels, 4, -4)
    embeddings[:, 1] += 20
    predicted = (embeddings[:, 0] > 0).astype(int)
    assert 0.02 < (predicted != labels).mean() < 0.2
    assert found_in(labels, predicted, embeddings.astype(np.float32)) == []


def test_photos_that_are_all_alike_are_one_kind(recwarn: pytest.WarningsRecorder) -> None:
    labels, predicted, _ = photos(0.5)
    assert found_in(labels, predicted, np.ones((400, 8), np.float32)) == []
    assert not recwarn.list
