"""What earlier runs learned: kept, found again, never trusted when damaged, and missed by no one when it is gone."""

import pickle
import sqlite3
from pathlib import Path

import pytest

from scrapline.data import learned
from scrapline.data.learned import NOTHING, Learned, Record
from scrapline.system import database

ONE = Record('{"width": 3}', b"small", b"")
TWO = Record("{}", b"", b"stored")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(learned, "user_cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache"


def again(kept: Learned) -> Learned:
    """As another process sees it."""
    assert kept.path is not None
    database.close(kept.path)
    return pickle.loads(pickle.dumps(kept))


def test_what_is_kept_is_found_by_another_process(home: Path) -> None:
    kept = Learned.open()
    kept.keep([(b"a", ONE), (b"b", TWO)], [(b"a", 5), (b"b", 6)])
    kept.keep_unlike([b"p", b"q"])
    other = again(kept)
    assert other.record(b"a") == ONE
    assert other.record(b"b") == TWO
    assert other.record(b"c") is None
    assert other.unlike([b"p", b"r", b"q"]) == {b"p", b"q"}
    assert other.unlike([bytes([n % 256, n // 256]) for n in range(2000)]) == set()


@pytest.mark.parametrize("value", ["CAST('other' AS BLOB)", "'other'", "NULL", "7", "99999999999"])
def test_a_changed_record_is_not_believed(home: Path, value: str) -> None:
    kept = Learned.open()
    for number, column in enumerate(("verdict", "thumbnail", "stored", "sum")):
        key = bytes([number])
        kept.keep([(key, ONE)], [])
        with sqlite3.connect(home / learned._NAME) as connection:
            connection.execute(f"UPDATE photos SET {column} = {value} WHERE key = ?", (key,))
        assert again(kept).record(key) is None, column


def test_a_file_that_is_no_cache_is_made_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(learned, "info", said.append)
    home.mkdir()
    (home / learned._NAME).write_bytes(b"no database at all" * 1000)
    kept = Learned.open()
    assert [line.split("(")[0] for line in said] == [
        f"{home / learned._NAME}, what earlier runs learned of photos, was damaged and is made anew "
    ]
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    assert again(kept).record(b"a") == ONE


def test_damage_inside_costs_a_run_its_cache_and_the_next_makes_it_anew(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(learned, "info", said.append)
    kept = Learned.open()
    kept.keep([(bytes([n]), ONE) for n in range(200)], [(bytes([n]), 5) for n in range(200)])
    again(kept)
    with sqlite3.connect(home / learned._NAME) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (home / learned._NAME).open("r+b") as stream:
        stream.seek(3 * 16384)
        stream.write(b"x" * (40 * 16384))
    other = again(kept)
    for number in range(200):
        other.record(bytes([number]))
    assert other.unlike([b"p"]) == set()
    other.keep([(b"b", ONE)], [(b"b", 5)])
    other.keep_unlike([b"p"])
    other.prune()
    assert said == []
    anew = Learned.open()
    assert [line.split(", what")[0] for line in said] == [str(home / learned._NAME)]
    anew.keep([(b"b", ONE)], [(b"b", 5)])
    assert again(anew).record(b"b") == ONE
    Learned.open()
    assert len(said) == 1


def test_a_lock_that_another_run_holds_is_waited_for_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_WAIT_S", 0.2)
    kept = Learned.open()
    other = sqlite3.connect(home / learned._NAME, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    other.execute("COMMIT")
    kept.keep([(b"b", ONE)], [(b"b", 5)])
    assert again(kept).record(b"a") is None
    assert again(kept).record(b"b") is None


def test_where_nothing_can_be_written_the_run_goes_on_and_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(learned, "info", said.append)
    home.write_text("a file where the folder should be")
    kept = Learned.open()
    assert kept == NOTHING
    (line,) = said
    assert line.startswith(f"warning: {home / learned._NAME} cannot be written (")
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    kept.keep_unlike([b"p"])
    kept.prune()
    assert kept.record(b"a") is None
    assert kept.unlike([b"p"]) == set()


def test_near_the_cap_what_was_used_last_stays_and_the_disk_gets_its_room_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 records of two pages each; of a cap of 200 pages 150 may stay, which tables and keys take some of."""
    now = [100.0]
    monkeypatch.setattr(learned.time, "time", lambda: now[0])
    kept = Learned.open()
    for number in range(100):
        record = Record("{}", bytes([number]) * 30_000)
        kept.keep([(bytes([number]), record)], [(bytes([number]), 30_000)])
        now[0] += 1
    kept.keep([], [(bytes([0]), 30_000)])
    monkeypatch.setattr(learned, "KEPT_BYTES", 200 * 16384)
    kept.prune()
    there = [number for number in range(100) if kept.record(bytes([number])) is not None]
    assert 60 <= len(there) <= 75
    assert there == [0, *range(101 - len(there), 100)]
    again(kept).prune()
    with sqlite3.connect(home / learned._NAME) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert (home / learned._NAME).stat().st_size <= 160 * 16384


def test_at_the_cap_nothing_is_added(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Learned.open()
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    monkeypatch.setattr(learned, "KEPT_BYTES", 16384)
    kept.keep([(b"b", ONE)], [(b"b", 5)])
    assert kept.record(b"a") == ONE
    assert kept.record(b"b") is None


def test_past_their_cap_all_pairs_go(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "KEPT_PAIRS", 2)
    kept = Learned.open()
    kept.keep_unlike([b"p", b"q"])
    kept.prune()
    assert kept.unlike([b"p", b"q"]) == {b"p", b"q"}
    kept.keep_unlike([b"r"])
    kept.prune()
    assert kept.unlike([b"p", b"q", b"r"]) == set()
