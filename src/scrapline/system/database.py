"""SQLite files for caches: once one is open, what is wrong with it costs speed, never a result."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

PAGE_BYTES: Final = 16384  # a photo's record fits
_WAIT_S = 10.0


class Database:
    """This process's connection to a file, made when first asked; after trouble it gives nothing and takes nothing.

    Damage is marked, so that the next run makes the file anew.
    """

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet."""
        self._path = path
        self._well = True
        self._open: sqlite3.Connection | None = None

    def make_tables(self, tables: str, probes: Sequence[str]) -> None:
        """Make the tables if need be; see that they answer these queries and can be written. Raises sqlite3.Error."""
        connection = self._connection()
        connection.executescript(tables)
        for probe in probes:
            connection.execute(probe).fetchone()
        # It writes, though nothing changes.
        connection.execute("PRAGMA user_version = 1")

    def read(self, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        """All rows; none after trouble."""
        if self._well:
            try:
                return self._connection().execute(query, values).fetchall()
            except sqlite3.Error as error:
                self._give_up(error)
        return []

    def write(self, statements: Sequence[tuple[str, Sequence[tuple[Any, ...]]]]) -> None:
        """All or nothing; nothing after trouble."""
        if self._well:
            try:
                with self._connection() as connection:
                    for statement, rows in statements:
                        connection.executemany(statement, rows)
            except sqlite3.Error as error:
                self._give_up(error)

    def shrink(self) -> None:
        """Give the disk its room back."""
        with suppress(sqlite3.Error):
            # `execute` would stop after the first page.
            self._connection().executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the file."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self._open = sqlite3.connect(self._path, timeout=_WAIT_S)
            for setting in (
                f"page_size = {PAGE_BYTES}",
                "auto_vacuum = INCREMENTAL",  # what is deleted leaves the disk
                "journal_mode = WAL",
                "synchronous = OFF",  # what a power cut damages is found out and made anew
            ):
                self._open.execute(f"PRAGMA {setting}")
        return self._open

    def _give_up(self, error: sqlite3.Error) -> None:
        """Locked by another run for long, a full disk: not worth waiting for again. Damage: the next run mends it."""
        self._well = False
        if not isinstance(error, sqlite3.OperationalError):
            with suppress(OSError):
                _mark(self._path).touch()


_databases: dict[Path, Database] = {}


def database_at(path: Path) -> Database:
    """The one of this process for a file."""
    return _databases.setdefault(path, Database(path))


def close(path: Path) -> None:
    """Forget what this process knows of a file."""
    if known := _databases.pop(path, None):
        known.close()


def prepared(path: Path, tables: str, probes: Sequence[str]) -> str:
    """Make a file ready, with its tables; a damaged one is deleted and made anew, and what was wrong is returned.

    Raises sqlite3.Error or OSError where it cannot be made ready.
    """
    damage = "an earlier run found it so" if _mark(path).exists() else _tried(path, tables, probes)
    if damage:
        close(path)
        for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm")), _mark(path)):
            each.unlink(missing_ok=True)
        if again := _tried(path, tables, probes):
            raise sqlite3.DatabaseError(again)
    return damage


def _mark(path: Path) -> Path:
    """Stands beside a damaged file."""
    return path.with_suffix(".damaged")


def _tried(path: Path, tables: str, probes: Sequence[str]) -> str:
    """What is damaged, if anything. Raises sqlite3.OperationalError for any other trouble."""
    close(path)
    try:
        database_at(path).make_tables(tables, probes)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        return str(error)
    return ""
