"""Rows of a log by hand, for the tests of what is made of them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from scrapline.line.row import Row
from scrapline.line.states import State

SORTED = Row(
    item_id=0,
    segment=0,
    captured_at=datetime(2026, 1, 1, tzinfo=UTC),
    lane=0,
    due_s=0.0,
    frame="glass/0.jpg",
    group="glass/0.jpg",
    true_class="glass",
    predicted_class="glass",
    confidence=0.9,
    runner_up="metal",
    unknown=None,
    action=State.SORT,
    bin="glass",
    queue_ms=1.0,
    preprocess_ms=2.0,
    inference_ms=3.0,
    batch=1,
    total_ms=6.0,
    deadline_ms=100.0,
    on_time=True,
)


def row(number: int, **changes: Any) -> Row:
    """Item `number`, ten milliseconds after the one before."""
    return replace(SORTED, item_id=number, due_s=number * 0.01, **changes)


def late(number: int, **changes: Any) -> Row:
    return row(
        number,
        **{
            "action": State.LATE,
            "bin": "residue",
            "predicted_class": "",
            "confidence": None,
            "runner_up": "",
            "batch": 0,
            "total_ms": 100.1,
            "on_time": False,
        }
        | changes,
    )
