"""What a run leaves: every promise of the stages, read from its files."""

import csv
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from pipeline.conftest import Clone
from scrapline.data import imaging, shards
from scrapline.runtime.engine import Engine


def read_json(demo: Clone, path: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(demo.read(path))
    return content


def read_csv(demo: Clone, path: str) -> list[dict[str, str]]:
    with (demo.root / path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_second_repro_does_nothing(demo: Clone) -> None:
    assert demo.repro() == []
    assert "up to date" in demo.run("dvc", "status")


def test_test_frames_share_no_image_and_no_group_with_training(demo: Clone) -> None:
    manifest = {row["image_id"]: row for row in read_csv(demo, "data/prepared/manifest.csv")}
    frames = list((demo.root / "data/test_frames").glob("*/*"))
    assert len(frames) == 8
    training = {row["group"] for row in manifest.values() if row["split"] == "train"}
    for frame in frames:
        row = manifest[frame.stem]
        assert row["split"] == "test"
        assert row["class"] == frame.parent.name
        assert row["group"] not in training


def test_no_group_straddles_splits(demo: Clone) -> None:
    where: dict[str, set[str]] = {}
    for row in read_csv(demo, "data/prepared/manifest.csv"):
        where.setdefault(row["group"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in where.values())


def test_every_image_is_kept_or_quarantined(demo: Clone) -> None:
    report = read_json(demo, "results/preparation/report.json")
    manifest = read_csv(demo, "data/prepared/manifest.csv")
    quarantine = read_csv(demo, "results/preparation/quarantine.csv")
    assert report["images"] == len(manifest) + len(quarantine) == 6 * 14
    assert manifest == sorted(manifest, key=lambda row: (row["split"], row["image_id"]))
    assert Counter(row["split"] for row in manifest) == report["splits"]
    for name in report["classes"]:
        assert (demo.root / f"results/preparation/contact_sheets/{name}.png").is_file()


def test_the_line_sees_the_pixels_of_the_shards(demo: Clone) -> None:
    engine = Engine.load(demo.root / "models/converted_model.onnx")
    stored = {sample.image_id: sample.data for sample in shards.read(demo.root / "data/prepared", "test")}
    for frame in (demo.root / "data/test_frames").glob("*/*"):
        np.testing.assert_array_equal(
            engine.preprocess(frame.read_bytes()), imaging.load(stored[frame.stem], engine.preprocessing)
        )


def labels_as_file_and_as_array(root: Path, model: str) -> list[tuple[str, str]]:
    """Of each test photo: what the model says of its bytes, and of its pixels as OpenCV decodes a camera's picture."""
    engine = Engine.load(root / model)
    return [
        (
            engine.classify(sample.data).predicted_class,
            engine.decide(engine.infer(engine.preprocess(pixels_of(sample.data))[None])[0][0]).predicted_class,
        )
        for sample in shards.read(root / "data/prepared", "test")
    ]


def pixels_of(data: bytes) -> np.ndarray:
    return cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def test_a_photo_gets_the_same_label_as_a_file_and_as_an_array(demo: Clone) -> None:
    """The nightly run asks it of TrashNet, with 430 photos instead of these dozen."""
    labels = labels_as_file_and_as_array(demo.root, "models/converted_model.int8.onnx")
    assert len(labels) > 8
    assert sum(file != array for file, array in labels) <= 0.01 * len(labels)


def test_the_log_has_a_row_per_item_and_adds_up_to_the_figures(demo: Clone) -> None:
    rows = read_csv(demo, "results/simulation_results.csv")
    figures = read_json(demo, "results/simulation/line.json")
    assert [int(row["item_id"]) for row in rows] == list(range(12))
    assert figures["items"] == 12
    actions = Counter(row["action"] for row in rows)
    assert {state: found["items"] for state, found in figures["states"].items() if found["items"]} == actions
    looked_at = [row for row in rows if row["predicted_class"]]
    right = sum(row["predicted_class"] == row["true_class"] for row in looked_at)
    assert figures["recognised"]["rate"] == pytest.approx(right / len(looked_at), abs=1e-6)
    for name, bin_ in figures["bins"].items():
        inside = [row["true_class"] for row in rows if row["bin"] == name]
        rate = bin_["purity"]["rate"]
        assert rate == (pytest.approx(inside.count(name) / len(inside), abs=1e-6) if inside else None)


def test_report_and_summary_repeat_the_artefacts(demo: Clone) -> None:
    report, summary = demo.read("performance_report.md"), read_json(demo, "results/summary.json")
    evaluation = read_json(demo, "results/evaluation/metrics.json")
    line = read_json(demo, "results/simulation/line.json")
    training = read_json(demo, "results/training/metrics.json")
    assert summary["test"]["accuracy"] == evaluation["test"]["accuracy"]
    assert f"**{evaluation['test']['accuracy'] * 100:.1f} %**" in report
    for name, row in evaluation["per_class"].items():
        start = f"| {name} | {row['precision'] * 100:.1f} % | {row['recall'] * 100:.1f} % |"
        shown = next(text for text in report.splitlines() if text.startswith(start))
        assert shown.endswith(f"| {row['support']} |")
    assert sum(row["support"] for row in evaluation["per_class"].values()) == evaluation["test"]["images"]
    assert training["weights"]["description"] in report
    assert f" / {line['latency_ms']['p95']:.1f} / " in report
    exported = read_json(demo, "results/export/metrics.json")
    for name, bin_ in exported[exported["deployed"]]["sorting"]["bins"].items():
        row = next(row for row in report.splitlines() if row.startswith(f"| {name} | ") and "photos" in row)
        assert f"{bin_['recovery']['rate'] * 100:.1f} %" in row
        assert f"{bin_['recovery']['photos']} photos" in row
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", report):
        assert (demo.root / picture).is_file(), picture


def test_dvc_lists_two_dozen_figures_and_they_are_the_same_when_the_line_runs_again(demo: Clone) -> None:
    shown = json.loads(demo.run("dvc", "metrics", "show", "--json").splitlines()[0])[""]["data"]
    assert list(shown) == ["results/summary.json"]
    groups = shown["results/summary.json"]["data"]
    figures = [value for group in groups.values() for value in group.values()]
    assert 20 <= len(figures) <= 25
    assert not any(isinstance(value, dict | list) for value in figures)
    before = {name: demo.read(name) for name in ("results/summary.json", "performance_report.md")}
    demo.run("python", "src/simulation.py", "simulate")
    after = {name: demo.read(name) for name in before}
    assert after["results/summary.json"] == before["results/summary.json"]
    # Of the report one section, with one picture, tells of the machine; all else is the same to the letter.
    section = re.compile(r"## This machine\n.*?(?=\n## )", re.DOTALL)
    old, new = before["performance_report.md"], after["performance_report.md"]
    assert section.sub("", new) == section.sub("", old)
    told = section.search(new)
    assert told is not None
    assert told[0].count("![") == 1
    demo.run("git", "checkout", "-q", ".")
    demo.run("dvc", "checkout", "-q", "--force")


def test_confusion_counts_every_test_image(demo: Clone) -> None:
    pairs = read_csv(demo, "results/evaluation/confusion.csv")
    evaluation = read_json(demo, "results/evaluation/metrics.json")
    assert len(pairs) == evaluation["test"]["images"]
    right = sum(pair["actual"] == pair["predicted"] for pair in pairs)
    assert evaluation["test"]["accuracy"] == pytest.approx(right / len(pairs), abs=1e-6)


def test_what_git_tracks_is_small_and_what_dvc_tracks_is_ignored(demo: Clone) -> None:
    tracked = demo.run("git", "ls-files").splitlines()
    assert "results/summary.json" in tracked
    assert "performance_report.md" in tracked
    assert "results/evaluation/metrics.json" in tracked
    for path in ("models/trained_model.pth", "results/simulation_results.csv", "results/evaluation/mistakes.png"):
        assert path not in tracked
    assert not [path for path in tracked if path.startswith(("data/prepared", "data/test_frames"))]


def test_classify_prints_a_table_and_json(demo: Clone) -> None:
    frame = next((demo.root / "data/test_frames").glob("*/*"))
    table = demo.run("python", "src/inference_script.py", "classify", str(frame.parent))
    assert "runner-up" in table
    assert frame.name in table
    (demo.root / "bad.jpg").write_bytes(b"no photo")
    said = demo.run("python", "src/inference_script.py", "classify", "--json", str(frame), "bad.jpg", check=False)
    (demo.root / "bad.jpg").unlink()
    good, bad, error = said.splitlines()
    assert json.loads(good).keys() >= {"predicted_class", "confidence", "runner_up"}
    assert json.loads(bad)["error"].startswith("unreadable")
    assert error == "error: 1 of 2 images could not be read"


def test_a_run_is_published_whole_and_only_over_an_earlier_one(demo: Clone) -> None:
    demo.run("python", "src/simulation.py", "publish", "docs/v1.0")
    report = demo.read("docs/v1.0/performance_report.md")
    for name in re.findall(r"\]\(([^)]+\.png)\)", report):
        assert (demo.root / "docs/v1.0" / name).is_file(), name
    assert demo.read("docs/v1.0/evaluation.json") == demo.read("results/evaluation/metrics.json")
    (demo.root / "docs/v1.0/mine.txt").write_text("not to be lost")
    refused = demo.run("python", "src/simulation.py", "publish", "docs/v1.0", check=False)
    assert "holds mine.txt" in refused
    assert (demo.root / "docs/v1.0/mine.txt").is_file()
    shutil.rmtree(demo.root / "docs/v1.0")


def test_no_path_in_what_must_be_reproducible(demo: Clone) -> None:
    for path in ("results/training/metrics.json", "results/evaluation/metrics.json", "data/prepared/manifest.csv"):
        assert str(demo.root) not in demo.read(path)
    assert str(demo.root).encode() not in (demo.root / "models/converted_model.onnx").read_bytes()


def test_a_stage_run_by_hand_leaves_nothing_for_git_that_dvc_holds(demo: Clone) -> None:
    """`evaluate` replaces its folder, so what Git is to ignore in it must not stand in it."""
    before = demo.run("git", "status", "--short")
    demo.run("python", "src/model_training.py", "evaluate")
    assert demo.run("git", "status", "--short") == before
    assert demo.repro() == []
