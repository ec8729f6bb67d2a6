"""The cache of arrays: what its key holds, what it keeps, and what becomes of a run without it."""

import ast
import os
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import closure
from scrapline.model import array_cache as cache
from scrapline.model import cache_key

VALUES = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
LABELS = np.array([0, 1, 0])


def write(folder: Path) -> None:
    np.save(folder / "values.npy", VALUES)
    np.save(folder / "labels.npy", LABELS)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path / "home/scrapline/features"


def entries(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.skipif(os.name == "nt", reason="the cache folder is set otherwise there")
def test_the_cap_goes_by_size_and_the_oldest_used_go_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        cache.make({"number": number}, write)
    keys = [cache.entry({"number": number}) for number in range(4)]
    for number, used in enumerate((100, 400, 200, 300)):
        os.utime(keys[number] / "key.json", (used, used))
    assert cache.load(keys[0]) is not None, "its use now counts"
    size = sum(path.stat().st_size for path in keys[0].iterdir())
    monkeypatch.setattr(cache, "KEPT_BYTES", int(3.5 * size))
    cache._in_use.clear()  # another process
    cache.make({"number": 4}, write)
    assert entries(home) == {path.name for path in (keys[0], keys[1], cache.entry({"number": 4}))}


@pytest.mark.skipif(os.name == "nt", reason="the cache folder is set otherwise there")
def test_the_entry_just_made_stays_however_large(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "KEPT_BYTES", 1)
    for number in range(2):
        cache._in_use.clear()  # another process
        np.testing.assert_array_equal(cache.make({"number": number}, write)[0], VALUES)
    assert entries(home) == {cache.entry({"number": 1}).name}


@pytest.mark.skipif(os.name == "nt", reason="the cache folder is set otherwise there")
def test_what_a_run_uses_stays_while_it_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training pixels, made first, would go when those of validation come, and be made anew by the next run."""
    monkeypatch.setattr(cache, "KEPT_BYTES", 1)
    keys = [{"number": number} for number in range(3)]
    for key in keys:
        cache.make(key, write)
    assert entries(home) == {cache.entry(key).name for key in keys}


@pytest.mark.skipif(os.name == "nt", reason="the cache folder is set otherwise there")
@pytest.mark.parametrize("made", ["a file at home", "a file inside", "a full disk"])
def test_a_cache_that_cannot_be_written_costs_a_warning_and_no_bit(
    made: str, home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(cache, "info", said.append)
    writing: Callable[[Path], None] = write
    if made == "a full disk":

        def writing(folder: Path) -> None:
            write(folder)
            if home in folder.parents:
                raise OSError(28, "No space left on device")

    else:
        place = home.parents[1] if made == "a file at home" else home
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("no folder")
    values, labels = cache.make({"key": 1}, writing)
    np.testing.assert_array_equal(values, VALUES)
    np.testing.assert_array_equal(labels, LABELS)
    (line,) = said
    assert line.startswith(f"warning: {home} cannot be written (")
    assert cache.load(cache.entry({"key": 1})) is None
    assert made != "a full disk" or entries(home) == set(), "nothing half-made is left"


def test_the_key_holds_all_code_that_makes_features_and_all_libraries() -> None:
    """Read from the imports: a module or a library that joins in is asked for here."""
    found: set[Path] = set()
    closure._follow("scrapline.model.features", found)
    # These print, place files and share out work.
    others = {path for path in found - set(cache_key.code_files()) if path.parent.name not in ("system", "cli")}
    assert others == {closure.SRC / "scrapline/__init__.py"}
    distributions = metadata.packages_distributions()
    used = {
        distribution.lower()
        for path in cache_key.code_files()
        for module in closure.imported(ast.parse(path.read_text(encoding="utf-8")))
        for distribution in distributions.get(module.split(".")[0], [])
    }
    # Fonts are for pictures that people look at; the index and its kin only say which photos are copies.
    assert used - set(cache_key.LIBRARIES) <= {"matplotlib", "pi_heif", "faiss-cpu", "scipy", "threadpoolctl"}
    assert {"numpy", "opencv-python-headless", "pillow", "simplejpeg", "torch"} <= used
