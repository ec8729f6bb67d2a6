"""Figures in docs/guarantees.md, against the tests and records they speak of."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from fuzz import fuzz_imaging, test_fuzz
from pipeline import bad_files, bad_input_cases, rebuilds

RECORDS = ROOT / "docs/guarantees"
PAGE = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
CORPUS = Path(fuzz_imaging.__file__).parent / "corpus"
STAGES = ("prepare", "train", "evaluate", "export", "simulate")


def table(rows: list[list[str]], align: str) -> str:
    rule = ["---:" if letter == "r" else "---" for letter in align]
    return "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], rule, *rows[1:]])


def shown(name: str) -> str:
    found = re.search(rf"<!-- {name}:begin .*?-->\n(.*?)\n?<!-- {name}:end -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def kills() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDS / "kills.jsonl").read_text().splitlines()]


def kills_table() -> str:
    signals = ("SIGKILL", "SIGINT", "SIGTERM")
    rows = [["kills survived, of them while it ran", *signals]]
    for stage in STAGES:
        found = {row["signal"]: row for row in kills() if row["stage"] == stage}
        rows.append([stage, *(f"{found[name]['kills']}, {found[name]['running']}" for name in signals)])
    return table(rows, "lrrr")


def machines_table() -> str:
    rows = [["the demo on", "trained in", "photos to train, validate, test", "test accuracy", "95 % interval"]]
    for machine in json.loads((RECORDS / "machines.json").read_text()):
        test = machine["test"]
        low, high = (f"{test[f'accuracy_ci95_{end}'] * 100:.1f} %" for end in ("low", "high"))
        counts = ", ".join(str(machine["splits"][split]) for split in ("train", "val", "test"))
        rows.append(
            [machine["processor"], machine["precision"], counts, f"{test['accuracy'] * 100:.1f} %", f"{low} to {high}"]
        )
    return table(rows, "lllrl")


def test_the_kills_are_those_on_record() -> None:
    assert shown("kills") == kills_table()


def test_how_often_dvc_cut_its_lock_is_on_record() -> None:
    found = re.search(r"Of the (\d+) kills above, (\d+) did that", " ".join(PAGE.split()))
    assert found is not None
    assert int(found[1]) == sum(row["kills"] for row in kills())
    assert int(found[2]) == sum(row["cut_locks"] for row in kills())


def test_every_stage_was_killed_twenty_times_by_every_signal() -> None:
    assert {(row["stage"], row["signal"]) for row in kills()} == {
        (stage, name) for stage in STAGES for name in ("SIGKILL", "SIGINT", "SIGTERM")
    }
    assert all(row["running"] >= 20 for row in kills())


def test_the_machines_are_those_on_record_and_agree_within_the_interval() -> None:
    assert shown("machines") == machines_table()
    machines = json.loads((RECORDS / "machines.json").read_text())
    for one in machines:
        for other in machines:
            low, high = (one["test"][f"accuracy_ci95_{end}"] for end in ("low", "high"))
            assert low <= other["test"]["accuracy"] <= high


@pytest.mark.parametrize(
    ("said", "number"),
    [
        (r"(\d+) changes, each made:", sum(map(len, rebuilds.TABLES.values()))),
        (r"(\d+) mistakes", len(bad_input_cases.CASES)),
        (r"(\d+) odd image files", len(bad_files.odd_images())),
        (r"(\d+) small files", len(list(CORPUS.iterdir()))),
        (r"(\d+) files that a fuzzer makes", test_fuzz.RUNS),
    ],
)
def test_numbers_are_those_of_the_tests(said: str, number: int) -> None:
    found = re.search(said, PAGE)
    assert found is not None
    assert int(found[1]) == number


def test_every_test_named_exists() -> None:
    for name in re.findall(r"`((?:unit|pipeline|fuzz)/[^`]*)`", PAGE):
        assert (ROOT / "tests" / name).exists(), name


def test_links_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^#)]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link


@pytest.mark.parametrize("row", [row for row in PAGE.splitlines() if re.match(r"\| .*`(unit|pipeline|fuzz)/", row)])
def test_what_waits_for_the_night_is_said(row: str) -> None:
    named = [ROOT / "tests" / name for name in re.findall(r"`((?:unit|pipeline|fuzz)/[^`]*)`", row)]
    files = [file for path in named for file in (path.rglob("test_*.py") if path.is_dir() else [path])]
    waits = any(re.search(r"mark\.(slow|full_size)\b", file.read_text(encoding="utf-8")) for file in files)
    assert waits == ("*nightly*" in row)
