"""The user's cache of arrays: entries under a key of all that makes them, checked when read, emptied by size."""

import hashlib
import json
import math
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from scrapline.cli.console import info
from scrapline.system.errors import ScraplineError
from scrapline.system.files import read_json, remove, sha256, user_cache_folder, write_json

Arrays = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]
"""Values [V, N, ...], the unchanged view of each photo first, and labels int64 [N]."""

KEPT_BYTES = 4 * 10**9
_FILES = ("values.npy", "labels.npy")
_PARTIAL = ".partial"
_LEFT_BEHIND_S = 24 * 3600
_in_use: set[Path] = set()


def folder() -> Path:
    """Where arrays are kept, shared by all clones."""
    return user_cache_folder() / "features"


def entry(key: dict[str, Any]) -> Path:
    """The folder of one entry."""
    return folder() / hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:32]


def load(place: Path) -> Arrays | None:
    """The entry's arrays, the values left on the disk; None where it is missing or damaged (said on the console)."""
    try:
        if not place.is_dir():
            return None
        sums = read_json(place / "key.json")["sha256"]
        if any(sha256(place / name) != sums[name] for name in _FILES):
            raise ValueError("its content has changed")
        values, labels = np.load(place / "values.npy", mmap_mode="r"), np.load(place / "labels.npy")
    except (ScraplineError, OSError, ValueError, KeyError, TypeError) as error:
        info(f"what was cached is damaged and is made anew ({error})")
        return None
    with suppress(OSError):  # a cache that may only be read serves as well
        (place / "key.json").touch()  # when it was last used
    _in_use.add(place)
    return values, labels


def make(key: dict[str, Any], write: Callable[[Path], None]) -> Arrays:
    """Have the two files written into a folder, keep them in the cache, and return the arrays.

    Where the cache cannot be written, a warning is printed, and they are made in a temporary folder and kept in memory.
    """
    place = entry(key)
    try:
        _make_entry(place, key, write)
        _prune(place)
        fresh = load(place)
    except OSError as error:
        info(
            f"warning: {place.parent} cannot be written ({error.strerror or error}): features and pixels are not "
            "kept for the next run"
        )
        return _in_memory(write)
    if fresh is None:
        raise ScraplineError(f"{place} changed while it was written: run again")
    return fresh


def _make_entry(place: Path, key: dict[str, Any], write: Callable[[Path], None]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=place.name, suffix=_PARTIAL, dir=place.parent))
    try:
        write(partial)
        write_json(partial / "key.json", {"sha256": {name: sha256(partial / name) for name in _FILES}, "key": key})
        remove(place)
        try:
            partial.replace(place)
        except OSError:
            if not place.is_dir():  # else another run put the same entry there meanwhile; it is checked as any other
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _in_memory(write: Callable[[Path], None]) -> Arrays:
    with tempfile.TemporaryDirectory(prefix="scrapline", ignore_cleanup_errors=True) as name:
        write(Path(name))
        return np.load(Path(name) / "values.npy"), np.load(Path(name) / "labels.npy")


def _prune(newest: Path) -> None:
    """Keep what was used last, within the cap, and nothing that a killed run left half-made.

    `newest` always stays, and so does what this process has used: the disk would not be freed, and be needed again.

    What cannot be removed, or is gone already, is another run's.
    """
    entries = [path for path in newest.parent.iterdir() if path.is_dir() and path not in {newest, *_in_use}]
    for path in entries:
        if path.name.endswith(_PARTIAL) and _used_at(path) < time.time() - _LEFT_BEHIND_S:
            shutil.rmtree(path, ignore_errors=True)
    left = KEPT_BYTES - _bytes(newest)
    whole = [path for path in entries if not path.name.endswith(_PARTIAL)]
    for path in sorted(whole, key=lambda path: (_used_at(path), path.name), reverse=True):
        left -= _bytes(path)
        if left < 0:
            shutil.rmtree(path, ignore_errors=True)


def _bytes(place: Path) -> int:
    total = 0
    with suppress(OSError):
        total = sum(path.stat().st_size for path in place.iterdir())
    return total


def _used_at(place: Path) -> float:
    for path in (place / "key.json", place):
        with suppress(OSError):
            return path.stat().st_mtime
    return 0.0


class ArrayFile:
    """An array [V, N, ...] on its way to a .npy file, in pieces.

    Not a memory map: on a full disk, writing to one kills the process without a word.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._stream = path.open("wb")
        self._images = shape[1]
        self._dtype = np.dtype(dtype)
        self._row_bytes = math.prod(shape[2:]) * self._dtype.itemsize
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)
        self._start = self._stream.tell()

    def put(self, view: int, row: int, values: npt.NDArray[Any]) -> None:
        """Write rows [n, ...] of one view, from `row` on."""
        self._stream.seek(self._start + self._row_bytes * (view * self._images + row))
        self._stream.write(np.ascontiguousarray(values, dtype=self._dtype).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
