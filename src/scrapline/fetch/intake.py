"""What an archive may hold: safe names, plain files, each once, and no more bytes than were agreed on."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from scrapline.data.names import nfc, unportable, visible
from scrapline.system.errors import ScraplineError

MAX_FILES = 1_000_000
MAX_BYTES = 20 * 10**9
MAX_RATIO = 200  # photos hardly shrink; what unpacks to more than this is a bomb
RATIO_FROM = 10 * 10**6
LONGEST_NAME = 1000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]")


def check_room(folder: Path, needed: int, what: str) -> None:
    """Raise ScraplineError unless the folder's disk has `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ScraplineError(f"{what} needs {needed / 1e9:.2f} GB on the disk of data/, {free / 1e9:.2f} GB are free")


def unsafe_name(name: str, *, windows: bool = os.name == "nt") -> str | None:
    """Why a file may not be called so, as the end of a sentence; None for a safe name."""
    if _CONTROL.search(name):
        return "has control characters in its name"
    if len(name) > LONGEST_NAME:
        return f"has a name of more than {LONGEST_NAME} characters"
    if "\\" in name:
        return "has a backslash in its name"
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "has an absolute path"
    if ".." in PurePosixPath(name).parts:
        return "climbs out with `..`"
    if windows and (reason := next(filter(None, map(unportable, PurePosixPath(name).parts)), None)):
        return reason
    return None


class Intake:
    """What came out of one archive so far, and the checks on it."""

    def __init__(self, called: str, into: Path, size: int, max_bytes: int) -> None:
        self.called = called
        self.into = into
        self.max_bytes = max_bytes
        self.size = size
        self.files: list[str] = []
        self.produced = 0
        self._members = 0
        self._names: set[str] = set()
        self._folders: set[str] = set()

    def refuse(self, name: str, reason: str) -> ScraplineError:
        """The error for an archive with this member in it."""
        shown = name if len(name) <= 100 else f"{name[:97]}..."
        return ScraplineError(f"{self.called} is not taken: its member {shown!r} {reason}; repack it without")

    def too_large(self) -> ScraplineError:
        """The error for an archive that holds more than it may."""
        return ScraplineError(
            f"{self.called} unpacks to more than {self.max_bytes / 1e9:g} GB: allow more with --max-gb if that is meant"
        )

    def admit(self, name: str, *, folder: bool) -> PurePosixPath:
        """The member's path, once its name is known to be safe and, for files, met for the first time."""
        self._members += 1
        if self._members > MAX_FILES:
            raise ScraplineError(f"{self.called} holds more than {MAX_FILES:,} files: split it up")
        if reason := unsafe_name(name):
            raise self.refuse(name, reason)
        path = PurePosixPath(nfc(name))
        if folder:
            return path
        folded = PurePosixPath(path.as_posix().casefold())
        key, parents = folded.as_posix(), [parent.as_posix() for parent in folded.parents][:-1]
        if key in self._names:
            raise self.refuse(name, "stands in it twice (upper and lower case count as the same)")
        if key in self._folders or key == "." or not self._names.isdisjoint(parents):
            raise self.refuse(name, "is a file and a folder at once")
        self._names.add(key)
        self._folders.update(parents)
        return path

    def take(self, path: PurePosixPath, pieces: Iterator[tuple[bytes, int]]) -> None:
        """Write a file from its pieces, each with the packed bytes that had been read by then; count a hidden one."""
        if not visible(path):
            for piece, _ in pieces:
                self.count(len(piece), path)
            return
        target = self.into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        size = 0
        with target.open("xb") as out:
            for piece, packed in pieces:
                size += len(piece)
                self.count(len(piece), path)
                if size > RATIO_FROM and size > MAX_RATIO * packed:
                    raise self.refuse(path.as_posix(), f"unpacks to more than {MAX_RATIO} times its packed size")
                out.write(piece)
        self.files.append(path.as_posix())

    def count(self, size: int, path: PurePosixPath) -> None:
        """Count bytes that came out, wanted or not."""
        self.produced += size
        if self.produced > self.max_bytes:
            raise self.too_large()
        if self.produced > RATIO_FROM and self.produced > MAX_RATIO * self.size:
            raise self.refuse(path.as_posix(), f"brings it to more than {MAX_RATIO} times its packed size")
