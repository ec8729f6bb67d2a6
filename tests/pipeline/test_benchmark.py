"""The benchmark with all its engines, for real, on the demo's clone; how fast they are is no test's business."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline.conftest import HANGS_S, Clone
from scrapline.benchmark.contenders import TITLES, available

DOOR = ("python", "src/inference_script.py")


@pytest.fixture(scope="module")
def measured(demo: Clone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark") / "kept"
    (folder.parent / "bad.jpg").write_bytes(b"no image")
    frames = ("data/test_frames", str(folder.parent / "bad.jpg"))
    said = demo.run(*DOOR, "benchmark", *frames, "--rounds", "2", "--frames", "5", "--save", str(folder))
    assert "bad.jpg is left out: not an image" in " ".join(said.split())
    assert TITLES["scrapline-int8"] in said
    assert "Warning" not in said
    return folder


def test_every_engine_is_measured_and_right_as_often_as_it_should_be(measured: Path, demo: Clone) -> None:
    found = json.loads((measured / "benchmark.json").read_text())
    exported = json.loads(demo.read("results/export/metrics.json"))
    assert set(found["engines"]) == set(available())
    for name, figures in found["engines"].items():
        assert figures["end_to_end_ms"]["p50"] > 0
        assert figures["end_to_end_ms"]["p50"] <= figures["end_to_end_ms"]["p99"]
        assert figures["frames_per_s"] > 0
        if name.startswith("scrapline"):
            assert figures["test_accuracy"] == exported[name.removeprefix("scrapline-")]["test_accuracy"]
        elif name in {"pytorch", "torchscript", "openvino-fp32"}:
            assert figures["test_accuracy"] == exported["fp32"]["test_accuracy"]
    assert (found["frames"], found["rounds"], found["frames_a_round"]) == (8, 2, 5)


def test_it_keeps_a_table_and_a_chart(measured: Path) -> None:
    table = (measured / "benchmark.md").read_text()
    assert all(TITLES[name] in table for name in available())
    assert (measured / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in measured.iterdir()) == ["benchmark.json", "benchmark.md", "benchmark.png"]


def test_a_damaged_checkpoint_is_one_line_though_another_process_found_it(demo: Clone) -> None:
    clone = demo.fork("damaged")
    checkpoint = clone.root / "models/trained_model.pth"
    data = checkpoint.read_bytes()
    checkpoint.unlink()
    checkpoint.write_bytes(data[: len(data) // 2])
    said = clone.run(*DOOR, "benchmark", "--rounds", "1", "--frames", "1", check=False)
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1].startswith("error: models/trained_model.pth is damaged")


def test_ctrl_c_ends_all_its_processes_without_a_traceback(demo: Clone) -> None:
    running = subprocess.Popen(
        [*DOOR, "benchmark", "--rounds", "1000"],
        cwd=demo.root,
        env=demo.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    time.sleep(4)  # its processes are being loaded
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate(timeout=HANGS_S)
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "error: interrupted" in said
    with pytest.raises(ProcessLookupError):
        for _ in range(100):  # Python's own tracker of resources follows a moment later
            os.killpg(running.pid, 0)
            time.sleep(0.1)
