"""SQLite files for caches: trouble costs what they hold, never the run."""

import sqlite3
from pathlib import Path

import pytest

from scrapline.system import database
from scrapline.system.database import Database, database_at, prepared

TABLES = "CREATE TABLE IF NOT EXISTS things (key INTEGER PRIMARY KEY, value TEXT);"
PROBES = ["SELECT key, value FROM things"]
ADD = "INSERT INTO things VALUES (?, ?)"
ALL = "SELECT * FROM things ORDER BY key"


@pytest.mark.parametrize("what", ["no folder", "a folder", "no database"])
def test_a_file_that_cannot_be_opened_gives_and_takes_nothing(tmp_path: Path, what: str) -> None:
    path = tmp_path / "away" / "file.sqlite"
    if what != "no folder":
        path.parent.mkdir()
    if what == "a folder":
        path.mkdir()
    if what == "no database":
        path.write_bytes(b"no database at all" * 1000)
    of = Database(path)
    of.write([(ADD, [(1, "one")])])
    assert of.read(ALL, ()) == []
    of.shrink()
    assert path.with_suffix(".damaged").exists() is (what == "no database")


def test_statements_are_written_all_or_none(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    assert prepared(path, TABLES, PROBES) == ""
    of = database_at(path)
    of.write([(ADD, [(1, "one"), (2, "two")])])
    of.write([(ADD, [(3, "three"), (1, "again")])])
    database.close(path)
    assert database_at(path).read(ALL, ()) == [(1, "one"), (2, "two")]


def test_each_file_has_its_own_connection(tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    for path in (one, other):
        prepared(path, TABLES, PROBES)
    database_at(one).write([(ADD, [(1, "one")])])
    other.unlink()
    other.mkdir()
    database.close(other)
    assert database_at(other).read(ALL, ()) == []
    assert database_at(one).read(ALL, ()) == [(1, "one")]


def test_tables_of_another_layout_are_said(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE things (key INTEGER PRIMARY KEY, other TEXT)")
        connection.execute("CREATE TABLE 'and another' (a)")
    with pytest.raises(sqlite3.OperationalError, match="no such column: value"):
        prepared(path, TABLES, PROBES)
    prepared(path, TABLES, ["SELECT key, other FROM things"])


def test_a_file_that_can_only_be_read_is_said(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    prepared(path, TABLES, PROBES)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_WAIT_S", 0.1)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            prepared(path, TABLES, PROBES)
    holder.execute("ROLLBACK")
    assert prepared(path, TABLES, PROBES) == ""


def test_a_damaged_file_is_made_anew_and_what_was_wrong_is_returned(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    assert "not a database" in prepared(path, TABLES, PROBES)
    database_at(path).write([(ADD, [(1, "one")])])
    assert database_at(path).read(ALL, ()) == [(1, "one")]
    path.with_suffix(".damaged").touch()
    assert prepared(path, TABLES, PROBES) != ""
    assert database_at(path).read(ALL, ()) == []
    assert prepared(path, TABLES, PROBES) == ""
