"""What speaks against a photo: hand calculations, and labels that were flipped on purpose."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from scrapline.studies.doctor import findings


def test_a_labels_quality_is_its_margin_against_the_best_other_class() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])
    found = findings.label_quality(np.array([0, 0, 2]), shares)
    assert found == pytest.approx([(0.7 - 0.2 + 1) / 2, (0.1 - 0.6 + 1) / 2, (0.4 - 0.3 + 1) / 2])


def flipped(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of 1,200 points of 5 classes, 5 % of them wrong; where; and what models that had not seen each say.

    Classes 0 and 1 overlap, as 2 and 3 do a little less; `confused` flips each label to the class nearest to its own.
    """
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 5, 1200)
    middle = np.array([[0, 0], [3.2, 0], [0, 9], [3.6, 9], [9, 4]])
    points = middle[truth] + generator.normal(size=(1200, 2))
    at = generator.choice(1200, 60, replace=False)
    labels = truth.copy()
    near = np.array([1, 0, 3, 2, 1])
    labels[at] = near[truth[at]] if kind == "confused" else (truth[at] + generator.integers(1, 5, 60)) % 5
    said = cross_val_predict(LogisticRegression(max_iter=1000), points, labels, cv=5, method="predict_proba")
    return labels, at, said


@pytest.mark.parametrize(("kind", "least"), [("random", 0.85), ("confused", 0.65)])
def test_flipped_labels_are_among_the_first_tenth(kind: str, least: float) -> None:
    found = []
    for seed in range(5):
        labels, at, said = flipped(kind, seed)
        first = np.argsort(findings.label_quality(labels, said))[:120]
        found.append(np.isin(at, first).mean())
    assert np.mean(found) >= least


def test_likely_wrong_are_mostly_those_that_were_flipped_and_few_others() -> None:
    labels, at, said = flipped("random", 0)
    flagged = np.flatnonzero(findings.likely_wrong(labels, said))
    assert np.isin(at, flagged).mean() > 0.8
    assert np.isin(flagged, at).mean() > 0.5


def test_a_class_of_few_photos_is_not_judged() -> None:
    labels, _, said = flipped("random", 0)
    labels[labels == 4] = 3
    labels[:4] = 4
    assert not findings.likely_wrong(labels, said)[:4].any()
    assert not findings.likely_wrong(np.zeros(9, np.int64), np.eye(2)[[1] * 9]).any()


def test_distance_is_to_the_tenth_nearest_outside_the_own_group() -> None:
    """On the unit circle, one degree apart: the tenth-nearest of the first of 30 is 10 degrees away."""
    angles = np.radians(np.arange(30))
    points = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32) * 7
    alone = findings.neighbours(points, [str(n) for n in range(30)]).distance
    assert alone[0] == pytest.approx(1 - np.cos(np.radians(10)), abs=1e-5)
    assert alone[15] == pytest.approx(1 - np.cos(np.radians(5)), abs=1e-5)
    grouped = findings.neighbours(points, ["a"] * 4 + [str(n) for n in range(26)]).distance
    assert grouped[0] == pytest.approx(1 - np.cos(np.radians(13)), abs=1e-5)
    none = findings.neighbours(points[:3], ["a", "a", "a"])
    assert (none.distance.tolist(), none.who.tolist()) == ([0, 0, 0], [[-1] * 15] * 3)


def test_neighbours_are_the_nearest_outside_the_own_group_though_it_is_large() -> None:
    angles = np.radians(np.arange(100))
    points = np.column_stack([np.cos(angles), np.sin(angles)]).astype(np.float32)
    found = findings.neighbours(points, ["a"] * 80 + [str(n) for n in range(20)]).who
    assert found[0].tolist() == [*range(80, 95)]
    assert found[99].tolist() == [*range(98, 83, -1)]
    few = findings.neighbours(points[:4], ["a", "a", "b", "c"]).who
    assert few[0].tolist() == [2, 3] + [-1] * 13


def test_labels_of_neighbours_count_as_much_as_what_was_said() -> None:
    labels = np.array([0, 1, 1])
    near = findings.Neighbours(np.array([[1, 2, -1], [0, 2, -1], [-1, -1, -1]]), np.zeros(3))
    said = np.array([[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]])
    found = findings.with_neighbours(said, near, labels)
    np.testing.assert_allclose(found, [[0.4, 0.6], [0.45, 0.55], [0.1, 0.9]])


def test_the_far_the_dark_and_the_blurred() -> None:
    distance = np.linspace(0, 1, 200)
    assert np.flatnonzero(findings.farthest(distance)).tolist() == [198, 199]
    assert findings.too_dark(np.array([0.14, 0.16])).tolist() == [True, False]
    assert findings.blurred(np.array([2.4, 10, 10, 11, 2.6])).tolist() == [True, False, False, False, False]
