"""Tables on stdout: as wide as the terminal, and unwrapped in a file or a pipe."""

import sys

from rich.console import Console
from rich.table import Table

_WIDTH_OF_A_FILE = 400  # characters; no terminal wraps there


def show(table: Table) -> None:
    """Print a table."""
    Console(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE).print(table)
