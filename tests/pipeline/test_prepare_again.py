"""What earlier runs learned saves work and changes no byte, whether it is there, gone, damaged or of a part."""

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from conftest import jpeg, noise
from pipeline.test_odd_folder import prepare, project
from scrapline.data import learned
from scrapline.data.learned import Record


def outs(root: Path) -> dict[str, str]:
    """The hash of every file of every out."""
    folders = [root / name for name in ("data/prepared", "data/test_frames", "results/preparation")]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/scrapline"


def test_no_byte_of_any_out_depends_on_what_earlier_runs_learned(tmp_path: Path, cache: Path) -> None:
    """Photos in need of another form, copies, and files that are no use; then photos come, and one goes."""
    root = project(tmp_path, max_side=64)
    for name, first in (("glass", 0), ("metal", 100)):
        folder = root / "data/raw" / name
        folder.mkdir()
        for number in range(first, first + 6):
            (folder / f"{number}.jpg").write_bytes(jpeg(noise(number, (90, 70)), quality=92))  # longer than max_side
            (folder / f"{number}b.jpg").write_bytes(jpeg(noise(number, (90, 70)), quality=70))
        noise(first + 50).save(folder / "plain.bmp")
        (folder / "cut.jpg").write_bytes(jpeg(noise(first + 51))[:-300])
        (folder / "tiny.png").write_bytes(jpeg(noise(first + 52, (9, 9))))
    file = cache / learned._NAME
    prepare(root)
    at_first = outs(root)
    assert len(at_first) > 10
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT count(*) FROM photos").fetchone() == (28,), "all but the two cut ones"
    prepare(root)
    assert outs(root) == at_first
    forged = Record('{"reason": "unsupported", "detail": "forged"}')
    tiny = "verdict LIKE '%too_small%'"
    for checksum, believed in ((b"wrong", False), (forged.checksum, True)):  # else nothing would show that it is read
        with sqlite3.connect(file) as connection:
            forging = f"UPDATE photos SET verdict = ?, sum = ? WHERE {tiny}"
            assert connection.execute(forging, (forged.verdict, checksum)).rowcount == 2
        prepare(root)
        assert (outs(root) != at_first) is believed
    shutil.rmtree(cache)
    cache.mkdir()
    file.write_bytes(b"damaged" * 10_000)
    assert "was damaged and is made anew" in prepare(root)
    assert outs(root) == at_first
    for number in range(3):
        (root / f"data/raw/metal/new {number}.jpg").write_bytes(jpeg(noise(70 + number), quality=92))
    (root / "data/raw/glass/3.jpg").unlink()
    prepare(root)
    with_the_cache = outs(root)
    assert with_the_cache != at_first
    shutil.rmtree(cache)
    prepare(root)
    assert outs(root) == with_the_cache


def test_a_cache_that_cannot_be_written_is_said_and_costs_nothing_else(tmp_path: Path, cache: Path) -> None:
    root = project(tmp_path)
    for kind in range(2):
        for number in range(6):
            path = root / f"data/raw/{'ab'[kind]}/{number}.jpg"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(jpeg(noise(10 * kind + number)))
    cache.parent.write_text("a file where the folder should be")
    said = prepare(root)
    assert "cannot be written" in said
    assert "what is learned of photos is not kept for the next run" in said
    assert len(outs(root)) > 5
