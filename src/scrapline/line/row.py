"""One row of the log: all that is kept of an item. Every figure of a run is made of these."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta

from scrapline.line.dispatch import Item
from scrapline.line.states import State


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it ended. Fields in the order of the columns; None is an empty cell.

    Times are milliseconds, `total_ms` from the scheduled arrival to the end; `due_s` is the scheduled arrival, seconds
    since the start of its `segment`, of which a run has one more each time that it is resumed. `batch` frames shared
    the run of the network that took `inference_ms`. Items of one `group` are no independent evidence; empty: seen once.
    """

    item_id: int
    segment: int
    captured_at: datetime
    lane: int
    due_s: float
    frame: str
    group: str
    true_class: str
    predicted_class: str
    confidence: float | None
    runner_up: str
    unknown: float | None
    action: State
    bin: str
    queue_ms: float
    preprocess_ms: float
    inference_ms: float
    batch: int
    total_ms: float
    deadline_ms: float
    on_time: bool


COLUMNS = tuple(field.name for field in fields(Row))


def row_of(item: Item, segment: int, started_at: datetime) -> Row:
    """The row of an item that has ended; `started_at`: the wall clock when the segment began, asked only then."""
    assert item.end is not None
    answer, arrival = item.answer, item.arrival
    seen = answer.classification if answer is not None else None
    total_ms = max(0.0, item.ended_s - arrival.due_s) * 1000
    deadline_ms = (item.deadline_s - arrival.due_s) * 1000
    looked_at_s = item.started_s if item.started_s is not None and answer is not None else item.ended_s
    return Row(
        item_id=item.number,
        segment=segment,
        captured_at=started_at + timedelta(seconds=item.captured_s),
        lane=arrival.lane,
        due_s=arrival.due_s,
        frame=item.frame.name,
        group=item.frame.group,
        true_class=item.frame.true_class,
        predicted_class=seen.predicted_class if seen else "",
        confidence=seen.confidence if seen else None,
        runner_up=seen.runner_up if seen else "",
        unknown=None,
        action=item.end.state,
        bin=item.end.bin,
        queue_ms=max(0.0, looked_at_s - arrival.due_s) * 1000,
        preprocess_ms=answer.decode_s * 1000 if answer else 0.0,
        inference_ms=answer.inference_s * 1000 if answer else 0.0,
        batch=answer.batch if seen and answer else 0,
        total_ms=total_ms,
        deadline_ms=deadline_ms,
        on_time=item.end.state not in (State.LATE, State.DROPPED) and total_ms <= deadline_ms,
    )


def to_cells(row: Row) -> list[str]:
    """As text, in the order of the columns."""
    return [
        str(row.item_id),
        str(row.segment),
        row.captured_at.isoformat(timespec="milliseconds"),
        str(row.lane),
        f"{row.due_s:.6f}",
        row.frame,
        row.group,
        row.true_class,
        row.predicted_class,
        "" if row.confidence is None else f"{row.confidence:.6f}",
        row.runner_up,
        "" if row.unknown is None else f"{row.unknown:.6f}",
        row.action,
        row.bin,
        f"{row.queue_ms:.3f}",
        f"{row.preprocess_ms:.3f}",
        f"{row.inference_ms:.3f}",
        str(row.batch),
        f"{row.total_ms:.3f}",
        f"{row.deadline_ms:.3f}",
        "true" if row.on_time else "false",
    ]


def from_cells(cells: Sequence[str]) -> Row:
    """The inverse of `to_cells`. Raises ValueError for what is no such row."""
    if len(cells) != len(COLUMNS) or cells[-1] not in ("true", "false"):
        raise ValueError("not the columns of a log")
    c = dict(zip(COLUMNS, cells, strict=True))
    return Row(
        item_id=int(c["item_id"]),
        segment=int(c["segment"]),
        captured_at=datetime.fromisoformat(c["captured_at"]).astimezone(UTC),
        lane=int(c["lane"]),
        due_s=float(c["due_s"]),
        frame=c["frame"],
        group=c["group"],
        true_class=c["true_class"],
        predicted_class=c["predicted_class"],
        confidence=float(c["confidence"]) if c["confidence"] else None,
        runner_up=c["runner_up"],
        unknown=float(c["unknown"]) if c["unknown"] else None,
        action=State(c["action"]),
        bin=c["bin"],
        queue_ms=float(c["queue_ms"]),
        preprocess_ms=float(c["preprocess_ms"]),
        inference_ms=float(c["inference_ms"]),
        batch=int(c["batch"]),
        total_ms=float(c["total_ms"]),
        deadline_ms=float(c["deadline_ms"]),
        on_time=c["on_time"] == "true",
    )
