"""The states in which an item can end, and the one function that says in which it does."""

from dataclasses import dataclass
from enum import StrEnum

from scrapline.data.class_names import RESIDUE, REVIEW
from scrapline.runtime.engine import Classification


class State(StrEnum):
    """How an item ends: in the first of these, in this order, that applies."""

    UNREADABLE = "unreadable"
    DROPPED = "dropped"
    LATE = "late"
    OVERLAP = "overlap"
    UNKNOWN = "unknown"
    REVIEW = "review"
    SORT = "sort"

    @property
    def decided(self) -> bool:
        """Whether the model's answer decided it."""
        return self in (State.UNKNOWN, State.REVIEW, State.SORT)


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of an item at the end.

    `overwritten`: its frame was lost in a full queue before anyone looked. `decided_s`: when the end was known, on the
    clock of `deadline_s`. `classification` is None where nobody looked, or nothing came of it.
    """

    decided_s: float
    deadline_s: float
    unreadable: bool = False
    overwritten: bool = False
    overlaps: bool = False
    unknown: bool = False
    classification: Classification | None = None


@dataclass(frozen=True, slots=True)
class End:
    """An item's state and the bin it ends in; what is not sorted stays on the belt, for a person or as residue."""

    state: State
    bin: str


def end(seen: Seen) -> End:
    """In which state and bin an item ends: the only place that decides it.

    An item that overlaps another is not ejected whatever it is; one of which nothing is known when it has to be, late.
    """
    answer = seen.classification
    if seen.unreadable:
        return End(State.UNREADABLE, RESIDUE)
    if seen.overwritten:
        return End(State.DROPPED, RESIDUE)
    if seen.decided_s > seen.deadline_s or (answer is None and not seen.overlaps):
        return End(State.LATE, RESIDUE)
    if seen.overlaps:
        return End(State.OVERLAP, RESIDUE)
    assert answer is not None
    if seen.unknown:
        return End(State.UNKNOWN, REVIEW)
    if answer.low_confidence:
        return End(State.REVIEW, REVIEW)
    return End(State.SORT, answer.predicted_class)
