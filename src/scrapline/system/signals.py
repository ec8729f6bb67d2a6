"""SIGINT and SIGTERM as an exception, so that `finally` blocks clean up; and how to let them wait."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


class Stopped(BaseException):
    """SIGINT or SIGTERM, raised in the main thread so that `finally` blocks clean up before the exit."""


@dataclass
class _State:
    """How many blocks let signals wait, the one that waits, the one that was raised; what to call in place of that."""

    held: int = 0
    heed: Callable[[], None] | None = None
    waiting: int | None = None
    raised: int | None = None


_state = _State()


def install() -> None:
    """Turn SIGTERM and SIGINT into `Stopped` from now on."""
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in a script's background jobs
        signal.signal(signal.SIGINT, _stop)  # typer would end a KeyboardInterrupt without a word


def raised() -> int | None:
    """The number of the signal that was turned into `Stopped`; None where there was none."""
    return _state.raised


def forgive() -> None:
    """The stop that was asked for is done as it should be: the process ends with 0 and not with the signal."""
    _state.raised = _state.waiting = None


@contextmanager
def holding_stops() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block, and those around it, are done; for the main thread."""
    _state.held += 1
    try:
        yield
    finally:
        _state.held -= 1
        if not _state.held and _state.waiting is not None:
            signum, _state.waiting = _state.waiting, None
            _stop(signum, None)


@contextmanager
def heeding_stops(heed: Callable[[], None]) -> Iterator[None]:
    """Have the first SIGINT or SIGTERM within the block call `heed`, which must be short; the second raises `Stopped`.

    An exception can come up anywhere, in a callback of the collector too, where it is lost; this cannot.
    """
    _state.heed = heed
    try:
        yield
    finally:
        _state.heed = None


def _stop(signum: int, frame: FrameType | None) -> None:
    if _state.held:
        _state.waiting = signum
        return
    _state.raised = signum
    heed, _state.heed = _state.heed, None
    if heed is None:
        raise Stopped
    heed()
