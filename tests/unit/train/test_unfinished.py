"""What is kept of a stopped training: found again, or given up with one line."""

import os
import time
from pathlib import Path

import pytest
import torch

from scrapline.train import unfinished
from scrapline.train.pace import Pace
from scrapline.train.unfinished import Unfinished


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    lines: list[str] = []
    monkeypatch.setattr(unfinished, "info", lines.append)
    return lines


def test_what_was_saved_comes_back_to_the_same_training_alone(said: list[str]) -> None:
    Unfinished({"lr": 1}).save("network-0", {"weight": torch.arange(3), "epoch": 2}, now=True)
    found = Unfinished({"lr": 1}).load("network-0")
    assert found is not None
    assert (found["weight"].tolist(), found["epoch"]) == ([0, 1, 2], 2)
    assert Unfinished({"lr": 2}).load("network-0") is None
    assert Unfinished({"lr": 1}).load("network-1") is None
    assert said == []


def test_what_is_damaged_is_trained_anew(said: list[str]) -> None:
    kept = Unfinished({"lr": 1})
    kept.save("network-0", {"epoch": 1}, now=True)
    (kept.folder / "network-0.pt").write_bytes(b"half a file")
    assert kept.load("network-0") is None
    (line,) = said
    assert "is damaged" in line
    assert line.endswith("trained anew")


def test_states_are_written_now_and_then_unless_told(said: list[str]) -> None:
    kept = Unfinished({"lr": 1})
    kept.save("network-0", {"epoch": 1})
    assert kept.load("network-0") is None, "a moment ago it began"
    kept.save("network-0", {"epoch": 2}, now=True)
    kept.save("network-0", {"epoch": 3})
    assert kept.load("network-0") == {"epoch": 2}


def test_a_cache_that_cannot_be_written_costs_one_line(said: list[str], tmp_path: Path) -> None:
    (tmp_path / "home/scrapline").mkdir(parents=True)
    (tmp_path / "home/scrapline/training").write_text("no folder")
    kept = Unfinished({"lr": 1})
    for epoch in range(3):
        kept.save("network-0", {"epoch": epoch}, now=True)
    (line,) = said
    assert line.startswith("warning: ")
    assert "will begin anew" in line
    kept.drop("network-0")
    kept.finish()


def test_a_finished_training_leaves_nothing_and_takes_the_forgotten_along(said: list[str]) -> None:
    old, recent, mine = (Unfinished({"lr": lr}) for lr in range(3))
    for kept in (old, recent, mine):
        kept.save("network-0", {"epoch": 1}, now=True)
    weeks_ago = time.time() - 15 * 24 * 3600
    os.utime(old.folder, (weeks_ago, weeks_ago))
    mine.drop("network-0")
    assert mine.load("network-0") is None
    mine.finish()
    assert [kept.folder.exists() for kept in (old, recent, mine)] == [False, True, False]


def test_the_time_left_goes_by_the_epochs_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 30.0, 600.0, 900.0])
    monkeypatch.setattr("scrapline.train.pace.time.monotonic", lambda: next(clock))
    pace = Pace(10)
    pace.skip(6)  # by an earlier run
    assert pace.after_epoch() == "; about 90 s left"
    assert pace.after_epoch() == "; about 10 min left"
    assert pace.after_epoch() == "; about 5 min left"
    assert pace.after_epoch() == ""
