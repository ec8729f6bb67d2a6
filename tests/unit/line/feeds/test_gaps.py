from scrapline.line.feeds.gaps import Gaps


def test_a_gap_lasts_until_the_next_item_that_is_captured() -> None:
    gaps = Gaps()
    gaps.captured(0.0)
    for due_s in (1.0, 1.5, 2.0):
        gaps.missed(due_s)
    gaps.captured(2.25)
    gaps.captured(3.0)
    gaps.missed(5.0)
    gaps.captured(6.0)
    assert gaps.facts() == {
        "gaps": [
            {"at_s": 1.0, "seconds": 1.25, "items_missed": 3},
            {"at_s": 5.0, "seconds": 1.0, "items_missed": 1},
        ],
        "gaps_in_all": 2,
        "gap_seconds": 2.25,
        "items_missed": 4,
    }


def test_a_gap_that_is_not_over_counts_so_far() -> None:
    gaps = Gaps()
    gaps.missed(4.0)
    gaps.missed(4.5)
    assert gaps.facts()["gaps"] == [{"at_s": 4.0, "seconds": 0.5, "items_missed": 2}]
    assert gaps.facts()["gap_seconds"] == 0.5


def test_the_last_hundred_are_listed_and_all_are_summed() -> None:
    gaps = Gaps()
    for number in range(250):
        gaps.missed(float(number))
        gaps.captured(number + 0.5)
    facts = gaps.facts()
    assert [gap["at_s"] for gap in facts["gaps"]] == [float(number) for number in range(150, 250)]
    assert (facts["gaps_in_all"], facts["gap_seconds"], facts["items_missed"]) == (250, 125.0, 250)
