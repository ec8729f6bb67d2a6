"""Whatever a user gets wrong is one line that names culprit and remedy, exit code 1, and nothing is lost."""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from conftest import CLASSES, ROOT
from pipeline import bad_files
from pipeline.bad_files import Odd
from pipeline.bad_input_cases import CASES, Case
from pipeline.conftest import HANGS_S, shrink

OLD = ("data/prepared/old.txt", "data/test_frames/old.txt", "models/pretrained/old.txt", "models/trained_model.pth")
OLD += (
    "models/converted_model.onnx",
    "results/preparation/report.json",
    "results/training/old.txt",
    "performance_report.md",
)
OLD += ("results/evaluation/old.txt", "results/export/old.txt", "results/simulation/old.txt")
MB = 1024  # of ru_maxrss
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def run_script(command: str, work: Path, *python: str, **environment: str) -> subprocess.CompletedProcess[str]:
    script, *arguments = shlex.split(command)
    own = {"XDG_CACHE_HOME": str(work.parent / "home"), "CUDA_VISIBLE_DEVICES": "", "NO_PROXY": "*"}
    return subprocess.run(
        [*(python or [sys.executable]), str(ROOT / "src" / script), *arguments],
        cwd=work,
        env=os.environ | own | environment,
        capture_output=True,
        text=True,
        timeout=HANGS_S,
    )


def content(work: Path) -> dict[str, bytes | None]:
    """Every file with its bytes, and every folder."""
    return {str(path.relative_to(work)): path.read_bytes() if path.is_file() else None for path in work.rglob("*")}


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., Path]) -> Path:
    """A folder in which all is well, with outs that a stage would replace."""
    work = tmp_path_factory.mktemp("good")
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    shrink(params)
    params["data"]["source"] = "data/raw"
    (work / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    photos(work / "data/raw")
    for name in OLD:
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("old")
    (work / "data/prepared/classes.json").write_text(json.dumps(CLASSES))
    return work


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_wrong_is_one_line_with_its_remedy_and_nothing_is_lost(
    case: Case, good: Path, tmp_path: Path, warm_python: Path
) -> None:
    work = tmp_path / "work"
    shutil.copytree(good, work)
    case.break_it(work)
    before = content(work)
    python = case.python or (str(warm_python / "python"),)
    done = run_script(case.command, work, *python, **dict(case.environment))
    assert done.returncode == 1, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert errors == done.stderr.splitlines()[-1:]
    assert case.culprit in errors[0]
    assert case.remedy in errors[0]
    assert content(work) == before


def test_classes_with_spaces_and_of_any_script_are_prepared(good: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(good, work)
    (work / "data/raw/blue").rename(work / "data/raw/clear glass")
    (work / "data/raw/red").rename(work / "data/raw/métal 金属")
    done = run_script("data_preparation.py prepare", work)
    assert done.returncode == 0, done.stderr[-2000:]
    assert {row["class"] for row in rows(work / "data/prepared/manifest.csv")} == {"clear glass", "métal 金属"}
    assert {path.name for path in (work / "data/test_frames").glob("[!.]*")} == {"clear glass", "métal 金属"}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@dataclass(frozen=True)
class Prepared:
    """What one `prepare` made of all odd images."""

    done: subprocess.CompletedProcess[str]
    kept: dict[str, tuple[int, int]]
    quarantined: dict[str, tuple[str, str]]


@pytest.fixture(scope="module")
def odd_work(good: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The odd images in the class `blue`, among good ones."""
    work = tmp_path_factory.mktemp("odd") / "work"
    shutil.copytree(good, work)
    for odd in bad_files.odd_images():
        (work / "data/raw/blue" / odd.name).write_bytes(odd.data)
    return work


@pytest.fixture(scope="module")
def prepared(odd_work: Path) -> Prepared:
    done = run_script("data_preparation.py prepare", odd_work, sys.executable, "-c", MEASURED, sys.executable)
    manifest = rows(odd_work / "data/prepared/manifest.csv")
    quarantine = rows(odd_work / "results/preparation/quarantine.csv")
    return Prepared(
        done,
        {row["source_path"]: (int(row["width"]), int(row["height"])) for row in manifest},
        {row["source_path"]: (row["reason"], row["detail"]) for row in quarantine},
    )


def test_odd_images_stop_no_run_and_take_little_memory(prepared: Prepared) -> None:
    assert prepared.done.returncode == 0
    assert int(prepared.done.stdout.splitlines()[-1]) < 600 * MB
    assert len(prepared.kept) + len(prepared.quarantined) == 24 + len(bad_files.odd_images())


@pytest.mark.parametrize("odd", bad_files.odd_images(), ids=lambda odd: odd.name)
def test_an_odd_image_is_kept_whole_or_quarantined_with_its_reason(odd: Odd, prepared: Prepared) -> None:
    path = f"blue/{odd.name}"
    assert prepared.kept.get(path) == odd.size
    if odd.size is None:
        reason, detail = prepared.quarantined[path]
        assert reason == odd.reason
        assert odd.detail in detail
