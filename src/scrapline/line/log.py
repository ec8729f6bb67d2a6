"""Every result onto disk at once, and a live line on the console."""

import csv
import io
import time
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from scrapline.cli.console import console, info
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
    """simulation_results.csv, written in place: however a run ends, the rows so far are a whole CSV file.

    A row is handed to the system before the next item is looked at. The first one begins a new file; until then an
    earlier run's file stays, and a link to where its content is kept is replaced, never written through.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stream: FileIO | None = None

    def append(self, result: Result) -> None:
        """Write one row. Raises OSError where it does not fit on the disk, with no part of it left behind."""
        if self._stream is None:
            self._path.unlink(missing_ok=True)
            self._stream = FileIO(self._path, "x")
            _write_whole(self._stream, COLUMNS)
        c = result.classification
        _write_whole(
            self._stream,
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
            ],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


def _write_whole(stream: FileIO, cells: Iterable[object]) -> None:
    """Append one CSV row, all of it or nothing."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    row, start = text.getvalue().encode(), stream.tell()
    written = 0
    try:
        while written < len(row):
            written += stream.write(row[written:])
    except BaseException:  # a full disk or a signal, with half of the row written
        stream.seek(start)
        stream.truncate()
        raise


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
            self._live.update(Text(line, style=_COLOURS.get(action, "red")), refresh=True)
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
