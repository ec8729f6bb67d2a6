"""Rates with what stands behind them."""

import numpy as np
import pytest

from scrapline.measures import intervals
from scrapline.measures.evidence import Evidence
from scrapline.measures.sorting import bins

NOTHING = {"rate": None, "items": 0, "photos": 0, "groups": 0, "ci95_low": None, "ci95_high": None}


def test_nothing_is_no_rate() -> None:
    assert Evidence().facts() == NOTHING


def test_frames_seen_once_are_plain_trials() -> None:
    evidence = Evidence()
    for number in range(10):
        evidence.add(number < 7, str(number), "")
    wide = intervals.wilson(7, 10)
    assert evidence.facts() == {
        "rate": 0.7,
        "items": 10,
        "photos": 10,
        "groups": 10,
        "ci95_low": round(wide.low, 6),
        "ci95_high": round(wide.high, 6),
    }


def test_a_photo_shown_again_and_photos_of_one_group_are_told_apart() -> None:
    """Photo a five times and b once are one group; c alone another; d is seen once and never again."""
    evidence = Evidence()
    for frame, group, so in (*[("a", "g", True)] * 5, ("b", "g", False), ("c", "c", True), ("d", "", False)):
        evidence.add(so, frame, group)
    facts = evidence.facts()
    assert (facts["rate"], facts["items"], facts["photos"], facts["groups"]) == (0.75, 8, 4, 3)
    right = np.array([1, 1, 1, 1, 1, 0, 1, 0], bool)
    wide = intervals.wilson_by_group(right, ["g"] * 6 + ["c", "d"])
    assert (facts["ci95_low"], facts["ci95_high"]) == (round(wide.low, 6), round(wide.high, 6))


def test_a_frame_that_a_camera_gives_again_counts_as_an_item_and_not_as_a_photo() -> None:
    """Frame x three times and y once, right in 2 of 4; then three photos of one group, right in one: 3 of 7."""
    evidence = Evidence()
    for frame, group, so in (("x", "", True), ("x", "x", True), ("x", "x", False), ("y", "", False)):
        evidence.add(so, frame, group)
    facts, wide = evidence.facts(), intervals.wilson(1, 2)
    assert (facts["rate"], facts["items"], facts["photos"], facts["groups"]) == (0.5, 4, 2, 2)
    assert (facts["ci95_low"], facts["ci95_high"]) == pytest.approx((wide.low, wide.high), abs=1e-6)
    for number in range(3):
        evidence.add(number == 0, f"{number}", "g")
    facts = evidence.facts()
    assert (facts["rate"], facts["items"], facts["photos"], facts["groups"]) == (0.428571, 7, 5, 3)
    wide = intervals.wilson_by_group(np.array([1, 0, 1, 0, 0], bool), [*"xyggg"])
    assert (facts["ci95_low"], facts["ci95_high"]) == pytest.approx((wide.low, wide.high), abs=1e-6)


def test_bins_of_six_photos_by_hand() -> None:
    """Thresholds 0.5 and 0.8: two of glass into glass, one of metal too; metal gets one; two go to a person."""
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.1, 0.9], [0.3, 0.7], [0.25, 0.75]], np.float32)
    labels = np.array([0, 0, 1, 1, 1, 0])
    found = bins(labels, probabilities, list("abcdef"), {"glass": 0.5, "metal": 0.8})
    glass, metal = found["bins"]["glass"], found["bins"]["metal"]
    assert (glass["purity"]["rate"], glass["purity"]["items"]) == (pytest.approx(2 / 3, abs=1e-6), 3)
    assert (glass["recovery"]["rate"], glass["recovery"]["items"]) == (pytest.approx(2 / 3, abs=1e-6), 3)
    assert (metal["purity"]["rate"], metal["purity"]["items"]) == (1.0, 1)
    assert (metal["recovery"]["rate"], metal["recovery"]["items"]) == (pytest.approx(1 / 3, abs=1e-6), 3)
    assert (found["to_a_person"]["rate"], found["to_a_person"]["items"]) == (pytest.approx(2 / 6, abs=1e-6), 6)


def test_bins_count_groups() -> None:
    probabilities = np.array([[0.9, 0.1]] * 4, np.float32)
    found = bins(np.zeros(4, int), probabilities, ["a", "a", "a", "b"], {"glass": 0.5, "metal": 0.5})
    assert (found["bins"]["glass"]["purity"]["photos"], found["bins"]["glass"]["purity"]["groups"]) == (4, 2)
    assert found["bins"]["metal"] == {"purity": NOTHING, "recovery": NOTHING}


def test_a_confidence_at_its_threshold_is_enough() -> None:
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]], np.float32)
    found = bins(np.zeros(2, int), probabilities, ["a", "b"], {"glass": 0.75, "metal": 0.5})
    assert found["bins"]["glass"]["purity"]["items"] == 1
