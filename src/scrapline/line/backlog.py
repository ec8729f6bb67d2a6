"""What waits for the log: as much as a slow disk makes it, and no more than memory can bear."""

import queue
from collections.abc import Callable
from contextlib import suppress

from scrapline.line.dispatch import Item
from scrapline.system.errors import ScraplineError

MOST_ITEMS = 100_000


class Backlog:
    """A queue between two threads: one puts items that have ended, the other has them logged."""

    def __init__(self, log: Callable[[list[Item]], None]) -> None:
        self._log = log
        self._waiting: queue.SimpleQueue[list[Item] | None] = queue.SimpleQueue()
        self._put = self._logged = 0  # each counted by its own thread

    def put(self, items: list[Item]) -> None:
        """Raises ScraplineError where the other thread does not keep up at all."""
        if self._put - self._logged > MOST_ITEMS:
            raise ScraplineError("the disk under the log cannot keep up with the line: write it to a faster one")
        self._put += len(items)
        self._waiting.put(items)

    def close(self) -> None:
        """There is no more to come."""
        self._waiting.put(None)

    def work_off(self) -> None:
        """Log until it is closed: all that waits at once, so that a slow disk is asked less often."""
        more = True
        while more:
            given = [self._waiting.get()]
            with suppress(queue.Empty):
                while True:
                    given.append(self._waiting.get_nowait())
            more = given[-1] is not None
            if items := [item for part in given if part is not None for item in part]:
                self._log(items)
                self._logged += len(items)
