"""What a feed gives, and the interface that all feeds have."""

from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from scrapline.data.imaging import Pixels


class FeedEnded(Exception):  # noqa: N818 - no error
    """There are no more frames: a video is over."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of an item: an image file's bytes, or RGB pixels, uint8 [H, W, 3].

    `true_class` is empty where nobody knows it. Frames of one `group` are no independent evidence of how good the model
    is; empty: this frame is seen once and never again.
    """

    name: str
    data: bytes | Pixels
    true_class: str = ""
    group: str = ""

    def without_data(self) -> "Frame":
        """Its name and what is known of it, once nobody will look at it any more."""
        return replace(self, data=b"")


class Feed(Protocol):
    """A source of frames, asked by the camera's thread alone. Entered before the first frame, left after the last.

    `ahead`: its frames may be taken before their items are due, as those of a camera cannot. `waits`: the belt stands
    still while the feed makes its next frame, which no camera on a real belt can ask for.
    """

    waits: bool
    ahead: bool

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def take(self, number: int, due_s: float) -> Frame | None:
        """The picture of item `number`, which reaches the camera `due_s` after the start of the run.

        None where the camera sees nothing just then: no item is captured. Raises FeedEnded, and ScraplineError where
        the feed is of no use (any more).
        """
        ...

    def facts(self) -> dict[str, Any]:
        """What the feed is and what befell it, for metrics.json: JSON, no timing of the machine's in it but gaps."""
        ...
