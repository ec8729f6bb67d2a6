"""When a run of the line ends, why it did, and what befell it on the way."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class Limits:
    """When the belt stops by itself: after so many items, or so many seconds; None: it does not."""

    items: int | None = None
    seconds: float | None = None


class Ending(StrEnum):
    """Why the belt stopped."""

    LIMIT = "limit"
    FEED = "feed"
    STOPPED = "stopped"
    BROKEN = "broken"


@dataclass
class Troubles:
    """What went wrong without ending the run."""

    workers_replaced: int = 0
    first_failure: str = ""
    feed_waited_s: float = 0.0
