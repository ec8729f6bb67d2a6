"""Which models are worth their time: the front, what differs, and what is said where there is nothing to compare."""

import json
import socket
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from scrapline import paths
from scrapline.benchmark.rounds import Measured
from scrapline.export.onnx import save
from scrapline.measures.intervals import Interval
from scrapline.studies.tradeoff import experiments, report
from scrapline.studies.tradeoff.experiments import Experiment
from scrapline.system.errors import ScraplineError
from unit.export import small


def made(folder: Path, name: str, accuracy: float, **settings: Any) -> Experiment:
    file = folder / f"{len(name)}.onnx"
    file.write_bytes(bytes(2_500_000))
    return Experiment(name, {"lr": 0.1, **settings}, "abc", "int8", accuracy, Interval(0.8, 0.97), 200, file)


def measured(frames_per_s: float) -> Measured:
    found = Measured()
    for order in ("end_to_end", "decode", "model"):
        found.rounds[order] = [[1.0, 2.0, 3.0]]
    for order in ("frames_per_s", "frames_per_s_on_one_core"):
        found.rounds[order] = [frames_per_s, frames_per_s + 2, 1.0]
    return found


@pytest.fixture
def content(tmp_path: Path) -> dict[str, Any]:
    models = [
        made(tmp_path, "large", 0.95, size=224),
        made(tmp_path, "middle", 0.94, size=160),
        made(tmp_path, "poor", 0.93, size=192),
        made(tmp_path, "small", 0.90, size=96),
    ]
    speeds = {"large": 100.0, "middle": 200.0, "poor": 150.0, "small": 400.0}
    return report.content(models, {name: measured(speed) for name, speed in speeds.items()}, 12, 3)


def test_the_front_is_what_nothing_beats_in_both(content: dict[str, Any]) -> None:
    assert [(line["name"], line["best"]) for line in content["models"]] == [
        ("small", True),
        ("middle", True),
        ("poor", False),
        ("large", True),
    ]


def test_a_line_has_the_middle_round_the_interval_and_what_differs(content: dict[str, Any]) -> None:
    line = content["models"][1]
    assert (line["frames_per_s"], line["end_to_end_ms"]["p50"], line["size_mb"]) == (200.0, 2.0, 2.5)
    assert (line["ci95_low"], line["ci95_high"]) == (0.8, 0.97)
    assert line["differs"] == {"size": 160}, "lr is the same in all"
    wanted = "| middle | size 160 | 94.0 % (80.0 to 97.0) | 200 (1 to 202) | 2.0 | 2.5 | best of its speed |"
    assert wanted in report.markdown(content)


def test_models_judged_on_other_photos_are_said_to_be(tmp_path: Path) -> None:
    models = [made(tmp_path, "one", 0.9), made(tmp_path, "two", 0.8)]
    models[1] = replace(models[1], data="other", photos=300)
    found = report.content(models, {"one": measured(2.0), "two": measured(1.0)}, 12, 3)
    assert report.markdown(found).startswith("200 or 300 validation photos, not the same for all: only models of the")
    assert [line["best"] for line in found["models"]] == [True, True], "one is no measure of the other"


def test_names_and_params_are_shown_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = [made(tmp_path, "[red]a|b[/x]", 0.9, group="/([a-z]+)_"), made(tmp_path, "two", 0.8, group=None)]
    found = report.content(models, {each.name: measured(1.0) for each in models}, 12, 3)
    report.show(found)
    report.plot(found, tmp_path / "plot.png")
    said = capsys.readouterr().out
    assert "[red]a|b[/x]" in said
    assert "group /([a-z]+)_" in said
    assert r"\[red\]a\|b\[/x\]" in report.markdown(found)


def test_a_folder_without_git_or_experiments_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScraplineError, match="DVC cannot list the experiments"):
        experiments.collect((), tmp_path)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("model")
    checkpoint, provenance = small.checkpoint_and_provenance(folder)
    save(small.float_model(), folder / "m.onnx", checkpoint=checkpoint, provenance=provenance)
    return (folder / "m.onnx").read_bytes()


@pytest.fixture
def commit(model: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Commits what a run leaves, in a repository of its own; with `in_cache` False, the model is in no cache."""
    monkeypatch.chdir(tmp_path)
    git("init", "-q", "-b", "first")
    Repo.init().close()

    def make(branch: str, lr: float, export: dict[str, Any], *, in_cache: bool = True) -> None:
        git("checkout", "-q", "-B", branch)
        lock = {"stages": {"prepare": {"outs": [{"path": "data/prepared", "md5": "abc.dir"}]}}}
        write(paths.PARAMS, yaml.safe_dump({"lr": lr, "train": {"epochs": 5}}).encode())
        write(Path("dvc.lock"), yaml.safe_dump(lock).encode())
        write(paths.EXPORT_METRICS, json.dumps(export).encode())
        write(paths.EVALUATION_METRICS, json.dumps({"validation": {"images": 200}}).encode())
        write(paths.ONNX, model)
        if not in_cache:
            missing = {"outs": [{"md5": "0" * 32, "size": 9, "hash": "md5", "path": paths.ONNX.name}]}
            write(paths.ONNX.with_name(f"{paths.ONNX.name}.dvc"), yaml.safe_dump(missing).encode())
            paths.ONNX.unlink()
        git("add", "-A")
        git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "-m", branch)

    return make


EXPORT = {
    "deployed": "fp32",
    "fp32": {"validation_accuracy": 0.9, "validation_accuracy_ci95_low": 0.8, "validation_accuracy_ci95_high": 0.95},
}


def test_models_come_out_of_the_history_without_a_host(
    model: bytes, commit: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Repo() as repo, repo.config.edit() as config:
        config["remote"]["bucket"] = {"url": "s3://a-bucket/nobody/has/the/key/of"}
        config["core"] = {"remote": "bucket"}
    commit("first", 0.1, EXPORT)
    commit("second", 0.2, EXPORT)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = experiments.collect(("first", "second"), tmp_path)
    assert [(each.name, each.settings["lr"], each.accuracy, each.photos) for each in found] == [
        ("first", 0.1, 0.9, 200),
        ("second", 0.2, 0.9, 200),
    ]
    assert experiments.differences(found) == [{"lr": 0.1}, {"lr": 0.2}]
    assert found[0].file.read_bytes() == found[1].file.read_bytes() == model


def test_what_another_version_made_and_what_is_lost_are_left_out(
    commit: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(experiments, "info", said.append)
    commit("first", 0.1, EXPORT)
    commit("old", 0.2, {"accuracy": 0.9})
    commit("lost", 0.3, EXPORT, in_cache=False)
    with pytest.raises(ScraplineError, match=r"^1 finished run to compare, and it takes two"):
        experiments.collect(("first", "old", "lost"), tmp_path)
    assert said[0] == "old is left out: another version of this project made it"
    assert said[1].startswith("lost is left out, its model not being at hand: ")
    assert len(said) == 2


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("a host is asked")


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
