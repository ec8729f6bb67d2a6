"""What a user can cause is one line on stderr and exit code 1, caught once, here."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType

import typer

from scrapline.cli.console import console


class ScraplineError(Exception):
    """Something the user can mend; its message says what is wrong, where, and what to do."""


class _Stopped(BaseException):
    """SIGINT or SIGTERM, raised in the main thread so that `finally` blocks clean up before the exit."""


@dataclass
class _Stops:
    """Whether signals have to wait, the one that waits, and the one that was raised."""

    held: bool = False
    waiting: int | None = None
    raised: int | None = None


_stops = _Stops()


def _stop(signum: int, frame: FrameType | None) -> None:
    if _stops.held:
        _stops.waiting = signum
    else:
        _stops.raised = signum
        raise _Stopped


@contextmanager
def holding_stops() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block is done; for the main thread, and not nested."""
    _stops.held = True
    try:
        yield
    finally:
        _stops.held = False
        signum, _stops.waiting = _stops.waiting, None
        if signum is not None:
            _stop(signum, None)


def run(app: typer.Typer) -> None:
    """Run a door's commands, turn what users can cause into one line, and end the process with an exit code.

    Exit codes: 0 done, 1 the user's to mend, 2 wrong usage, 130 interrupted, 143 terminated. A signal never exits 0,
    so that DVC does not lock a half-made stage.
    """
    signal.signal(signal.SIGTERM, _stop)
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in a script's background jobs
        signal.signal(signal.SIGINT, _stop)  # typer would end a KeyboardInterrupt without a word
    code, message = _outcome(app)
    if message:
        console.print("error: " + " ".join(message.split()), style="red", soft_wrap=True, markup=False)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    # Python would take torch apart object by object for more than a second; the system frees it at once.
    os._exit(code)


def _outcome(app: typer.Typer) -> tuple[int, str]:
    """The exit code, and what to say if it is not 0."""
    outcome = (0, "")
    try:
        app(standalone_mode=True)
    except SystemExit as done:
        outcome = (done.code if isinstance(done.code, int) else 0, "")
    except ScraplineError as error:
        outcome = (1, str(error))
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        outcome = (1, f"{error.strerror or error}{where}")
    except BaseException:
        if _stops.raised is None:
            raise
    # Whatever became of it on its way: to a C extension that is being imported, a stop is an ImportError.
    if _stops.raised is not None:
        outcome = (128 + _stops.raised, "interrupted" if _stops.raised == signal.SIGINT else "terminated")
    return outcome
