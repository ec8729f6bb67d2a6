"""What the user sees while a stage runs: on stderr, so that stdout stays for results."""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

T = TypeVar("T")

console = Console(file=sys.stderr, highlight=False)


# What moves the cursor, changes colours or the direction of writing; and halves of characters, which cannot be printed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """The text with control characters as escapes: names and metadata out of files must not steer a terminal."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def json_line(content: object, *, indent: int | None = None) -> str:
    """JSON for stdout: letters as they are where its encoding has them all, and no control characters."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    text = json.dumps(content, indent=indent, ensure_ascii=not utf8)
    return _CONTROL.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def info(message: str) -> None:
    """Print one line of news."""
    console.print(visible(message), soft_wrap=True, markup=False)


@contextmanager
def counter(description: str, total: int, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Show a progress bar up to `total`; the yielded function advances it."""
    columns = (
        TextColumn("{task.description:<32}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(description, total=total, rate="")

        def advance(by: int) -> None:
            progress.update(task, advance=by)
            elapsed = progress.tasks[0].elapsed
            if elapsed:
                progress.update(task, rate=f"{progress.tasks[0].completed / elapsed:.0f} {unit}/s")

        yield advance


def track(items: Iterable[T], description: str, total: int, unit: str = "images") -> Iterator[T]:
    """Pass the items through under a progress bar that counts to `total`."""
    with counter(description, total, unit) as advance:
        for item in items:
            yield item
            advance(1)
