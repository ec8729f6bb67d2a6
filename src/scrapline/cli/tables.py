"""Results on stdout: tables as wide as the terminal, unwrapped in a file or a pipe; and JSON."""

import sys
from typing import Any

from rich.table import Table

from scrapline.cli.console import SafeConsole
from scrapline.cli.text import as_json

_WIDTH_OF_A_FILE = 400  # characters; no terminal wraps there


def show(table: Table) -> None:
    """Print a table."""
    SafeConsole(width=None if sys.stdout.isatty() else _WIDTH_OF_A_FILE).print(table)


def show_json(content: dict[str, Any], *, indent: int | None = None) -> None:
    """Print one JSON object; on one line without `indent`."""
    print(as_json(content, indent=indent))
