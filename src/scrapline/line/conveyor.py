"""The line itself: each frame decoded, classified, decided."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from scrapline.data.class_names import RESIDUE
from scrapline.data.imaging import ImageError
from scrapline.line.feed import Frame
from scrapline.line.sorter import Action, Belt, Decision, decide
from scrapline.runtime.engine import Classification, Engine


@dataclass(frozen=True, slots=True)
class Result:
    """One item's way through the line; the times are milliseconds, `total_ms` from arrival to decision.

    `decided_s` is the moment of the decision on the clock of time.perf_counter, which no clock's setting moves.
    """

    item_id: int
    captured_at: datetime
    frame: str
    true_class: str
    classification: Classification | None
    decision: Decision
    queue_ms: float
    preprocess_ms: float
    inference_ms: float
    total_ms: float
    deadline_ms: float
    decided_s: float

    @property
    def on_time(self) -> bool:
        """Whether the decision stood before the item passed the ejector."""
        return self.classification is not None and self.total_ms <= self.deadline_ms


def warm_up(engine: Engine, runs: int = 3) -> None:
    """Run the network on blank frames: its first runs allocate memory and would be charged to the first items."""
    size = engine.preprocessing.input_size
    for _ in range(runs):
        engine.infer(np.zeros((1, size, size, 3), np.uint8))


def run(engine: Engine, frames: Iterable[Frame], belt: Belt) -> Iterator[Result]:
    """Take frames as they come; a frame that is dropped or does not decode gives a result too."""
    for frame in frames:
        yield _process(engine, frame, belt.deadline_ms)


def _process(engine: Engine, frame: Frame, deadline_ms: float) -> Result:
    started = decoded = decided = time.perf_counter()
    classification: Classification | None = None
    if frame.data is None:
        decision = Decision(Action.DROPPED, RESIDUE)
    else:
        try:
            pixels = engine.preprocess(frame.data)
            decoded = time.perf_counter()
            classification = engine.decide(engine.infer(pixels[None])[0][0])
            decided = time.perf_counter()
            decision = decide(classification, _ms(frame.arrived_s, decided), deadline_ms)
        except ImageError:
            decoded = decided = time.perf_counter()
            decision = Decision(Action.UNREADABLE, RESIDUE)
    return Result(
        frame.item_id,
        frame.captured_at,
        frame.path,
        frame.true_class,
        classification,
        decision,
        queue_ms=_ms(frame.arrived_s, started),
        preprocess_ms=_ms(started, decoded),
        inference_ms=_ms(decoded, decided),
        total_ms=_ms(frame.arrived_s, decided),
        deadline_ms=deadline_ms,
        decided_s=decided,
    )


def _ms(start_s: float, end_s: float) -> float:
    return max(0.0, (end_s - start_s) * 1000)
