"""Exchange a folder for another so that a stop at any moment leaves the old or the new one, whole."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapline.files import remove


@contextmanager
def coming_back(*targets: Path) -> Iterator[Callable[[], None]]:
    """Yield a function that moves the targets aside; what it moved comes back unless the block succeeds.

    `replacing` removes an old folder file by file before it renames: stopped there, it would leave half of the photos.
    """
    recover(*targets)
    fresh: list[Path] = []

    def put_aside() -> None:
        for target in targets:
            if os.path.lexists(target):
                target.replace(_aside(target))
            else:
                fresh.append(target)

    try:
        yield put_aside
    except BaseException:
        for target in fresh:
            remove(target)
        for target in targets:
            if os.path.lexists(_aside(target)):
                remove(target)
                _aside(target).replace(target)
        raise
    for target in targets:
        remove(_aside(target))


def recover(*targets: Path) -> None:
    """Bring back what a killed run had moved aside, or clear it where the new was in place already."""
    for target in targets:
        if os.path.lexists(target):
            remove(_aside(target))
        elif os.path.lexists(_aside(target)):
            _aside(target).replace(target)


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
