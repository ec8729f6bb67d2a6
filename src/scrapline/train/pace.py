"""How long a training still takes, by the epochs it has done."""

import time


class Pace:
    """Counts the epochs of all networks of a training."""

    def __init__(self, epochs: int) -> None:
        self._left = epochs
        self._done = 0
        self._started = time.monotonic()

    def skip(self, epochs: int) -> None:
        """An earlier run did these."""
        self._left -= epochs

    def after_epoch(self) -> str:
        """What to add to an epoch's line, such as `; about 12 min left`; nothing after the last."""
        self._left -= 1
        self._done += 1
        if self._left <= 0:
            return ""
        seconds = (time.monotonic() - self._started) / self._done * self._left
        return f"; about {seconds:.0f} s left" if seconds < 100 else f"; about {seconds / 60:.0f} min left"
