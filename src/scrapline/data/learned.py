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
from typing import Any, Final

from scrapline.cli.console import info
from scrapline.system import processor
from scrapline.system.files import user_cache_folder

KEPT_BYTES = 4 * 10**9
KEPT_PAIRS = 5_000_000
# With so much of the cap in use, what was not used for longest goes, until so much is left.
_FULL, _LEFT = 0.9, 0.75
_NAME = "photos-1.sqlite"  # the number is that of the tables' layout
_WAIT_S = 10.0
_KEYS_AT_ONCE = 500
_PAGE_BYTES = 16384  # a photo's record fits
_SUM_BYTES: Final = 8
_TABLES = """
CREATE TABLE IF NOT EXISTS photos (key BLOB PRIMARY KEY, verdict TEXT, thumbnail BLOB, stored BLOB, sum BLOB);
CREATE TABLE IF NOT EXISTS uses (key BLOB PRIMARY KEY, at INTEGER, bytes INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unlike (key BLOB PRIMARY KEY) WITHOUT ROWID;
"""
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
            damage = "an earlier run found it so" if _mark(path).exists() else _opened(path)
            if damage:
                info(f"{path}, what earlier runs learned of photos, is damaged and is made anew ({damage})")
                for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm")), _mark(path)):
                    each.unlink(missing_ok=True)
                _opened(path)
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
                over -= -(-size // _PAGE_BYTES) * _PAGE_BYTES
            self._write(("DELETE FROM photos WHERE key = ?", gone), ("DELETE FROM uses WHERE key = ?", gone))
        if any(pairs > KEPT_PAIRS for (pairs,) in self._read("SELECT count(*) FROM unlike")):
            self._write(("DELETE FROM unlike", [()]))
        if self.path is not None:
            _store(self.path).shrink()

    def _read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return [] if self.path is None else _store(self.path).read(query, values)

    def _write(self, *statements: tuple[str, Sequence[tuple[Any, ...]]]) -> None:
        if self.path is not None:
            _store(self.path).write(statements)


class _Store:
    """This process's connection; after trouble it gives nothing and takes nothing, and damage is marked."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._well = True
        self._connection = sqlite3.connect(path, timeout=_WAIT_S)
        for setting in (
            f"page_size = {_PAGE_BYTES}",
            "auto_vacuum = INCREMENTAL",  # what is deleted leaves the disk
            "journal_mode = WAL",
            "synchronous = OFF",  # what a power cut damages is found out and made anew
        ):
            self._connection.execute(f"PRAGMA {setting}")

    def make_tables(self) -> None:
        """Make sure that all is there and can be read and written. Raises sqlite3.Error."""
        with self._connection:
            self._connection.executescript(_TABLES)
            for table in ("photos", "uses", "unlike"):
                self._connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()
            self._connection.execute("INSERT OR REPLACE INTO uses VALUES (x'', 0, 0)")

    def read(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows; none after trouble."""
        if not self._well:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def write(self, statements: Sequence[tuple[str, Sequence[tuple[Any, ...]]]]) -> None:
        """All or nothing; nothing after trouble."""
        if not self._well:
            return
        try:
            with self._connection:
                for statement, rows in statements:
                    self._connection.executemany(statement, rows)
        except sqlite3.Error as error:
            self._give_up(error)

    def shrink(self) -> None:
        """Give the disk its room back."""
        with suppress(sqlite3.Error):
            # `execute` would stop after the first page.
            self._connection.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def _give_up(self, error: sqlite3.Error) -> None:
        """Locked by another run for long, a full disk: not worth waiting for again. Damage: the next run mends it."""
        self._well = False
        if not isinstance(error, sqlite3.OperationalError):
            with suppress(OSError):
                _mark(self._path).touch()


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


def _opened(path: Path) -> str:
    """Open the file, made if need be; says what is wrong in it, if anything. Raises sqlite3.OperationalError."""
    _store.cache_clear()
    try:
        _store(path).make_tables()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        _store.cache_clear()
        return str(error)
    return ""


def _mark(path: Path) -> Path:
    """Stands beside a damaged file."""
    return path.with_suffix(".damaged")


@lru_cache(maxsize=1)
def _store(path: Path) -> _Store:
    return _Store(path)
