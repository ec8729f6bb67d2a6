"""How every script ends: what a user can cause is one line on stderr and exit code 1, caught once, here."""

import os
import signal
import sys
from contextlib import suppress

import typer

from scrapline.cli.console import console, visible
from scrapline.system import signals
from scrapline.system.errors import ScraplineError


def run(app: typer.Typer) -> None:
    """Run a script's commands, turn what users can cause into one line, and end the process with an exit code.

    Exit codes: 0 done, 1 the user's to mend, 2 wrong usage, 130 interrupted, 143 terminated. A signal never exits 0,
    so that DVC does not lock a half-made stage.
    """
    signals.install()
    code, message = _outcome(app)
    if message:
        line = visible("error: " + " ".join(message.split()))
        console.print(line, style="red", soft_wrap=True, markup=False)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    # Python would take torch apart object by object for more than a second; the system frees it at once.
    os._exit(code)


def _outcome(app: typer.Typer) -> tuple[int, str]:
    """The exit code, and what to print if it is not 0."""
    outcome = (0, "")
    try:
        app(standalone_mode=True)
    except SystemExit as done:
        outcome = (1, done.code) if isinstance(done.code, str) else (done.code or 0, "")
    except ScraplineError as error:
        outcome = (1, str(error))
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        outcome = (1, f"{error.strerror or error}{where}")
    except BaseException:
        if signals.raised() is None:
            raise
    # Whatever became of it on its way: to a C extension that is being imported, a stop is an ImportError.
    if (signum := signals.raised()) is not None:
        outcome = (128 + signum, "interrupted" if signum == signal.SIGINT else "terminated")
    return outcome
