"""What earlier runs learned saves work and changes no byte, whether it is there, gone, damaged or of a part."""

import hashlib
import shutil
from pathlib import Path

import pytest

import odd_folder
from conftest import jpeg, noise
from pipeline.test_odd_folder import prepare, project


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
    """Odd files, files in need of another form, and copies; then photos come, and one goes."""
    root = project(tmp_path, min_side=32)
    odd_folder.write(root / "data/raw")
    for number in range(12):
        photo = noise(number, (700, 500))  # longer than data.max_side
        (root / f"data/raw/{odd_folder.CLASSES[0]}/{number}.jpg").write_bytes(jpeg(photo, quality=92))
        (root / f"data/raw/{odd_folder.CLASSES[0]}/{number}b.jpg").write_bytes(jpeg(photo, quality=70))
    prepare(root)
    assert (cache / "photos.sqlite").is_file()
    at_first = outs(root)
    assert len(at_first) > 10
    prepare(root)
    assert outs(root) == at_first
    shutil.rmtree(cache)
    prepare(root)
    assert outs(root) == at_first
    shutil.rmtree(cache)
    cache.mkdir()
    (cache / "photos.sqlite").write_bytes(b"damaged" * 10_000)
    assert "is damaged and is made anew" in prepare(root)
    assert outs(root) == at_first
    for number in range(3):
        (root / f"data/raw/{odd_folder.CLASSES[1]}/new {number}.jpg").write_bytes(jpeg(noise(50 + number), quality=92))
    (root / f"data/raw/{odd_folder.CLASSES[0]}/3.jpg").unlink()
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
