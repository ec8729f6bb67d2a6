"""What earlier runs learned of photos and of pairs of them, in the user's cache folder; it changes no result."""

import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scrapline.cli.console import info
from scrapline.system.database import PAGE_BYTES, database_at, prepared
from scrapline.system.files import user_cache_folder
from scrapline.system.keys import key_of

KEPT_BYTES = 4 * 10**9
KEPT_PAIRS = 5_000_000
# With so much of the cap in use, what was not used for longest goes, until so much is left.
_FULL, _LEFT = 0.9, 0.75
_NAME = "photos-1.sqlite"  # the number is that of the tables' layout
_KEYS_AT_ONCE = 512
_SUM_BYTES: Final = 8
_TABLES = """
CREATE TABLE IF NOT EXISTS photos (key BLOB PRIMARY KEY, verdict TEXT, thumbnail BLOB, stored BLOB, sum BLOB);
CREATE TABLE IF NOT EXISTS uses (key BLOB PRIMARY KEY, at INTEGER, bytes INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unlike (key BLOB PRIMARY KEY) WITHOUT ROWID;
"""
_PROBES = (
    "SELECT key, verdict, thumbnail, stored, sum FROM photos",
    "SELECT key, at, bytes FROM uses",
    "SELECT key FROM unlike",
)
_USED = (
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)


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
        path = user_cache_folder() / _NAME
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if damage := prepared(path, _TABLES, _PROBES):
                info(f"{path}, what earlier runs learned of photos, was damaged and is made anew ({damage})")
        except (sqlite3.Error, OSError) as error:
            reason = getattr(error, "strerror", None) or error
            info(
                f"warning: {path} cannot be written ({reason}): what is learned of photos is not kept for the next run"
            )
            return cls()
        return cls(path)

    def record(self, key: bytes) -> Record | None:
        """What is known of a photo; None where nothing is, or it is damaged."""
        query = "SELECT verdict, thumbnail, stored, sum FROM photos WHERE key = ?"
        for verdict, thumbnail, stored, checksum in self._read(query, (key,)):
            if isinstance(verdict, str) and isinstance(thumbnail, bytes) and isinstance(stored, bytes):
                found = Record(verdict, thumbnail, stored)
                if found.checksum == checksum:
                    return found
        return None

    def keep(self, new: Sequence[tuple[bytes, Record]], used: Sequence[tuple[bytes, int]]) -> None:
        """Keep new records by key while there is room, and note that these keys, of so many bytes, were of use now."""
        if self.path is None:
            return
        now = int(time.time())
        rows = [(key, each.verdict, each.thumbnail, each.stored, each.checksum) for key, each in new]
        if any(in_use >= KEPT_BYTES for (in_use,) in self._read(_USED)):
            rows = []
        self._write(
            ("INSERT OR REPLACE INTO photos VALUES (?, ?, ?, ?, ?)", rows),
            ("INSERT OR REPLACE INTO uses VALUES (?, ?, ?)", [(key, now, size) for key, size in used]),
        )

    def unlike(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of some pairs' keys that are known not to be copies."""
        known: set[bytes] = set()
        for at in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[at : at + _KEYS_AT_ONCE]
            marks = ",".join("?" * len(some))
            known.update(key for (key,) in self._read(f"SELECT key FROM unlike WHERE key IN ({marks})", some))
        return known

    def keep_unlike(self, keys: Iterable[bytes]) -> None:
        """Keep that these pairs are not copies."""
        self._write(("INSERT OR IGNORE INTO unlike VALUES (?)", [(key,) for key in keys]))

    def prune(self) -> None:
        """Make room where the cap is near, beginning with what was not used for longest."""
        over = sum(in_use for (in_use,) in self._read(_USED))
        if over > _FULL * KEPT_BYTES:
            gone = []
            for key, size in self._read("SELECT key, bytes FROM uses ORDER BY at, key"):
                if over <= _LEFT * KEPT_BYTES:
                    break
                gone.append((key,))
                over -= -(-size // PAGE_BYTES) * PAGE_BYTES
            self._write(("DELETE FROM photos WHERE key = ?", gone), ("DELETE FROM uses WHERE key = ?", gone))
        if any(pairs > KEPT_PAIRS for (pairs,) in self._read("SELECT count(*) FROM unlike")):
            self._write(("DELETE FROM unlike", [()]))
        if self.path is not None:
            database_at(self.path).shrink()

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [] if self.path is None else database_at(self.path).read(query, values)

    def _write(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        if self.path is not None:
            database_at(self.path).write(statements)


NOTHING: Final = Learned()
