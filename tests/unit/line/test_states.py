"""Every combination of what may be known of an item, against the precedence as it is written down."""

from itertools import product

import pytest

from scrapline.line.states import Seen, State, end
from scrapline.runtime.engine import Classification

SURE = Classification("glass", 0.9, "metal", 0.1, low_confidence=False)
UNSURE = Classification("glass", 0.5, "metal", 0.4, low_confidence=True)
BINS = {State.SORT: "glass", State.REVIEW: "manual_review", State.UNKNOWN: "manual_review"}


@pytest.mark.parametrize(
    ("unreadable", "overwritten", "decided", "overlaps", "unknown", "answer"),
    [*product((False, True), (False, True), (0.9, 1.0, 1.1), (False, True), (False, True), (None, SURE, UNSURE))],
)
def test_an_item_ends_in_the_first_state_that_applies(
    unreadable: bool, overwritten: bool, decided: float, overlaps: bool, unknown: bool, answer: Classification | None
) -> None:
    applies = {
        State.UNREADABLE: unreadable,
        State.DROPPED: overwritten,
        State.LATE: decided > 1.0 or (answer is None and not overlaps),
        State.OVERLAP: overlaps,
        State.UNKNOWN: unknown,
        State.REVIEW: answer is UNSURE,
        State.SORT: True,
    }
    first = next(state for state in State if applies[state])
    found = end(Seen(decided, 1.0, unreadable, overwritten, overlaps, unknown, answer))
    assert found.state is first
    assert found.bin == BINS.get(first, "residue")


def test_the_order_of_the_states_is_the_one_that_is_promised() -> None:
    assert [*State] == ["unreadable", "dropped", "late", "overlap", "unknown", "review", "sort"]
