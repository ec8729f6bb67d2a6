"""The simulate stage when it ends early: the log keeps its rows, everything else stays as it was."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import colours
from conftest import ROOT
from scrapline import params, paths
from scrapline.line.ending import Ending
from scrapline.line.row import COLUMNS
from scrapline.simulate import session, stage
from scrapline.system.errors import ScraplineError
from scrapline.system.signals import Stopped

OLD = "results/simulation_results.csv"
KEPT = (paths.SUMMARY, paths.LINE, paths.REPORT)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Frames, a model, and the outs of an earlier run; the current folder."""
    monkeypatch.chdir(tmp_path)
    colours.frames(tmp_path / "data/test_frames")
    colours.model(tmp_path / "model.onnx")
    (tmp_path / "results/simulation").mkdir(parents=True)
    for name in (OLD, *map(str, KEPT)):
        (tmp_path / name).write_text("of an earlier run")
    return tmp_path


def simulate(look: Callable[..., Any] | None = None, items: int = 400) -> None:
    """The stage in the current folder at 500 items a second; `look` in place of the engine's own looking."""
    settings = params.load(ROOT / "params.yaml")
    line = {"items": items, "belt_m_per_s": 25.0, "camera_to_ejector_m": 25.0, "workers": 1}
    settings = settings.model_copy(update={"simulate": settings.simulate.model_copy(update=line)})
    with pytest.MonkeyPatch().context() as patched:
        patched.setattr(stage.Stages, "read", lambda: None)
        patched.setattr(stage.deployed, "model_path", lambda: Path("model.onnx"))
        if look is not None:
            patched.setattr(session, "warm_up", lambda engine, workers: [])
            patched.setattr(session, "looker", lambda engine: look)
        stage.simulate(settings)


def rows(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        found = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    assert all(row["on_time"] in ("true", "false") for row in found), "the last column of a row that is whole"
    return found


def test_a_run_that_breaks_keeps_its_rows_and_nothing_else(project: Path) -> None:
    def broken(frames: Any) -> Any:
        raise RuntimeError("bad file")

    with pytest.raises(ScraplineError, match=r"failed 100 times in a row \(bad file\)"):
        simulate(broken)
    found = rows(paths.SIMULATION_RESULTS)
    assert [int(row["item_id"]) for row in found] == list(range(len(found)))
    assert {row["action"] for row in found} <= {"late", "dropped"}
    for path in KEPT:
        assert path.read_text() == "of an earlier run"
    assert sorted(p.name for p in Path("results").iterdir()) == ["simulation", "simulation_results.csv", "summary.json"]


def test_a_run_that_never_begins_leaves_the_earlier_log(project: Path) -> None:
    (project / "data/test_frames/wood").mkdir()
    (project / "data/test_frames/wood/1.jpg").write_bytes(colours.picture("red"))
    with pytest.raises(ScraplineError, match="class `wood`, which the model does not know: run `dvc repro`"):
        simulate()
    assert paths.SIMULATION_RESULTS.read_text() == "of an earlier run"


def test_a_stop_finishes_the_log_and_ends_the_stage(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worked = session.work

    def interrupted(*given: Any) -> session.Outcome:
        outcome = worked(*given)
        outcome.line.ending = Ending.STOPPED
        return outcome

    monkeypatch.setattr(stage, "work", interrupted)
    with pytest.raises(Stopped):
        simulate(items=20)
    assert len(rows(paths.SIMULATION_RESULTS)) == 20
    for path in KEPT:
        assert path.read_text() == "of an earlier run"


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=lambda signum: signum.name)
def test_a_killed_run_leaves_its_rows_and_a_second_run_meanwhile_is_refused(
    project: Path, signum: signal.Signals
) -> None:
    code = (
        "from scrapline.system import signals; signals.install(); from unit.simulate import test_simulate as t; "
        "t.simulate(items=100_000)"
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
            simulate(items=1)
        assert Path(OLD).read_bytes().startswith(seen)
    finally:
        running.send_signal(signum)
        running.wait(60)
    found = rows(paths.SIMULATION_RESULTS)
    assert [int(row["item_id"]) for row in found] == list(range(len(found)))
    assert len(found) >= 3
    assert paths.SUMMARY.read_text() == "of an earlier run"
