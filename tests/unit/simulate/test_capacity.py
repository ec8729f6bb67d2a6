"""The `capacity` command with a real model, and how its twin's service times are made of what the line did."""

import json
from pathlib import Path
from typing import Any

import pytest

import colours
from scrapline.line.belt import Arrival
from scrapline.line.dispatch import Answer, Item
from scrapline.line.ending import Ending, Limits
from scrapline.line.service import SPREAD
from scrapline.line.twin import Services
from scrapline.runtime import deployed
from scrapline.runtime.engine import Classification, Tuning
from scrapline.simulate import capacity, measuring
from scrapline.simulate.session import Outcome
from scrapline.simulate.settings import configured, job_of
from scrapline.system.errors import ScraplineError
from scrapline.system.signals import Stopped

SURE = Answer(Classification("glass", 0.9, "metal", 0.1, low_confidence=False))


def item(number: int, captured_s: float, started_s: float, ended_s: float, *, spread: bool = True) -> Item:
    one = Item(number, Arrival(number, 0, captured_s), captured_s + 1, captured_s=captured_s, answer=SURE)
    one.started_s, one.ended_s, one.spread = started_s, ended_s, spread
    return one


def test_a_spread_frame_counts_from_when_it_could_have_been_begun_with() -> None:
    lost = Item(3, Arrival(3, 0, 0.030), 1.0, captured_s=0.030)
    lost.ended_s = 0.9
    items = [
        item(0, 0.000, 0.001, 0.007),  # 7 ms from the camera on: the worker took 1 to wake up
        item(1, 0.005, 0.008, 0.014),  # the one before ended at 7 ms
        item(2, 0.020, 0.021, 0.025, spread=False),
        lost,  # no run
        item(4, 0.024, 0.026, 0.032),  # from 25 ms on
    ]
    assert measuring._spread_s(items) == pytest.approx([0.007, 0.007, 0.007])


def test_what_passes_between_runs_is_counted_to_them() -> None:
    """The workers were idle for 80 ms in all, beside four runs: 20 ms each."""
    items = [item(n, 0.0, 0.010, 0.040, spread=False) for n in range(2)]
    for one in items:
        one.answer = Answer(SURE.classification, batch=2)
    alone = item(2, 0.0, 0.050, 0.070, spread=False)
    assert measuring._runs_s([*items, alone], 2, 4, 0.080) == pytest.approx([0.050]), "two frames, one run"
    assert measuring._runs_s([*items, alone], 1, 4, 0.080) == pytest.approx([0.040])
    assert measuring._runs_s([*items, alone], SPREAD, 4, 0.080) == []


def test_the_command_finds_the_belt_that_its_figures_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    colours.frames(tmp_path / "frames")
    colours.model(tmp_path / "model.onnx", work=4)
    monkeypatch.setattr(measuring, "_ROUNDS", 1)
    monkeypatch.setattr(capacity, "_TRIED_S", 20.0)
    monkeypatch.setattr(capacity, "_AN_HOUR_S", 60.0)
    said: list[str] = []
    monkeypatch.setattr(capacity, "info", said.append)
    capacity.run(capacity.Asked(workers=1, feed=Path("frames"), model=Path("model.onnx")), Path("found"))
    told = "\n".join(said)
    found = json.loads((tmp_path / "found/capacity.json").read_text())
    assert (tmp_path / "found/capacity.png").stat().st_size > 10_000

    fastest = found["fastest"]
    # 4 lanes with 5 items a metre; 0.75 m to the ejector, told 50 ms ahead.
    assert fastest["items_per_s"] == pytest.approx(20 * fastest["belt_m_per_s"], rel=1e-3)
    assert fastest["deadline_ms"] == pytest.approx(750 / fastest["belt_m_per_s"] - 50, abs=0.1)
    assert found["headroom"] == pytest.approx(fastest["items_per_s"] / 50, rel=1e-3)
    assert f"{fastest['belt_m_per_s']:.2f} m/s" in told
    assert f"{found['headroom']:.1f} times as many" in told

    names = ["one frame on one core", *(f"a run of {n} frames on one core" for n in (2, 3, 4))]
    assert list(found["service_ms"]) == names
    for times in found["service_ms"].values():
        assert times["runs"] > 0
        assert 0.5 < times["p50"] <= times["p99"], "four products of matrices for each frame"


def test_a_rate_that_was_set_in_a_slow_moment_is_raised_until_it_is_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if one frame took 20 ms, which takes a fifth of that: no four would ever wait together."""
    colours.frames(tmp_path / "frames")
    colours.model(tmp_path / "model.onnx", work=4)
    monkeypatch.setattr(measuring, "warm_up", lambda engine, workers: [(1, 0.02)])
    line, seed = configured(workers=1)
    job = job_of(line, str(tmp_path / "frames"), seed, Limits())
    engine = deployed.load(tmp_path / "model.onnx", Tuning.THROUGHPUT)
    took, _ = measuring._measured(job, engine, 4, 0.5)
    assert took


def test_the_fastest_belt_is_what_the_worker_can_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One worker at 10 ms a frame, with 100 ms left at 5 m/s: 100 a second; 20 s of belt leave a queue's worth more."""
    monkeypatch.chdir(tmp_path)
    colours.frames(tmp_path / "frames")
    colours.model(tmp_path / "model.onnx")
    steady = [Services({frames: [0.01 * frames] for frames in range(1, 5)})]
    monkeypatch.setattr(capacity, "measure", lambda *_: steady)
    monkeypatch.setattr(capacity, "_TRIED_S", 20.0)
    monkeypatch.setattr(capacity, "_AN_HOUR_S", 60.0)
    capacity.run(capacity.Asked(workers=1, feed=Path("frames"), model=Path("model.onnx")), Path("found"))
    found = json.loads((tmp_path / "found/capacity.json").read_text())
    assert found["fastest"]["items_per_s"] == pytest.approx(100, rel=0.02)
    assert {name: times["p50"] for name, times in found["service_ms"].items()}["a run of 3 frames on one core"] == 30
    below = [point["lost"] for point in found["curve"] if point["items_per_s"] < 99]
    above = [point["lost"] for point in found["curve"] if point["items_per_s"] > 103]
    assert below
    assert above
    assert max(below) == 0
    assert min(above) > 0.001


def test_a_feed_without_frames_and_a_belt_without_time_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    colours.model(tmp_path / "model.onnx")
    (tmp_path / "frames").mkdir()
    asked = capacity.Asked(feed=Path("frames"), model=Path("model.onnx"))
    with pytest.raises(ScraplineError, match="frames holds no frames"):
        capacity.run(asked, None)
    with pytest.raises(ScraplineError, match="slow the belt"):
        capacity.run(capacity.Asked(items_per_s=1000, feed=Path("frames"), model=Path("model.onnx")), None)


def test_a_stop_and_a_line_that_breaks_end_the_measuring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    colours.frames(tmp_path / "frames")
    colours.model(tmp_path / "model.onnx")
    asked = capacity.Asked(feed=Path("frames"), model=Path("model.onnx"))
    worked = measuring.work

    def stopped(*given: Any) -> Outcome:
        outcome = worked(*given)
        outcome.line.ending = Ending.STOPPED
        return outcome

    def broken(*given: Any) -> Outcome:
        outcome = worked(*given)
        outcome.line.error = ScraplineError("the model failed")
        return outcome

    monkeypatch.setattr(measuring, "work", stopped)
    with pytest.raises(Stopped):
        capacity.run(asked, Path("found"))
    monkeypatch.setattr(measuring, "work", broken)
    with pytest.raises(ScraplineError, match="the model failed"):
        capacity.run(asked, Path("found"))
    assert not Path("found").exists()
