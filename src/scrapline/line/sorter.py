"""What happens to an item once the model has spoken, or has not in time."""

from dataclasses import dataclass
from enum import StrEnum

from scrapline.data.class_names import RESIDUE, REVIEW
from scrapline.runtime.engine import Classification


class Action(StrEnum):
    """What the line does with an item."""

    SORT = "sort"
    REVIEW = "review"
    LATE = "late"
    UNREADABLE = "unreadable"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Belt:
    """How far the ejector stands from the camera, and how fast the belt brings items there."""

    belt_m_per_s: float
    camera_to_ejector_m: float

    @property
    def deadline_ms(self) -> float:
        """Time from the picture to the moment the item passes the ejector."""
        return self.camera_to_ejector_m / self.belt_m_per_s * 1000


@dataclass(frozen=True)
class Decision:
    """The action and the bin the item ends in; what is not sorted stays on the belt and ends in the residue."""

    action: Action
    bin: str


def decide(classification: Classification, total_ms: float, deadline_ms: float) -> Decision:
    """Late items pass the ejector whatever they are; unsure ones go to a person; the others into their bin."""
    if total_ms > deadline_ms:
        return Decision(Action.LATE, RESIDUE)
    if classification.low_confidence:
        return Decision(Action.REVIEW, REVIEW)
    return Decision(Action.SORT, classification.predicted_class)
