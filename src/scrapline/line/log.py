"""Every result onto disk at once, and a live line on the console."""

import csv
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from scrapline.cli.console import console, info, visible
from scrapline.line.conveyor import Result

COLUMNS = (
    "item_id",
    "captured_at",
    "frame",
    "true_class",
    "predicted_class",
    "confidence",
    "runner_up",
    "low_confidence",
    "action",
    "bin",
    "queue_ms",
    "preprocess_ms",
    "inference_ms",
    "total_ms",
    "deadline_ms",
    "on_time",
)
_SECONDS_BETWEEN_LINES = 1.0
_COLOURS = {"sort": "green", "review": "yellow"}


class ResultsLog:
    """simulation_results.csv; a row is on its way to disk before the next item is looked at."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.writer(self._stream, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def append(self, result: Result) -> None:
        """Write one row and flush it."""
        c = result.classification
        self._writer.writerow(
            [
                result.item_id,
                result.captured_at.isoformat(timespec="milliseconds"),
                result.frame,
                result.true_class,
                c.predicted_class if c else "",
                f"{c.confidence:.6f}" if c else "",
                c.runner_up if c else "",
                str(c.low_confidence).lower() if c else "",
                result.decision.action,
                result.decision.bin,
                *(f"{t:.3f}" for t in (result.queue_ms, result.preprocess_ms, result.inference_ms, result.total_ms)),
                f"{result.deadline_ms:.3f}",
                str(result.on_time).lower(),
            ]
        )
        self._stream.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


class LiveLine:
    """The newest item on a terminal's last line; without a terminal, one line a second."""

    def __init__(self, items: int) -> None:
        self._items = items
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._last_said = 0.0

    def show(self, result: Result) -> None:
        """Tell of one result."""
        c, action = result.classification, result.decision.action
        what = f"{c.predicted_class} {c.confidence:.0%}" if c else "nothing seen"
        line = (
            f"item {result.item_id + 1}/{self._items}  {what} -> {result.decision.bin} ({action})  "
            f"{result.total_ms:.1f} of {result.deadline_ms:.0f} ms"
        )
        if self._live:
            self._live.update(Text(visible(line), style=_COLOURS.get(action, "red")), refresh=True)
        elif time.monotonic() - self._last_said >= _SECONDS_BETWEEN_LINES:
            self._last_said = time.monotonic()
            info(line)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()
