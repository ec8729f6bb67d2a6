"""Outs that appear whole or not at all: written beside their place, then renamed into it."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scrapline.errors import ScraplineError


@contextmanager
def replacing(*targets: Path) -> Iterator[list[Path]]:
    """Yield a place to write for each target file or folder; put all into place once the block succeeds.

    Folders are those whose name has no suffix, and are made. A failure or a signal at any moment leaves the targets as
    they were: old targets are renamed aside and removed last. After a kill the next call brings back each target that
    is missing; only a kill between the renames of two targets can leave one new and the other old.
    """
    partial, aside = [_partial(target) for target in targets], [_aside(target) for target in targets]
    for target, fresh in zip(targets, partial, strict=True):
        recover(target)
        fresh.parent.mkdir(parents=True, exist_ok=True)
        if not target.suffix:
            fresh.mkdir()
    placed: list[Path] = []
    try:
        yield partial
        for target, fresh, old in zip(targets, partial, aside, strict=True):
            if os.path.lexists(target):
                target.replace(old)
            placed.append(target)
            fresh.replace(target)
    except BaseException:
        for target in placed:
            remove(target)
        for target, old in zip(targets, aside, strict=True):
            if os.path.lexists(old):
                remove(target)
                old.replace(target)
        raise
    else:
        for path in aside:
            remove(path)
    finally:
        for path in partial:
            remove(path)


def recover(target: Path) -> None:
    """Bring back what a killed run had renamed aside, unless the new stands in its place; clear the rest."""
    old = _aside(target)
    if not os.path.lexists(target) and os.path.lexists(old):
        old.replace(target)
    remove(old)
    remove(_partial(target))


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that diffs well: indented, newline-ended, in the order given."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read what an earlier stage wrote; ScraplineError where that stage has not run."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScraplineError(f"{path} is not here yet: run `dvc repro` (or `dvc pull`)") from None
    except ValueError as error:
        raise ScraplineError(f"{path} is damaged ({error}): run `dvc repro`") from None
    return content


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require(path: Path) -> Path:
    """The path itself, or ScraplineError where an earlier stage has not written it."""
    if not path.exists():
        raise ScraplineError(f"{path} is not here yet: run `dvc repro` (or `dvc pull`)")
    return path


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """An empty folder for what only this run needs; gone afterwards, and cleared first if a killed run left it."""
    remove(folder)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        remove(folder)


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
