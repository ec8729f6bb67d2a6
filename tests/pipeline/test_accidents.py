"""Full disks, read-only folders, two runs at once: afterwards everything is whole, and `dvc repro` finishes."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from pipeline import kills
from pipeline.conftest import HANGS_S, STAGES, Clone

SLOW = pytest.mark.slow
LOG = "results/simulation_results.csv"
SCRIPTS = {
    "prepare": "data_preparation.py",
    "train": "model_training.py",
    "evaluate": "model_training.py",
    "export": "inference_script.py",
    "simulate": "simulation.py",
}


@pytest.fixture
def fork(own: Clone, request: pytest.FixtureRequest) -> Iterator[Clone]:
    clone = replace(own.fork(f"accident-{request.node.name[:24]}"), interpreter=Clone.interpreter)
    yield clone
    shutil.rmtree(clone.root.parent)


def stage_process(dvc: subprocess.Popen[str]) -> psutil.Process:
    """The stage that a running DVC has started."""
    for _ in range(600):
        for child in psutil.Process(dvc.pid).children(recursive=True):
            if any(argument.startswith("src/") for argument in child.cmdline()):
                return child
        time.sleep(0.05)
    raise AssertionError("the stage did not start")


def start(clone: Clone, *command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=clone.root,
        env=clone.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def test_a_second_repro_is_turned_away_and_the_first_finishes(fork: Clone) -> None:
    first = start(fork, *kills.again("train"))
    stage_process(first)
    second = fork.run("dvc", "repro", "--force", "train", check=False)
    assert "train" in second
    assert "is busy" in second or "Unable to acquire lock" in second
    first.communicate(timeout=HANGS_S)
    assert first.returncode == 0
    fork.run("dvc", "repro")
    assert "up to date" in fork.run("dvc", "status")


def test_a_stage_that_outlives_its_dvc_and_a_new_run_do_not_mix(fork: Clone) -> None:
    before = kills.deterministic(fork.outs())
    dvc = start(fork, *kills.again("train"))
    orphan = stage_process(dvc)
    while not list((fork.root / "models").glob(".*.lock")):
        time.sleep(0.02)
    dvc.kill()
    dvc.wait()
    orphan.suspend()
    said = fork.run("dvc", "repro", "--force", "--single-item", "--no-run-cache", "train", check=False)
    refusal = (
        f"error: another process ({orphan.pid}) is writing models/trained_model.pth: wait for it to end, or stop it"
    )
    assert refusal in said.splitlines()
    orphan.resume()
    orphan.wait(120)
    fork.run("dvc", "repro")
    assert kills.deterministic(fork.outs()) == before
    assert kills.left_over(fork) == []


@pytest.mark.parametrize("stage", STAGES)
def test_results_that_cannot_be_written_are_one_line_and_nothing_is_lost(
    fork: Clone, stage: str, warm_python: Path
) -> None:
    """Root may write anywhere, so that right is given up first."""
    folders = [fork.root / name for name in ("results", "models", "data")]
    before = fork.outs()
    for folder in folders:
        folder.chmod(0o555)
    powerless = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    try:
        done = subprocess.run(
            [*powerless, "python", f"src/{SCRIPTS[stage]}", stage],
            cwd=fork.root,
            env=fork.environment(),
            capture_output=True,
            text=True,
            timeout=HANGS_S,
        )
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: Permission denied: ")
    assert "Traceback" not in done.stderr
    assert fork.outs() == before
    replace(fork, interpreter=warm_python).run("python", f"src/{SCRIPTS[stage]}", stage)


@pytest.fixture(scope="module")
def small_disk(own: Clone, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    """A clone with its caches on a file system in memory, with 400 MB of room."""
    place = tmp_path_factory.mktemp("disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    try:
        shutil.copytree(own.root, place / "repo", symlinks=True)
        shutil.copytree(own.home, place / "home")
        yield Clone(place / "repo", place / "home", own.interpreter)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize("free_kb", [0, pytest.param(16, marks=SLOW), 1000, pytest.param(20_000, marks=SLOW)])
@pytest.mark.parametrize("stage", STAGES)
def test_a_full_disk_is_one_line_and_nothing_is_lost(small_disk: Clone, stage: str, free_kb: int) -> None:
    shutil.rmtree(small_disk.home / "scrapline", ignore_errors=True)
    before = small_disk.outs()
    filler = small_disk.root.parent / "filler"
    room = shutil.disk_usage(small_disk.root).free - free_kb * 1024
    try:
        with filler.open("wb") as stream:
            os.posix_fallocate(stream.fileno(), 0, room)
        done = subprocess.run(
            ["python", f"src/{SCRIPTS[stage]}", stage],
            cwd=small_disk.root,
            env=small_disk.environment(),
            capture_output=True,
            text=True,
            timeout=HANGS_S,
        )
    finally:
        filler.unlink()
    if done.returncode:
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("error: No space left on device"), done.stderr[-2000:]
        assert "Traceback" not in done.stderr
        after = small_disk.outs()
        if stage == "simulate":  # its log alone is written in place, and keeps what was written
            assert small_disk.read(LOG).startswith("item_id,")
            after[LOG] = before[LOG]
        assert after == before
    else:
        assert free_kb > 0
    assert kills.left_over(small_disk) == []


def test_dvc_on_a_full_disk_locks_nothing_and_finishes_with_room(small_disk: Clone) -> None:
    before, lock = kills.deterministic(small_disk.outs()), kills.locked(small_disk)
    (small_disk.root / "models/trained_model.pth").unlink()  # DVC would, and so make room for the next
    filler = small_disk.root.parent / "filler"
    with filler.open("wb") as stream:
        os.posix_fallocate(stream.fileno(), 0, shutil.disk_usage(small_disk.root).free - 3_000_000)
    try:
        said = small_disk.run(*kills.again("train"), check=False)
    finally:
        filler.unlink()
    assert "No space left on device" in said
    assert kills.locked(small_disk) == lock
    small_disk.run("dvc", "repro")
    assert kills.deterministic(small_disk.outs()) == before
