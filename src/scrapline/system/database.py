"""SQLite files for caches: what is wrong with one costs speed, never a result."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

PAGE_BYTES: Final = 16384  # a photo's record fits
_WAIT_S = 10.0
_SEEN = 1


class Database:
    """This process's connection to a file; after trouble it gives nothing and takes nothing, and damage is marked."""

    def __init__(self, path: Path) -> None:
        """Raises sqlite3.OperationalError where the file cannot be opened."""
        self._path = path
        self._well = True
        self._connection = sqlite3.connect(path, timeout=_WAIT_S)
        for setting in (
            f"page_size = {PAGE_BYTES}",
            "auto_vacuum = INCREMENTAL",  # what is deleted leaves the disk
            "journal_mode = WAL",
            "synchronous = OFF",  # what a power cut damages is found out and made anew
        ):
            self._connection.execute(f"PRAGMA {setting}")

    def make_tables(self, script: str) -> None:
        """Make the tables if need be, and see that they can be read and the file written. Raises sqlite3.Error."""
        with self._connection:
            self._connection.executescript(script)
            for (table,) in self._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                self._connection.execute(f"SELECT * FROM {table} LIMIT 1").fetchall()
            self._connection.execute(f"PRAGMA user_version = {_SEEN}")

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
                mark(self._path).touch()


@lru_cache(maxsize=1)
def database(path: Path) -> Database:
    """The one connection of this process."""
    return Database(path)


def opened(path: Path, tables: str) -> str:
    """Open a file anew, with its tables made if need be; says what is wrong in it, if anything.

    A damaged one is deleted and made anew. Raises sqlite3.Error or OSError where it cannot be.
    """
    damage = "an earlier run found it so" if mark(path).exists() else _tried(path, tables)
    if damage:
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm")), mark(path)):
            each.unlink(missing_ok=True)
        _tried(path, tables)
    return damage


def mark(path: Path) -> Path:
    """Stands beside a damaged file."""
    return path.with_suffix(".damaged")


def _tried(path: Path, tables: str) -> str:
    database.cache_clear()
    try:
        database(path).make_tables(tables)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        database.cache_clear()
        return str(error)
    return ""
