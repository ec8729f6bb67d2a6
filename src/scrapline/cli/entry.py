"""How every script ends: what a user can cause is one line on stderr and exit code 1, caught once, here."""

import errno
import io
import os
import re
import signal
import sys
from contextlib import suppress

import typer

from scrapline.cli.console import console
from scrapline.system import signals
from scrapline.system.errors import ScraplineError

# What PyTorch, ONNX Runtime, OpenCV and C++ say in exceptions that share no class.
_NO_MEMORY = re.compile(
    r"out of memory|can't allocate memory|bad[_ ]alloc|insufficient memory|failed to allocate", re.I
)


def run(app: typer.Typer) -> None:
    """Run a script's commands, turn what users can cause into one line, and end the process with an exit code.

    Exit codes: 0 done, 1 the user's to mend, 2 wrong usage, 130 interrupted, 143 terminated. A signal never exits 0,
    so that DVC does not lock a half-made stage.
    """
    signals.install()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            if isinstance(stream, io.TextIOWrapper):  # not closed, nor a test's own
                stream.reconfigure(errors="backslashreplace")  # a letter that a narrow encoding lacks ends no run
    code, message = _outcome(app)
    if code == 0:
        code, message = _flushed()
    # Nobody may be reading any more, and `rich` then exits.
    with suppress(OSError, ValueError, SystemExit):
        if message:
            console.print("error: " + " ".join(message.split()), style="red", soft_wrap=True, markup=False)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    # Python would take torch apart object by object for more than a second; the system frees it at once.
    os._exit(code)


def _outcome(app: typer.Typer) -> tuple[int, str]:
    """The exit code, and what to print if it is not 0."""
    outcome = (0, "")
    try:
        app(standalone_mode=True)
    except SystemExit as done:
        outcome = _exit_code(done)
    except ScraplineError as error:
        outcome = (1, str(error))
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        outcome = (1, f"{error.strerror or error}{where}")
    except BaseException as error:
        if signals.raised() is None:
            if not (reason := _limit_reached(error)):
                raise
            outcome = (1, reason)
    # Whatever became of it on its way: to a C extension that is being imported, a stop is an ImportError.
    if (signum := signals.raised()) is not None:
        outcome = (128 + signum, "interrupted" if signum == signal.SIGINT else "terminated")
    return outcome


def _exit_code(done: SystemExit) -> tuple[int, str]:
    """As Python does it: nothing is 0, a number itself, and anything else is printed, with 1."""
    if done.code is None:
        return 0, ""
    return (done.code, "") if isinstance(done.code, int) else (1, str(done.code).removeprefix("error: "))


def _flushed() -> tuple[int, str]:
    """Results that did not reach their file, on a full disk say, are a failure; a reader that left is none of ours."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return (1, "") if error.errno == errno.EPIPE else (1, error.strerror or str(error))
    return 0, ""


def _limit_reached(error: BaseException) -> str:
    """One line where the machine's memory or Python's depth is at its end; empty for any other error."""
    if isinstance(error, RecursionError):
        return "an input is nested too deeply to be read"
    if isinstance(error, MemoryError) or _NO_MEMORY.search(str(error)):
        return "out of memory: close other programs, or use a smaller train.batch_size, model.input_size or train.views"
    return ""
