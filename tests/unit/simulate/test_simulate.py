"""The simulate stage when it ends early: the log keeps its rows, everything else stays as it was."""

import csv
import errno
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import ROOT
from scrapline import paths
from scrapline.line import log
from scrapline.line.log import COLUMNS
from scrapline.params import Simulate
from scrapline.simulate import stage
from scrapline.system.errors import ScraplineError
from scrapline.system.signals import Stopped
from unit.line.test_line import MATERIALS, StubNetwork, frames, result

OLD = "results/simulation_results.csv"


class BreakingNetwork(StubNetwork):
    """Raises at the image after `good` images, the three blank ones of the warm-up not counted."""

    classes = MATERIALS

    def __init__(self, good: int, error: BaseException) -> None:
        super().__init__()
        self.left, self.error = good + 3, error

    def infer(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.left == 0:
            raise self.error
        self.left -= 1
        return super().infer(images)


def prepare_folder(folder: Path) -> None:
    """Frames, and the outs of an earlier run."""
    frames(folder / "data/test_frames")
    (folder / "results/simulation").mkdir(parents=True)
    for name in (OLD, "results/summary.json", "results/simulation/metrics.json", "performance_report.md"):
        (folder / name).write_text("of an earlier run")


def simulate(network: StubNetwork, items: int = 400, rate: float = 500) -> None:
    """The stage in the current folder, with a stand-in for the network."""
    patch = pytest.MonkeyPatch()
    with patch.context() as patched:
        patched.setattr(stage.Stages, "read", lambda: None)
        patched.setattr(stage.deployed, "model_path", lambda: None)
        patched.setattr(stage.deployed, "load", lambda path: network)
        stage.simulate(Simulate(items=items, items_per_s=rate, belt_m_per_s=1, camera_to_ejector_m=5))


def rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        found = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    assert all(row["on_time"] in ("true", "false") for row in found), "the last column of a row that is whole"
    return found


@pytest.mark.parametrize("error", [RuntimeError("the engine broke"), Stopped()], ids=["crash", "interrupt"])
def test_a_run_that_ends_early_keeps_its_rows_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_folder(tmp_path)
    with pytest.raises(type(error)):
        simulate(BreakingNetwork(5, error))
    assert [row["item_id"] for row in rows(paths.SIMULATION_RESULTS)] == ["0", "1", "2", "3", "4"]
    for path in (paths.SUMMARY, paths.SIMULATION_METRICS, paths.REPORT):
        assert path.read_text() == "of an earlier run"
    assert sorted(p.name for p in Path("results").iterdir()) == ["simulation", "simulation_results.csv", "summary.json"]
    with pytest.raises(type(error)):
        simulate(BreakingNetwork(2, error))
    assert len(rows(paths.SIMULATION_RESULTS)) == 2, "the next run begins a new file"


def test_a_run_that_sees_no_item_leaves_the_earlier_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_folder(tmp_path)
    with pytest.raises(RuntimeError):
        simulate(BreakingNetwork(-1, RuntimeError("broke in the warm-up")))
    assert paths.SIMULATION_RESULTS.read_text() == "of an earlier run"


def test_a_log_that_is_linked_to_a_cache_is_replaced_and_not_written_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_folder(tmp_path)
    Path("cached").hardlink_to(OLD)
    with pytest.raises(RuntimeError):
        simulate(BreakingNetwork(1, RuntimeError()))
    assert Path("cached").read_text() == "of an earlier run"


def test_a_row_that_does_not_fit_on_the_disk_leaves_no_part_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        """Room for 300 bytes; what does not fit is written in part, as the system does."""

        def write(self, data: bytes) -> int:  # type: ignore[override]
            if self.tell() >= 300:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data[: 300 - self.tell()])

    monkeypatch.setattr(log, "FileIO", Full)
    with pytest.raises(OSError, match="No space"), log.ResultsLog(tmp_path / "r.csv") as written:
        for item in range(9):
            written.append(result(item, "glass", "glass"))
    assert [row["item_id"] for row in rows(tmp_path / "r.csv")] == ["0"]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=lambda signum: signum.name)
def test_a_killed_run_leaves_its_rows_and_a_second_run_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signum: signal.Signals
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare_folder(tmp_path)
    code = (
        "from scrapline.system import signals; signals.install(); from unit.simulate import test_simulate as t; "
        "network = t.BreakingNetwork(10**6, RuntimeError()); t.simulate(network, items=100_000, rate=50)"
    )
    search = os.pathsep.join(str(ROOT / name) for name in ("src", "tests"))
    running = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": search}, stderr=subprocess.DEVNULL
    )
    try:
        while (seen := Path(OLD).read_bytes() if Path(OLD).exists() else b"").count(b"\n") < 4:
            assert running.poll() is None, "it ended by itself"
            time.sleep(0.01)
        with pytest.raises(ScraplineError, match=rf"another process \({running.pid}\) is writing results/simulation"):
            simulate(BreakingNetwork(1, RuntimeError()))
        assert Path(OLD).read_bytes().startswith(seen)
    finally:
        running.send_signal(signum)
        running.wait(60)
    found = rows(paths.SIMULATION_RESULTS)
    assert [int(row["item_id"]) for row in found] == list(range(len(found)))
    assert len(found) >= 3
    assert paths.SUMMARY.read_text() == "of an earlier run"
