"""What earlier runs learned: kept, found again, never trusted when damaged, and missed by no one when it is gone."""

import pickle
import sqlite3
from pathlib import Path

import pytest

from scrapline.data import learned
from scrapline.data.learned import NOTHING, Learned, Record, key_of, maker

ONE = Record('{"width": 3}', b"small", b"")
TWO = Record("{}", b"", b"stored")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(learned, "user_cache_folder", lambda: tmp_path / "cache")
    learned._connection.cache_clear()
    return tmp_path / "cache"


def again(kept: Learned) -> Learned:
    """As another process sees it."""
    learned._connection.cache_clear()
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


def test_a_changed_record_is_not_believed(home: Path) -> None:
    kept = Learned.open()
    for number, column in enumerate(("verdict", "thumbnail", "stored", "sum")):
        key = bytes([number])
        kept.keep([(key, ONE)], [])
        with sqlite3.connect(home / "photos.sqlite") as connection:
            connection.execute(f"UPDATE photos SET {column} = CAST('other' AS BLOB) WHERE key = ?", (key,))
        assert again(kept).record(key) is None, column


def test_a_file_that_is_no_cache_is_made_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(learned, "info", said.append)
    home.mkdir()
    (home / "photos.sqlite").write_bytes(b"no database at all" * 1000)
    kept = Learned.open()
    assert [line.split("(")[0] for line in said] == [
        f"{home / 'photos.sqlite'}, what earlier runs learned of photos, is damaged and is made anew "
    ]
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    assert again(kept).record(b"a") == ONE


def test_damage_in_the_middle_of_a_run_costs_the_cache_and_not_the_run(home: Path) -> None:
    kept = Learned.open()
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    other = again(kept)
    (home / "photos.sqlite").write_bytes(b"\0" * 50_000)
    for suffix in ("-wal", "-shm"):
        (home / f"photos.sqlite{suffix}").unlink(missing_ok=True)
    assert other.record(b"a") is None
    assert other.unlike([b"p"]) == set()
    other.keep([(b"b", ONE)], [(b"b", 5)])
    other.keep_unlike([b"p"])
    other.prune()


def test_where_nothing_can_be_written_the_run_goes_on_and_says_so(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(learned, "info", said.append)
    home.write_text("a file where the folder should be")
    kept = Learned.open()
    assert kept == NOTHING
    (line,) = said
    assert line.startswith(f"warning: {home / 'photos.sqlite'} cannot be written (")
    kept.keep([(b"a", ONE)], [(b"a", 5)])
    kept.keep_unlike([b"p"])
    kept.prune()
    assert kept.record(b"a") is None
    assert kept.unlike([b"p"]) == set()


def test_past_the_cap_what_was_used_last_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(learned.time, "time", lambda: now[0])
    kept = Learned.open()
    for number in range(4):
        kept.keep([(bytes([number]), ONE)], [(bytes([number]), 10)])
        now[0] += 1
    kept.keep([], [(bytes([0]), 10)])
    monkeypatch.setattr(learned, "KEPT_BYTES", 25)
    kept.prune()
    assert [kept.record(bytes([number])) is not None for number in range(4)] == [True, False, False, True]
    kept.prune()
    assert kept.record(bytes([0])) == ONE


def test_past_their_cap_all_pairs_go(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learned, "KEPT_PAIRS", 2)
    kept = Learned.open()
    kept.keep_unlike([b"p", b"q"])
    kept.prune()
    assert kept.unlike([b"p", b"q"]) == {b"p", b"q"}
    kept.keep_unlike([b"r"])
    kept.prune()
    assert kept.unlike([b"p", b"q", b"r"]) == set()


def test_keys_tell_parts_apart(tmp_path: Path) -> None:
    assert len({key_of(b"ab", b"c"), key_of(b"a", b"bc"), key_of(b"abc"), key_of(b"ab", b"c", b"")}) == 4
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    before = maker([code], ["numpy"])
    assert maker([code], ["numpy"]) == before
    assert maker([code], ["numpy", "pillow"]) != before
    assert maker([code], ["no such library"]) != before
    code.write_text("a = 2")
    assert maker([code], ["numpy"]) != before
