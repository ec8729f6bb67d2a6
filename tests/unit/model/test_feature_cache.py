import os
from pathlib import Path

import numpy as np
import pytest

from scrapline.model import feature_cache

VALUES = np.arange(6, dtype=np.float32).reshape(1, 2, 3)


class Compute:
    """Writes what an extractor would; counts how often it is asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        np.save(folder / "values.npy", VALUES)
        np.save(folder / "labels.npy", np.array([0, 1]))


def ask(name: str, compute: Compute) -> feature_cache.Features:
    return feature_cache.kept(name, {"k": 1}, compute, ["a", "b"], described="train features")


def test_features_are_computed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "cache_folder", lambda: tmp_path / "cache")
    compute = Compute()
    for _ in range(2):
        np.testing.assert_array_equal(ask("one", compute).values, VALUES)
    assert compute.calls == 1


def test_a_cache_folder_that_cannot_be_made_costs_the_cache_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".cache").write_text("a file, where a folder should be")
    monkeypatch.setattr(feature_cache, "cache_folder", lambda: tmp_path / ".cache/scrapline/features")
    said: list[str] = []
    monkeypatch.setattr(feature_cache, "info", said.append)
    found = ask("one", Compute())
    np.testing.assert_array_equal(found.values, VALUES)
    np.testing.assert_array_equal(found.labels, [0, 1])
    assert len(said) == 1
    assert "cannot be used (Not a directory)" in said[0]


def test_the_least_recently_used_go_when_the_cap_is_reached(tmp_path: Path) -> None:
    for age, name in enumerate(["newest", "used lately", "old", "oldest"]):
        (tmp_path / name).mkdir()
        (tmp_path / name / "values.npy").write_bytes(bytes(100))
        os.utime(tmp_path / name, (1000 - age, 1000 - age))
    feature_cache.prune(tmp_path, newest=tmp_path / "newest", max_bytes=250)
    assert {path.name for path in tmp_path.iterdir()} == {"newest", "used lately"}


def test_what_was_just_made_stays_however_large(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/values.npy").write_bytes(bytes(1000))
    feature_cache.prune(tmp_path, newest=tmp_path / "new", max_bytes=10)
    assert (tmp_path / "new").is_dir()


def test_being_found_again_counts_as_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_cache, "cache_folder", lambda: tmp_path)
    compute = Compute()
    ask("one", compute)
    os.utime(tmp_path / "one", (1000, 1000))
    ask("one", compute)
    assert (tmp_path / "one").stat().st_mtime > 1000
