"""`simulation.py run` as a process of its own, and what can befall it: each test is one accident."""

import csv
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import colours
import mjpeg
from conftest import ROOT
from scrapline.line.row import COLUMNS

HANGS_S = 120


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, warm_python: Path) -> Path:
    """Two models, one of them slow, a folder of frames, and a `python` that starts at once: see warm.py."""
    base = tmp_path_factory.mktemp("line")
    python = base / "python"  # no link: an interpreter finds its environment by where it is called
    python.write_text(f'#!/bin/sh\nexec "{warm_python}/python" "$@"\n')
    python.chmod(0o755)
    colours.model(base / "model.onnx")
    colours.model(base / "slow.onnx", work=12)
    colours.frames(base / "frames")
    return base


def command(*arguments: str, model: str = "model.onnx") -> list[str]:
    options = [] if "--resume" in arguments else ["--model", model]
    return [sys.executable, str(ROOT / "src/simulation.py"), "run", *options, *arguments]


def run(folder: Path, *arguments: str, code: int = 0, **options: Any) -> str:
    """What it said; the test fails where it ends otherwise than with `code`."""
    warm = next((path for path in (folder / "python", folder.parent / "python") if path.exists()), sys.executable)
    _, *rest = command(*arguments, **options)
    done = subprocess.run([warm, *rest], cwd=folder, capture_output=True, text=True, timeout=HANGS_S, env=environment())
    assert done.returncode == code, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stderr


def start(folder: Path, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*arguments, **options), cwd=folder, stderr=subprocess.PIPE, text=True, env=environment()
    )


def environment() -> dict[str, str]:
    return os.environ | {"COLUMNS": "200"}


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"runs/{name}/results.csv").open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, strict=True)
        found = [row for row in reader if None not in row.values()]
    assert tuple(reader.fieldnames or ()) == COLUMNS
    return found


def metrics(folder: Path, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / f"runs/{name}/metrics.json").read_text(encoding="utf-8"))
    return content


def wait_for_rows(folder: Path, name: str, number: int) -> None:
    path = folder / f"runs/{name}/results.csv"
    until = time.monotonic() + HANGS_S
    while not path.exists() or path.read_bytes().count(b"\n") <= number:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_run_with_the_model_alone_sorts_and_writes_its_folder(made: Path) -> None:
    said = run(made, "--feed", "frames", "--items", "120", "--items-per-s", "120", "--name", "plain")
    found = rows(made, "plain")
    assert [int(row["item_id"]) for row in found] == list(range(120))
    assert {(row["true_class"], row["bin"], row["action"]) for row in found if row["action"] != "late"} == {
        (name, name, "sort") for name in colours.NAMES
    }
    assert sorted(path.name for path in (made / "runs/plain").iterdir()) == [
        "belt.png",
        "line.png",
        "metrics.json",
        "results.csv",
        "run.json",
    ]
    figures = metrics(made, "plain")
    assert figures["items"] == 120
    assert figures["belt"]["items_per_s"] == 120
    assert figures["bins"]["red"]["purity"]["photos"] == 4
    assert sum(state["items"] for state in figures["states"].values()) == 120
    assert "120 items" in said
    assert "is there already" in run(made, "--feed", "frames", "--items", "1", "--name", "plain", code=1)


def test_without_a_name_it_is_the_time(made: Path) -> None:
    before = {path.name for path in (made / "runs").glob("*")}
    run(made, "--feed", "frames", "--items", "3")
    (new,) = {path.name for path in (made / "runs").glob("20*")} - before
    assert len(rows(made, new)) == 3


@pytest.mark.parametrize(
    "signum",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
    ids=lambda signum: signum.name,
)
def test_a_stop_finishes_what_is_on_the_belt_and_is_a_good_end(made: Path, signum: signal.Signals) -> None:
    name = f"stopped-{signum.name}"
    running = start(made, "--feed", "frames", "--name", name)
    wait_for_rows(made, name, 20)
    running.send_signal(signum)
    assert running.wait(HANGS_S) == 0
    found = rows(made, name)
    assert [int(row["item_id"]) for row in found] == list(range(len(found)))
    assert metrics(made, name)["items"] == len(found)


def test_a_stop_while_the_pictures_are_drawn_is_one_too_late(made: Path) -> None:
    """The belt has ended and the figures are written: nothing is left to stop, and the pictures come."""
    running = start(made, "--feed", "frames", "--items", "30", "--items-per-s", "60", "--name", "drawn")
    path, until = made / "runs/drawn", time.monotonic() + HANGS_S
    while not (path / "metrics.json").exists():
        assert time.monotonic() < until
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    assert running.wait(HANGS_S) == 0
    assert {"line.png", "belt.png"} <= {one.name for one in path.iterdir()}


@pytest.mark.parametrize("moments", [5, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_goes_on_each_time_and_no_item_is_there_twice_or_missing(
    made: Path, moments: int
) -> None:
    name, rng, items = f"killed-{moments}", random.Random(5), 45 * moments
    running = start(made, "--feed", "frames", "--items", str(items), "--items-per-s", "50", "--name", name)
    done = 0
    for _ in range(moments):
        wait_for_rows(made, name, done + rng.randrange(1, 12))
        time.sleep(rng.random() * 0.05)
        killed_at = datetime.now(UTC)
        running.kill()
        running.wait(HANGS_S)
        *_, last = rows(made, name)
        done = int(last["item_id"]) + 1
        lacks_s = (killed_at - datetime.fromisoformat(last["captured_at"])).total_seconds()
        assert lacks_s <= float(last["deadline_ms"]) / 1000 + 1, "the log lacks at most a deadline and a second"
        running = start(made, "--resume", name)
    assert running.wait(HANGS_S) == 0
    found = rows(made, name)
    assert [int(row["item_id"]) for row in found] == list(range(items))
    assert sorted({int(row["segment"]) for row in found}) == list(range(moments + 1))
    frames = [row["frame"] for row in found]
    assert frames[:12] == frames[12:24], "each item has shown the frame that it would have shown without a kill"
    assert all(frame == frames[number % 12] for number, frame in enumerate(frames))
    figures = metrics(made, name)
    assert (figures["items"], len(figures["interruptions_s"])) == (items, moments)
    assert all(0 < seconds < 60 for seconds in figures["interruptions_s"])
    said = running.stderr.read() if running.stderr else ""
    assert f"runs/{name} goes on with item {done + 1}" in said
    assert "of at most 62 items that were on the belt" in said, (
        "50 a second for a deadline of a quarter of a second and one second more"
    )


@pytest.mark.parametrize(
    "limit", [("--items", "5"), ("--seconds", "0.5", "--items-per-s", "20")], ids=lambda limit: limit[0]
)
def test_resumed_when_it_is_done_it_says_so_and_changes_nothing(made: Path, limit: tuple[str, ...]) -> None:
    name = f"done{limit[0]}"
    run(made, "--feed", "frames", *limit, "--name", name)
    before = {path.name: path.read_bytes() for path in (made / "runs" / name).iterdir()}
    said = run(made, "--resume", name)
    assert "is complete" in said
    assert f"{len(rows(made, name))} items" in said
    assert {path.name: path.read_bytes() for path in (made / "runs" / name).iterdir()} == before
    assert "give no other option" in run(made, "--resume", name, "--items", "9", code=1)


def test_what_cannot_be_resumed_is_one_line(made: Path) -> None:
    (made / "runs").mkdir(exist_ok=True)
    assert "is no run that could go on" in run(made, "--resume", "other", code=1)
    assert "one plain word" in run(made, "--resume", "../other", code=1)
    assert "--seconds must be a number" in run(made, "--feed", "frames", "--seconds", "inf", code=1)
    assert "is not here: give `demo`" in run(made, "--feed", "nowhere", "--name", "nowhere", code=1)
    assert not (made / "runs/nowhere").exists(), "the name is free again"


@pytest.mark.slow
def test_killed_again_and_again_a_run_of_seconds_has_its_seconds(made: Path) -> None:
    """Three seconds at 20 a second are 60 items; what was in flight at a kill costs a little of the time."""
    running = start(made, "--feed", "frames", "--seconds", "3", "--items-per-s", "20", "--name", "seconds")
    for number in (10, 25, 40):
        wait_for_rows(made, "seconds", number)
        running.kill()
        running.wait(HANGS_S)
        running = start(made, "--resume", "seconds")
    assert running.wait(HANGS_S) == 0
    found = rows(made, "seconds")
    assert [int(row["item_id"]) for row in found] == list(range(60))


@pytest.mark.slow
def test_an_empty_log_is_begun_anew(made: Path) -> None:
    """As a kill leaves it that comes before the header is written."""
    run(made, "--feed", "frames", "--items", "8", "--name", "empty")
    (made / "runs/empty/results.csv").write_bytes(b"")
    run(made, "--resume", "empty")
    assert [int(row["item_id"]) for row in rows(made, "empty")] == list(range(8))


def test_no_item_at_all(made: Path) -> None:
    """Items at random, for a thousandth of a second."""
    settings = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("arrivals: constant", "arrivals: poisson")
    folder = made / "elsewhere"
    folder.mkdir()
    (folder / "params.yaml").write_text(settings)
    arguments = ("--feed", "../frames", "--seconds", "0.001", "--name", "none")
    assert "no item came by" in run(folder, *arguments, model="../model.onnx")
    assert rows(folder, "none") == []
    assert metrics(folder, "none")["items"] == 0
    assert "is complete" in run(folder, "--resume", "none")


@pytest.mark.slow
def test_a_run_meanwhile_of_the_same_name_is_refused(made: Path) -> None:
    running = start(made, "--feed", "frames", "--name", "busy")
    wait_for_rows(made, "busy", 1)
    assert f"another process ({running.pid}) is writing runs/busy" in run(made, "--resume", "busy", code=1)
    running.send_signal(signal.SIGINT)
    assert running.wait(HANGS_S) == 0


def test_a_worker_that_crashes_is_replaced(made: Path) -> None:
    folder = shutil.copytree(made / "frames", made / "poisoned")
    (folder / "red/9.jpg").write_bytes(colours.poison())
    said = run(made, "--feed", "poisoned", "--items", "26", "--items-per-s", "60", "--name", "crash")
    found = rows(made, "crash")
    lost = [row for row in found if row["frame"] == "red/9.jpg"]
    assert len(lost) == 2
    assert {row["action"] for row in lost} == {"late"}
    assert Counter(row["action"] for row in found)["sort"] >= 22
    assert metrics(made, "crash")["workers"]["replaced"] >= 2
    assert "a worker failed" in said


def test_one_frame_in_twenty_unreadable(made: Path) -> None:
    folder = made / "damaged"
    colours.frames(folder, per_class=13)
    for name in ("red/3.jpg", "blue/5.jpg"):
        (folder / name).write_bytes(b"\xff\xd8 no picture")
    run(made, "--feed", "damaged", "--items", "78", "--items-per-s", "40", "--name", "unreadable")
    found = rows(made, "unreadable")
    assert {row["frame"] for row in found if row["action"] == "unreadable"} == {"red/3.jpg", "blue/5.jpg"}
    ended = [row["action"] for row in found if row["frame"] in ("red/3.jpg", "blue/5.jpg")]
    assert len(ended) == 4
    assert set(ended) <= {"unreadable", "dropped", "late"}, "a machine that stalls may lose one unlooked at"
    count = ended.count("unreadable")
    assert metrics(made, "unreadable")["states"]["unreadable"] == {"items": count, "share": round(count / 78, 6)}
    assert all(row["bin"] == "residue" for row in found if row["action"] == "unreadable")


def test_a_run_of_one_frame(made: Path) -> None:
    run(made, "--feed", "frames", "--items", "1", "--name", "one")
    assert len(rows(made, "one")) == 1
    assert metrics(made, "one")["items_a_minute"] == {"came": None, "on_time": None}


def test_a_material_never_seen_is_in_no_bin_by_right(made: Path) -> None:
    folder = made / "foreign"
    colours.frames(folder, per_class=2)
    shutil.copytree(folder / "red", folder / "wood")
    said = run(made, "--feed", "foreign", "--items", "16", "--name", "foreign")
    assert "the model does not know `wood`" in said
    figures = metrics(made, "foreign")
    assert figures["bins"]["red"]["purity"]["rate"] == 0.5
    assert figures["bins"]["red"]["recovery"]["rate"] == 1.0
    assert set(figures["bins"]) == set(colours.NAMES)


@pytest.mark.slow
def test_a_model_of_two_classes(made: Path) -> None:
    colours.model(made / "two.onnx", classes=2)
    colours.frames(made / "two", names=("red", "green"))
    run(made, "--feed", "two", "--items", "20", "--name", "two", model="two.onnx")
    assert set(metrics(made, "two")["bins"]) == {"red", "green"}


def test_frames_of_which_nobody_knows_the_class_have_no_purity(made: Path) -> None:
    folder = made / "unknown"
    folder.mkdir()
    for number, name in enumerate(colours.NAMES):
        (folder / f"{number}.jpg").write_bytes(colours.picture(name))
    run(made, "--feed", "unknown", "--items", "9", "--name", "unknown")
    figures = metrics(made, "unknown")
    assert (figures["bins"], figures["recognised"]) == (None, None)
    assert [row["predicted_class"] for row in rows(made, "unknown")][:3] == list(colours.NAMES)
    assert {row["true_class"] for row in rows(made, "unknown")} == {""}


def test_a_full_disk_is_one_line_and_what_is_written_stays_whole(made: Path) -> None:
    """The system allows this process no file of more than 4,000 bytes."""
    running = subprocess.run(
        command("--feed", "frames", "--items", "200", "--items-per-s", "200", "--name", "full"),
        cwd=made,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000)),
    )
    assert running.returncode == 1
    assert "File too large" in running.stderr
    assert "Traceback" not in running.stderr
    found = rows(made, "full")
    assert 5 < len(found) < 60
    assert (made / "runs/full/results.csv").read_bytes().endswith((b"true\n", b"false\n"))
    assert "200 items" in run(made, "--resume", "full"), "there is room again"
    assert [int(row["item_id"]) for row in rows(made, "full")] == list(range(200))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace makes the disk slow")
def test_a_slow_disk_under_the_log_costs_no_decision(made: Path) -> None:
    """Each write to the log takes 0.2 s."""
    log = made / "runs/slow-disk/results.csv"
    traced = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write", "-P", str(log)]
    done = subprocess.run(
        [
            *traced,
            "-e",
            "inject=write:delay_enter=200000",
            *command("--feed", "frames", "--items", "100", "--items-per-s", "50", "--name", "slow-disk"),
        ],
        cwd=made,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
    )
    assert done.returncode == 0, done.stderr
    found = rows(made, "slow-disk")
    assert [int(row["item_id"]) for row in found] == list(range(100))
    late = sum(row["on_time"] == "false" for row in found)
    assert late < 20, "the machine's own hiccups, and not the eleven writes of 0.2 s"


def test_a_wall_clock_that_is_set_back_changes_nothing(made: Path) -> None:
    """An hour back in mid-run: the items go on in their order and their times come from another clock."""
    code = (
        "import sys, time, datetime, threading\n"
        "real, begun = time.time, time.monotonic()\n"
        "back = lambda: real() - (3600 if time.monotonic() - begun > 2.0 else 0)\n"
        "time.time = back\n"
        "class Clock(datetime.datetime):\n"
        "    @classmethod\n"
        "    def now(cls, tz=None):\n"
        "        return cls.fromtimestamp(back(), tz)\n"
        "datetime.datetime = Clock\n"
        f"sys.path.insert(0, {str(ROOT / 'src')!r})\n"
        "sys.argv = ['simulation.py', *sys.argv[1:]]\n"
        "import runpy\n"
        f"runpy.run_path({str(ROOT / 'src/simulation.py')!r}, run_name='__main__')\n"
    )
    arguments = command("--feed", "frames", "--seconds", "3", "--items-per-s", "50", "--name", "set-back")[2:]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=made, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found = rows(made, "set-back")
    assert len(found) == 150
    captured = [row["captured_at"] for row in found]
    assert captured == sorted(captured)
    assert max(float(row["total_ms"]) for row in found) < 60_000
    assert min(float(row["total_ms"]) for row in found) >= 0


@pytest.mark.slow
def test_a_frame_of_forty_megapixels_among_small_ones(made: Path) -> None:
    folder = made / "huge"
    colours.frames(folder, per_class=3)
    (folder / "green/9.jpg").write_bytes(colours.picture("green", size=(8000, 5000)))
    run(made, "--feed", "huge", "--items", "30", "--items-per-s", "20", "--name", "huge")
    found = rows(made, "huge")
    huge = [row for row in found if row["frame"] == "green/9.jpg"]
    assert len(huge) == 3
    assert all(row["action"] in ("sort", "late") for row in huge)
    assert sum(row["action"] == "sort" for row in found if row["frame"] != "green/9.jpg") >= 24


@pytest.mark.slow
def test_overload_ends_with_its_cause(made: Path) -> None:
    """Twice what one worker can do, for 3 s: some are lost, those that are looked at are in time, and it ends."""
    run(
        made,
        *("--feed", "frames", "--seconds", "3", "--items-per-s", "200", "--workers", "1", "--name", "overload"),
        model="slow.onnx",
    )
    found = rows(made, "overload")
    assert len(found) == 600
    actions = Counter(row["action"] for row in found)
    assert actions["late"] + actions["dropped"] > 100
    assert actions["sort"] > 100
    assert all(row["on_time"] == "true" for row in found if row["action"] == "sort")


@pytest.mark.slow
def test_a_stream_that_disconnects_twice_is_found_again_and_the_gaps_are_told(made: Path) -> None:
    """The camera cuts its first two connections; the line goes on when it is back, and captures nothing meanwhile."""
    with mjpeg.serving(fps=50, lives=[120, 60]) as camera:
        said = run(made, "--feed", camera.address, "--seconds", "14", "--items-per-s", "20", "--name", "stream")
    found = rows(made, "stream")
    feed = metrics(made, "stream")["feed"]
    assert said.count("is lost: no frame for") == 2
    assert said.count("is back after") == 2
    assert camera.connections >= 3
    assert [int(row["item_id"]) for row in found] == list(range(len(found)))
    assert len(found) + feed["items_missed"] == 280, "every item was captured, or passed in a gap"
    assert len(found) > 60
    assert (metrics(made, "stream")["bins"], feed["kind"]) == (None, "stream")
    names = [int(row["frame"].removeprefix("stream#")) for row in found]
    assert names == sorted(names)


@pytest.mark.slow
def test_a_camera_that_stalls_is_a_gap_and_the_line_goes_on(made: Path) -> None:
    with mjpeg.serving(fps=50) as camera:
        running = start(made, "--feed", camera.address, "--seconds", "8", "--items-per-s", "20", "--name", "stall")
        wait_for_rows(made, "stall", 20)
        camera.stalled.set()
        time.sleep(1.8)
        camera.stalled.clear()
        assert running.wait(HANGS_S) == 0
    found, feed = rows(made, "stall"), metrics(made, "stall")["feed"]
    assert feed["gaps_in_all"] == 1
    assert 0.3 < feed["gap_seconds"] < 5
    assert len(found) + feed["items_missed"] == 160
    assert max(float(row["due_s"]) for row in found) > 7.5


@pytest.mark.slow
def test_a_live_stream_that_is_resumed_begins_a_new_segment_and_tells_the_gap(made: Path) -> None:
    with mjpeg.serving(fps=50) as camera:
        running = start(made, "--feed", camera.address, "--items", "60", "--items-per-s", "20", "--name", "live")
        wait_for_rows(made, "live", 10)
        running.kill()
        running.wait(HANGS_S)
        done = len(rows(made, "live"))
        run(made, "--resume", "live")
    found = rows(made, "live")
    assert [int(row["item_id"]) for row in found] == list(range(60))
    assert [int(row["segment"]) for row in found] == [0] * done + [1] * (60 - done)
    assert len(metrics(made, "live")["interruptions_s"]) == 1


def test_a_video_is_sorted_to_its_end(made: Path) -> None:
    """Two seconds at 25 frames a second, looked at ten times a second: every second or third frame."""
    written = cv2.VideoWriter(str(made / "belt.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    assert written.isOpened()
    for number in range(50):
        red, green, blue = colours.TINTS[colours.NAMES[number // 17]]
        written.write(np.full((48, 64, 3), (blue, green, red), np.uint8))
    written.release()
    run(made, "--feed", "belt.mp4", "--items-per-s", "10", "--name", "video")
    found = rows(made, "video")
    assert [row["frame"] for row in found][:3] == ["belt.mp4#0", "belt.mp4#2", "belt.mp4#5"]
    assert len(found) == 20
    seen = [row["predicted_class"] for row in found]
    assert seen == ["red"] * 7 + ["green"] * 7 + ["blue"] * 6
    assert "is complete" in run(made, "--resume", "video")
    assert len(rows(made, "video")) == 20


@pytest.mark.slow
def test_ten_seconds_of_overload_and_a_second_later_all_is_well(made: Path) -> None:
    """Other programs take most of the processor; when they have gone, nothing is lost after a second."""
    running = start(
        made, "--feed", "frames", "--seconds", "15", "--items-per-s", "40", "--name", "hogged", model="slow.onnx"
    )
    wait_for_rows(made, "hogged", 20)
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(24)]
    time.sleep(10)
    for hog in hogs:
        hog.kill()
    for hog in hogs:
        hog.wait()
    ended_at = datetime.now(UTC)
    assert running.wait(HANGS_S) == 0
    found = rows(made, "hogged")
    assert len(found) == 600
    lost = [row for row in found if row["action"] in ("late", "dropped")]
    assert len(lost) > 50, "it was an overload"
    after = [row for row in found if datetime.fromisoformat(row["captured_at"]) > ended_at + timedelta(seconds=1)]
    assert len(after) > 40
    assert [row for row in after if row["on_time"] == "false"] == []
