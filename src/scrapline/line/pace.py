"""Waiting for the moment at which an item is due, more exactly than the system wakes whoever sleeps."""

import threading
import time
from collections.abc import Callable
from enum import Enum, auto

_MOST_EARLY_S = 0.0003
_A_MOMENT_S = 0.001
_TOGETHER_S = 0.004  # items so near are taken at one waking, where each has to wait for a worker anyway
_SLOWLY = 8  # how many waits it takes to learn by how much


class Need(Enum):
    """Of what use it would be to have an item at the moment at which it is due."""

    EXACT = auto()  # somebody would begin with it
    SOON = auto()  # somebody may begin with it as soon as they have finished what they do
    ANY = auto()  # others would still be before it


class Pace:
    """Wakes as much too early as the system has lately woken it too late, and stays awake for the rest.

    `now_s` is the clock; setting `stop` ends any wait. Waking and staying awake take the time from those who work: it
    stays awake only, and wakes for each item by itself, where there is `need` of it.
    """

    def __init__(self, now_s: Callable[[], float], stop: threading.Event, need: Callable[[], Need]) -> None:
        self._now_s, self._stop, self._need = now_s, stop, need
        self.early_s = 0.0

    def let_others(self, due_s: float) -> None:
        """Sleep for a moment, if there is time before that, and somebody has just begun to work."""
        if self._need() is Need.EXACT and (left_s := due_s - self._now_s()) > 0:
            self._stop.wait(min(_A_MOMENT_S, left_s / 2))

    def reached(self, due_s: float) -> bool:
        """Wait until then. False where it is to stop before."""
        while (left_s := due_s - self._now_s()) > 0:
            need = self._need()
            if need is not Need.EXACT:
                if self._stop.wait(left_s + (_TOGETHER_S if need is Need.ANY else 0.0)):
                    return False
            elif left_s <= self.early_s:
                time.sleep(0)  # whoever else has something to do goes first
            elif self._stop.wait(left_s - self.early_s):
                return False
            else:
                overslept_s = self._now_s() - (due_s - self.early_s)
                self.early_s += (min(max(0.0, overslept_s), _MOST_EARLY_S) - self.early_s) / _SLOWLY
        return not self._stop.is_set()
