"""What earlier runs learned of photos and of pairs of them, in the user's cache folder; it changes no result."""

import hashlib
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Final

from scrapline.cli.console import info
from scrapline.system import processor
from scrapline.system.files import user_cache_folder

KEPT_BYTES = 4 * 10**9
KEPT_PAIRS = 20_000_000
_WAIT_S = 30.0
_KEYS_AT_ONCE = 500
_PAGE_BYTES = 16384  # a photo's record fits
_SUM_BYTES: Final = 8
_TABLES = """
CREATE TABLE IF NOT EXISTS photos (key BLOB PRIMARY KEY, verdict TEXT, thumbnail BLOB, stored BLOB, sum BLOB);
CREATE TABLE IF NOT EXISTS uses (key BLOB PRIMARY KEY, at INTEGER, bytes INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unlike (key BLOB PRIMARY KEY) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one photo: a verdict in JSON, its thumbnail, and the bytes for the shards if not its own.

    Both are empty where there are none.
    """

    verdict: str
    thumbnail: bytes = b""
    stored: bytes = b""

    @property
    def checksum(self) -> bytes:
        """Tells a damaged record."""
        return key_of(self.verdict.encode(), self.thumbnail, self.stored)[:_SUM_BYTES]


@dataclass(frozen=True)
class Learned:
    """A SQLite file; picklable, and every process opens it for itself. Without a `path` nothing is known or kept.

    Where it cannot be read or written, nothing is known, and the run goes on.
    """

    path: Path | None = None

    @classmethod
    def open(cls) -> "Learned":
        """The one in the user's cache folder, made if need be; says on the console why there is none, if so."""
        path = user_cache_folder() / "photos.sqlite"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _prepared(path)
        except sqlite3.OperationalError as error:  # cannot be opened, locked, a full disk
            return cls._without(path, str(error))
        except sqlite3.DatabaseError as error:
            info(f"{path}, what earlier runs learned of photos, is damaged and is made anew ({error})")
            _connection.cache_clear()
            try:
                for suffix in ("", "-wal", "-shm"):
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
                _prepared(path)
            except (sqlite3.Error, OSError) as again:
                return cls._without(path, str(again))
        except OSError as error:
            return cls._without(path, error.strerror or str(error))
        return cls(path)

    @classmethod
    def _without(cls, path: Path, reason: str) -> "Learned":
        info(f"warning: {path} cannot be written ({reason}): what is learned of photos is not kept for the next run")
        return cls()

    def record(self, key: bytes) -> Record | None:
        """What is known of a photo; None where nothing is, or it is damaged."""
        if self.path is None:
            return None
        with suppress(sqlite3.Error):
            for verdict, thumbnail, stored, checksum in _connection(self.path).execute(
                "SELECT verdict, thumbnail, stored, sum FROM photos WHERE key = ?", (key,)
            ):
                found = Record(str(verdict), bytes(thumbnail), bytes(stored))
                if found.checksum == checksum:
                    return found
        return None

    def keep(self, new: Iterable[tuple[bytes, Record]], used: Iterable[tuple[bytes, int]]) -> None:
        """Keep new records by key, and note that these keys, with their records' bytes, were of use now."""
        if self.path is None:
            return
        now = int(time.time())
        rows = [(key, each.verdict, each.thumbnail, each.stored, each.checksum) for key, each in new]
        with suppress(sqlite3.Error), _connection(self.path) as connection:
            connection.executemany("INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?)", rows)
            connection.executemany("INSERT OR REPLACE INTO uses VALUES (?, ?, ?)", ((k, now, size) for k, size in used))

    def unlike(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of some pairs' keys that are known not to be copies."""
        known: set[bytes] = set()
        if self.path is None:
            return known
        with suppress(sqlite3.Error):
            for at in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[at : at + _KEYS_AT_ONCE]
                marks = ",".join("?" * len(some))
                found = _connection(self.path).execute(f"SELECT key FROM unlike WHERE key IN ({marks})", some)
                known.update(bytes(key) for (key,) in found)
        return known

    def keep_unlike(self, keys: Iterable[bytes]) -> None:
        """Keep that these pairs are not copies."""
        if self.path is not None:
            with suppress(sqlite3.Error), _connection(self.path) as connection:
                connection.executemany("INSERT OR IGNORE INTO unlike VALUES (?)", ((key,) for key in keys))

    def prune(self) -> None:
        """Keep photos within the cap, those used last, and pairs within theirs."""
        if self.path is None:
            return
        with suppress(sqlite3.Error), _connection(self.path) as connection:
            (total,) = connection.execute("SELECT coalesce(sum(bytes), 0) FROM uses").fetchone()
            oldest = connection.execute("SELECT key, bytes FROM uses ORDER BY at, key")
            gone = []
            while total > KEPT_BYTES:
                key, size = next(oldest)
                gone.append((key,))
                total -= size
            connection.executemany("DELETE FROM photos WHERE key = ?", gone)
            connection.executemany("DELETE FROM uses WHERE key = ?", gone)
            (pairs,) = connection.execute("SELECT count(*) FROM unlike").fetchone()
            if pairs > KEPT_PAIRS:
                connection.execute("DELETE FROM unlike")


NOTHING: Final = Learned()


def maker(files: Iterable[Path], libraries: Iterable[str]) -> bytes:
    """A key for what decides how something is learned: these files of code, libraries' versions, and the processor."""
    versions = [f"{name} {_version(name)}" for name in sorted(libraries)]
    kind = [processor.name(), *sorted(processor.instructions())]
    return key_of(*(path.read_bytes() for path in sorted(files)), *(text.encode() for text in versions + kind))


def key_of(*parts: bytes) -> bytes:
    """A key of 16 bytes for what these parts say together."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "little") + part)
    return made.digest()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"


def _prepared(path: Path) -> None:
    """Make sure that the file is there and can be written."""
    with _connection(path) as connection:
        connection.executescript(_TABLES)
        connection.execute("INSERT OR REPLACE INTO uses VALUES (x'', 0, 0)")


@lru_cache(maxsize=4)
def _connection(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_WAIT_S)
    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")  # what a power cut damages is found by its sum and made anew
    return connection
