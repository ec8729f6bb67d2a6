"""What a person sees of a running line: the newest item on a terminal's last line, or a line now and then."""

import time
from types import TracebackType
from typing import Self

from rich.live import Live
from rich.text import Text

from scrapline.cli.console import console, info
from scrapline.line.row import Row
from scrapline.line.states import State

_ON_A_TERMINAL_S, _ELSEWHERE_S = 0.1, 10.0
_COLOURS = {State.SORT: "green", State.REVIEW: "yellow", State.UNKNOWN: "yellow"}


class LiveLine:
    """`items` is how many there will be; None: nobody knows. As many as an eye can follow are shown."""

    def __init__(self, items: int | None) -> None:
        self._of = f"/{items}" if items is not None else ""
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._every_s = _ON_A_TERMINAL_S if self._live else _ELSEWHERE_S
        self._said_s = time.monotonic() if self._live is None else float("-inf")
        self._lost = 0

    def show(self, row: Row) -> None:
        """Tell of one item, if the last was told of long enough ago."""
        self._lost += row.action in (State.LATE, State.DROPPED)
        if (now_s := time.monotonic()) - self._said_s < self._every_s:
            return
        self._said_s = now_s
        what = f"{row.predicted_class} {row.confidence:.0%}" if row.confidence is not None else "not classified"
        line = (
            f"item {row.item_id + 1}{self._of}  {what} -> {row.bin} ({row.action})  "
            f"{row.total_ms:.1f} of {row.deadline_ms:.0f} ms; {self._lost} late or dropped so far"
        )
        if self._live:
            self._live.update(Text(line, style=_COLOURS.get(row.action, "red")), refresh=True)
        else:
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
