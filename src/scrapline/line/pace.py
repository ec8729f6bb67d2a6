"""Waiting for the moment at which an item is due, more exactly than the system wakes whoever sleeps."""

import threading
import time
from collections.abc import Callable

_MOST_EARLY_S = 0.0003
_A_MOMENT_S = 0.001
_SLOWLY = 8  # how many waits it takes to learn by how much


class Pace:
    """Wakes as much too early as the system has lately woken it too late, and stays awake for the rest.

    `now_s` is the clock; setting `stop` ends any wait. It stays awake only where that is `worth` it: where nobody is
    there to make use of the moment, it would take the time from those who work.
    """

    def __init__(self, now_s: Callable[[], float], stop: threading.Event, worth: Callable[[], bool]) -> None:
        self._now_s, self._stop, self._worth = now_s, stop, worth
        self.early_s = 0.0

    def let_others(self, due_s: float) -> None:
        """Sleep for a moment, if there is time before that, and somebody has just begun to work."""
        if self._worth() and (left_s := due_s - self._now_s()) > 0:
            self._stop.wait(min(_A_MOMENT_S, left_s / 2))

    def reached(self, due_s: float) -> bool:
        """Wait until then. False where it is to stop before."""
        while (left_s := due_s - self._now_s()) > 0:
            if left_s <= self.early_s:
                if self._worth():
                    time.sleep(0)  # whoever else has something to do goes first
                else:
                    self._stop.wait(left_s)
                continue
            if self._stop.wait(left_s - self.early_s):
                return False
            overslept_s = self._now_s() - (due_s - self.early_s)
            self.early_s += (min(max(0.0, overslept_s), _MOST_EARLY_S) - self.early_s) / _SLOWLY
        return not self._stop.is_set()
