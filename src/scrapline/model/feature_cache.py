"""Features on disk, in the user's cache folder: found again by their key, checked, and kept within a size."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import platformdirs
import torch
from torch import Tensor

from scrapline.cli.console import info
from scrapline.system.errors import ScraplineError
from scrapline.system.files import read_json, remove, sha256, write_json

MAX_BYTES = 10 * 10**9  # README states it
_PARTIAL = ".partial"
_LEFT_BEHIND_S = 24 * 3600


@dataclass(frozen=True)
class Features:
    """`values` float32 [V, N, D], on disk, the unchanged view first; `labels` int64 [N]; both in id order."""

    image_ids: list[str]
    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def plain(self) -> Tensor:
        """The unchanged view, float32 [N, D]."""
        return torch.from_numpy(np.array(self.values[0]))


def cache_folder() -> Path:
    """Where features are kept: the user's cache directory, shared by all clones."""
    return Path(platformdirs.user_cache_dir("scrapline", appauthor=False)) / "features"


def kept(
    name: str, key: dict[str, Any], compute: Callable[[Path], None], image_ids: list[str], *, described: str
) -> Features:
    """The features of an entry; where it is not there and whole, `compute` writes its files into a folder.

    Where the cache folder cannot be used, they are computed all the same, and kept nowhere.
    """
    entry = cache_folder() / name
    if (cached := _load(entry, image_ids)) is not None:
        info(f"{described}: from the cache")
        return cached
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=entry.name, suffix=_PARTIAL, dir=entry.parent))
    except OSError as error:
        info(f"warning: {entry.parent} cannot be used ({error.strerror}): features are computed anew in every run")
        return _unkept(compute, image_ids)
    try:
        compute(partial)
        sums = {name: sha256(partial / name) for name in ("values.npy", "labels.npy")}
        write_json(partial / "key.json", {"sha256": sums, "key": key})
        remove(entry)
        with suppress(OSError):  # another run put the same entry there meanwhile; it is checked as any other
            partial.replace(entry)
    finally:
        remove(partial)
    prune(entry.parent, newest=entry)
    fresh = _load(entry, image_ids)
    if fresh is None:
        raise ScraplineError(f"{entry} changed while it was written: run again")
    return fresh


def _unkept(compute: Callable[[Path], None], image_ids: list[str]) -> Features:
    with tempfile.TemporaryDirectory(prefix="scrapline") as folder:
        compute(Path(folder))
        return Features(image_ids, np.load(Path(folder) / "values.npy"), np.load(Path(folder) / "labels.npy"))


def prune(folder: Path, *, newest: Path, max_bytes: int = MAX_BYTES) -> None:
    """Remove the least recently used entries past `max_bytes`, never `newest`, and what killed runs left half-made."""
    used = sorted((path.stat().st_mtime, path) for path in folder.iterdir() if path.is_dir())
    latest = time.time() - _LEFT_BEHIND_S
    total = 0
    for at, path in reversed(used):
        if path.name.endswith(_PARTIAL):
            if at < latest:
                shutil.rmtree(path, ignore_errors=True)
            continue
        total += sum(file.stat().st_size for file in path.iterdir())
        if total > max_bytes and path != newest:
            shutil.rmtree(path, ignore_errors=True)


def _load(entry: Path, image_ids: list[str]) -> Features | None:
    """The cached entry, or None where it is missing or damaged (said on the console)."""
    if not entry.is_dir():
        return None
    try:
        sums = read_json(entry / "key.json")["sha256"]
        if any(sha256(entry / name) != wanted for name, wanted in sums.items()):
            raise ValueError("its content has changed")
        values = np.load(entry / "values.npy", mmap_mode="r")
        os.utime(entry)  # the least recently used goes first
        return Features(image_ids, values, np.load(entry / "labels.npy"))
    except (ScraplineError, OSError, ValueError, KeyError, TypeError) as error:
        info(f"a cached set of features is damaged and is made anew ({error})")
        return None


class ArrayFile:
    """A float32 array [V, N, D] on its way to a .npy file, in pieces.

    Not a memory map: on a full disk, writing to one kills the process without a word.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        self._stream = path.open("wb")
        self._shape = shape
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)
        self._start = self._stream.tell()

    def put(self, view: int, row: int, values: npt.NDArray[np.float32]) -> None:
        """Write rows [n, D] of one view, from `row` on."""
        _, images, size = self._shape
        self._stream.seek(self._start + 4 * size * (view * images + row))
        self._stream.write(np.ascontiguousarray(values).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
