import csv
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from conftest import jpeg, noise
from scrapline.data.imaging import Preprocessing, load
from scrapline.line import conveyor, feed
from scrapline.line.kpis import Kpis
from scrapline.line.log import COLUMNS, ResultsLog
from scrapline.line.sorter import Action, Belt, Decision, decide
from scrapline.runtime.engine import Classification
from scrapline.system.errors import ScraplineError

MATERIALS = ["glass", "metal"]


class StubNetwork:
    """The engine's surface with a network that says `glass` to every image; decoding is the real one."""

    def __init__(self, sure: float = 0.9) -> None:
        self.preprocessing = Preprocessing(32, 512)
        self.sure = sure

    def preprocess(self, data: bytes) -> np.ndarray:
        return load(data, self.preprocessing)

    def infer(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.array([[self.sure, 1 - self.sure]] * len(images), np.float32), np.zeros((len(images), 4))

    def decide(self, row: np.ndarray) -> Classification:
        return Classification("glass", float(row[0]), "metal", float(row[1]), low_confidence=float(row[0]) < 0.8)


def frames(root: Path, per_class: int = 3) -> Path:
    for number, name in enumerate(MATERIALS):
        (root / name).mkdir(parents=True)
        for index in range(per_class):
            (root / name / f"{index}{number}.jpg").write_bytes(jpeg(noise(10 * number + index)))
    return root


def run(
    folder: Path, items: int, belt: Belt, network: StubNetwork | None = None, rate: float = 500
) -> list[conveyor.Result]:
    arrivals = feed.arrivals(feed.find_frames(folder, MATERIALS), items, rate)
    return list(conveyor.run(network or StubNetwork(), arrivals, belt))  # type: ignore[arg-type]


def test_deadline_is_distance_over_speed() -> None:
    assert Belt(belt_m_per_s=2.0, camera_to_ejector_m=0.5).deadline_ms == 250


def test_late_beats_unsure_beats_sorted() -> None:
    sure = Classification("glass", 0.9, "metal", 0.1, low_confidence=False)
    unsure = Classification("glass", 0.5, "metal", 0.4, low_confidence=True)
    assert decide(sure, 10, 100).bin == "glass"
    assert (decide(unsure, 10, 100).action, decide(unsure, 10, 100).bin) == (Action.REVIEW, "manual_review")
    assert (decide(unsure, 101, 100).action, decide(unsure, 101, 100).bin) == (Action.LATE, "residue")


def test_every_item_comes_through_in_order_and_classes_alternate(tmp_path: Path) -> None:
    results = run(frames(tmp_path / "f"), 8, Belt(1, 5))
    assert [r.item_id for r in results] == list(range(8))
    assert [r.true_class for r in results[:6]] == ["glass", "metal"] * 3
    assert results[6].frame == results[0].frame  # the list starts again
    assert {r.decision.action for r in results} == {Action.SORT}


def test_items_arrive_in_real_time(tmp_path: Path) -> None:
    results = run(frames(tmp_path / "f"), 6, Belt(1, 5), rate=50)
    gaps = np.diff([r.captured_at.timestamp() for r in results])
    assert gaps.sum() >= 5 / 50 * 0.9  # never faster than the belt; slower is the machine's affair


def test_a_deadline_of_nothing_makes_every_item_late(tmp_path: Path) -> None:
    results = run(frames(tmp_path / "f"), 4, Belt(belt_m_per_s=1e6, camera_to_ejector_m=1e-6))
    assert {r.decision.action for r in results} == {Action.LATE}
    assert not any(r.on_time for r in results)


def test_an_unreadable_frame_is_a_result_and_the_line_goes_on(tmp_path: Path) -> None:
    folder = frames(tmp_path / "f")
    (folder / "glass/00.jpg").write_bytes(b"not a photo")
    results = run(folder, 6, Belt(1, 5))
    assert [r.decision.action for r in results] == [Action.UNREADABLE, *[Action.SORT] * 5]
    assert results[0].decision.bin == "residue"


def test_a_full_buffer_drops_frames_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "BUFFER_FRAMES", 2)
    arrivals = feed.arrivals(feed.find_frames(frames(tmp_path / "f"), MATERIALS), 30, 1e6)
    first = next(arrivals)
    time.sleep(0.3)  # the camera has long seen all 30 items; nobody fetched them
    rest = list(arrivals)
    assert len([first, *rest]) == 30
    assert sum(frame.data is None for frame in rest) >= 25
    assert sorted(frame.item_id for frame in [first, *rest]) == list(range(30))


def test_a_frame_that_cannot_be_read_does_not_stop_the_camera(tmp_path: Path) -> None:
    found = feed.find_frames(frames(tmp_path), MATERIALS)
    found[1].unlink()
    results = list(conveyor.run(StubNetwork(), feed.arrivals(found, 6, 200), Belt(1.0, 10.0)))
    assert [r.decision.action for r in results].count(Action.UNREADABLE) == 1
    assert len(results) == 6


def test_no_frames_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match="dvc repro prepare"):
        feed.find_frames(tmp_path, MATERIALS)


def test_frames_of_a_class_that_the_model_does_not_know_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match="class `metal`, which the model does not know: run `dvc repro`"):
        feed.find_frames(frames(tmp_path), ["glass", "wood"])


def result(item: int, true: str, said: str, *, low: bool = False, total_ms: float = 10) -> conveyor.Result:
    c = Classification(said, 0.9, "x", 0.1, low)
    now = datetime.fromtimestamp(1000 + item, UTC)
    where = f"{true}/{item}.jpg"
    decision = decide(c, total_ms, 100)
    return conveyor.Result(item, now, where, true, c, decision, 1, 2, 3, total_ms, 100, 5 + item + total_ms / 1000)


def test_kpis_by_hand() -> None:
    kpis = Kpis()
    for r in (
        result(0, "glass", "glass"),
        result(1, "glass", "metal"),
        result(2, "metal", "metal", low=True),
        result(3, "metal", "metal", total_ms=200),
    ):
        kpis.add(r)
    m = kpis.metrics(["glass", "metal"], 100, frames=4)
    assert (m["items"], m["accuracy"], m["late_rate"], m["review_rate"]) == (4, 0.75, 0.25, 0.25)
    assert m["bins"]["glass"] == {"purity": 1.0, "recovery": 0.5}
    assert m["bins"]["metal"] == {"purity": 0.0, "recovery": 0.0}
    assert m["latency_ms"]["max"] == 200
    assert m["throughput_items_per_s"] == pytest.approx(3 / 3.19, rel=1e-3), "four decisions span three intervals"


def test_throughput_counts_what_was_classified_on_one_clock_that_nobody_sets() -> None:
    """Five decisions a second apart, two dropped and one unreadable item between them; the wall clock jumps an hour."""
    kpis = Kpis()
    for item in range(5):
        kpis.add(replace(result(item, "glass", "glass"), captured_at=datetime.fromtimestamp(3600 * item, UTC)))
    for item, action in ((5, Action.DROPPED), (6, Action.DROPPED), (7, Action.UNREADABLE)):
        kpis.add(replace(result(item, "glass", "x"), classification=None, decision=Decision(action, "residue")))
    m = kpis.metrics(["glass"], 100, frames=8)
    assert (m["items"], m["classified"]) == (8, 5)
    assert m["throughput_items_per_s"] == pytest.approx(1.0)


def test_a_line_that_classified_nothing_has_no_throughput() -> None:
    kpis = Kpis()
    kpis.add(replace(result(0, "glass", "x"), classification=None, decision=Decision(Action.DROPPED, "residue")))
    assert kpis.metrics(["glass"], 100, frames=1)["throughput_items_per_s"] == 0


def test_a_decision_is_timed_on_the_clock_of_its_arrival(tmp_path: Path) -> None:
    before = time.perf_counter()
    results = run(frames(tmp_path / "f"), 4, Belt(1, 5))
    assert before < results[0].decided_s < results[3].decided_s < time.perf_counter()


def test_rows_are_on_disk_before_the_next_item(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with ResultsLog(path) as log:
        for item in range(3):
            log.append(result(item, "glass", "glass"))
            rows = list(csv.DictReader(path.open()))
            assert len(rows) == item + 1
    assert tuple(rows[0]) == COLUMNS
    assert rows[2]["captured_at"].startswith("1970-01-01T00:16:42")
    assert (rows[0]["low_confidence"], rows[0]["on_time"], rows[0]["action"]) == ("false", "true", "sort")


def test_the_deadline_counts_from_the_arrival_the_wait_included() -> None:
    """A frame that waited for two seconds is late at half a second, though the work on it takes milliseconds."""
    arrived = time.perf_counter() - 2
    waited = feed.Frame(0, "glass/0.jpg", "glass", datetime.now(UTC), arrived, jpeg(noise(0)))
    (found,) = conveyor.run(StubNetwork(), [waited], Belt(belt_m_per_s=1.0, camera_to_ejector_m=0.5))  # type: ignore[arg-type]
    assert found.decision.action is Action.LATE
    assert not found.on_time
    assert found.queue_ms >= 2000
    assert found.total_ms >= found.queue_ms + found.preprocess_ms + found.inference_ms - 1e-6


def test_an_item_at_its_deadline_is_in_time() -> None:
    sure = Classification("glass", 0.9, "metal", 0.1, low_confidence=False)
    assert decide(sure, 100, 100).action is Action.SORT
    assert result(0, "glass", "glass", total_ms=100).on_time


def test_percentiles_of_a_hundred_and_one_latencies() -> None:
    """1 to 101 ms: the p-th percentile is p + 1."""
    kpis = Kpis()
    for number in np.random.default_rng(0).permutation(101):
        kpis.add(result(int(number), "glass", "glass", total_ms=float(number) + 1))
    assert kpis.metrics(["glass", "metal"], 100, frames=4)["latency_ms"] == {
        "p50": 51,
        "p95": 96,
        "p99": 100,
        "max": 101,
    }
