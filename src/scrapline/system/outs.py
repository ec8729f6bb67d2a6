"""Outs that appear whole or not at all: written beside their place, then put into it, all in one step."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from scrapline.system.errors import ScraplineError
from scrapline.system.files import remove
from scrapline.system.signals import holding_stops


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Path]]:
    """Yield a place to write for each target file or folder; put all into place once the block succeeds.

    Folders are those whose name has no suffix, and are made. A failure or a signal leaves the targets as they were, and
    so does a kill until all is written; from then on, the next call with the same first target puts the rest into
    place. Raises ScraplineError where another process is writing the same first target.
    """
    with alone(targets[0]):
        recover(*targets)
        partial = [_partial(target) for target in targets]
        for target, fresh in zip(targets, partial, strict=True):
            fresh.parent.mkdir(parents=True, exist_ok=True)
            if not target.suffix:
                fresh.mkdir()
        try:
            yield partial
            with holding_stops():
                _put_all(targets)
        finally:
            for path in partial:
                remove(path)


def recover(*targets: Path) -> None:
    """Finish what a killed run had begun to put into place, and clear what it left half-written."""
    journal = _journal(targets[0])
    if os.path.lexists(journal):
        for target in _read_journal(journal, targets):
            _put(target)
        remove(journal)
    remove(_partial(journal))
    for target in targets:
        if not os.path.lexists(target) and os.path.lexists(_aside(target)):
            _aside(target).replace(target)
        remove(_aside(target))
        remove(_partial(target))


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder for what only this run needs; gone afterwards, and cleared first if a killed run left it.

    Raises ScraplineError where another process has it.
    """
    with alone(folder):
        remove(folder)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            remove(folder)


@contextmanager
def alone(target: Path) -> Iterator[None]:
    """Hold the target's lock, which the system frees when this process ends, however it ends."""
    target.parent.mkdir(parents=True, exist_ok=True)
    path = target.with_name(f".{target.name.strip('.')}.lock")
    lock = FileLock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise ScraplineError(
            f"another process{_holder(path)} is writing {target}: wait for it to end, or stop it"
        ) from None
    try:
        with suppress(OSError):  # a full disk: only the number is missing then
            path.write_text(str(os.getpid()), encoding="ascii")
        yield
    finally:
        with suppress(OSError):
            path.unlink()  # whoever waits for this file notices and takes a new one
        lock.release()


def _holder(lock: Path) -> str:
    try:
        return f" ({int(lock.read_text(encoding='ascii'))})"
    except (OSError, ValueError):
        return ""


def _put_all(targets: tuple[Path, ...]) -> None:
    """Put every target's partial into its place, or none. The journal says to the next run what was meant."""
    for target in targets:
        if not os.path.lexists(_partial(target)):
            raise FileNotFoundError(errno.ENOENT, "was not written", str(target))
    journal = _journal(targets[0])
    draft = _partial(journal)
    try:
        draft.write_text(json.dumps([target.as_posix() for target in targets]), encoding="utf-8")
        for path in (*map(_partial, targets), draft):  # a journal must not outlive, in a power cut, what it speaks of
            _sync(path)
        draft.replace(journal)
    finally:
        remove(draft)
    try:
        for target in targets:
            _put(target)
    except BaseException:
        for target in targets:
            _take_back(target)
        journal.unlink()
        raise
    journal.unlink()
    for target in targets:
        remove(_aside(target))


def _read_journal(journal: Path, targets: tuple[Path, ...]) -> list[Path]:
    """What a killed run was putting into place.

    A journal that a broken disk has emptied or cut, or that names foreign places, still says that all was written: it
    is begun only then. The targets at hand are what it meant.
    """
    try:
        names = json.loads(journal.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return list(targets)
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        return list(targets)
    meant = [Path(name) for name in names]
    ours = all(path in targets or not (path.is_absolute() or ".." in path.parts) for path in meant)
    return meant if ours and targets[0] in meant else list(targets)


def _sync(path: Path) -> None:
    """Have the file, or all of the folder, on the disk itself and not only on its way there."""
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        with suppress(OSError), file.open("rb") as stream:  # a folder, or a file system that cannot
            os.fsync(stream.fileno())


def _put(target: Path) -> None:
    """Rename the partial to its target, and the old target aside; what is done already is not done again."""
    partial, aside = _partial(target), _aside(target)
    if not os.path.lexists(partial):
        return
    if os.path.lexists(target):
        if os.path.lexists(aside):  # put there since the kill, by the user or by DVC
            return
        target.replace(aside)
    partial.replace(target)


def _take_back(target: Path) -> None:
    """The inverse of `_put`, however far that came."""
    partial, aside = _partial(target), _aside(target)
    if not os.path.lexists(partial):
        target.replace(partial)
    if os.path.lexists(aside):
        aside.replace(target)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _journal(first: Path) -> Path:
    return first.with_name(f".{first.name}.journal")
