"""What the user sees while a stage runs: on stderr, so that stdout stays for results."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from scrapline.cli.text import printable

T = TypeVar("T")


class SafeConsole(Console):
    """A console on which no text from outside can steer the terminal, in tables and progress bars as elsewhere."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What rich prints in the end; its own control codes are marked as such, and pass."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


console = SafeConsole(file=sys.stderr, highlight=False)


def info(message: str) -> None:
    """Print one line of news."""
    console.print(message, soft_wrap=True, markup=False)


@contextmanager
def counter(description: str, total: int, unit: str = "images") -> Iterator[Callable[[int], None]]:
    """Show a progress bar up to `total`; the yielded function advances it."""
    # Here, since the line shows none, and its first item waits for what is imported.
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description:<32}", markup=False),
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
