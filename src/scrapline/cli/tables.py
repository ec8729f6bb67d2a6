"""Tables on stdout: as wide as the terminal, and unwrapped in a file or a pipe."""

import sys

from rich.console import Console, OverflowMethod
from rich.table import Table
from rich.text import Text

from scrapline.cli.console import visible

_WIDTH_OF_A_FILE = 400  # characters; no terminal wraps there


def cell(text: str, *, style: str = "", overflow: OverflowMethod | None = None) -> Text:
    """A table's cell that shows a text as it is: no markup, no control characters."""
    return Text(visible(text), style=style, overflow=overflow)


def show(table: Table) -> None:
    """Print a table."""
    Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE).print(table)
