"""What is made of a benchmark's rounds; the engines themselves run in tests/pipeline/test_benchmark.py."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT
from scrapline.benchmark import report, rounds
from scrapline.benchmark.contenders import PEER, TITLES
from scrapline.benchmark.rounds import Measured
from scrapline.system.parallel import cores

KEPT = ROOT / "docs/benchmark"
OURS = "scrapline-int8"


def measured(factor: float) -> Measured:
    """Three rounds, the second on a machine half as fast, `factor` times the time that the usual loop takes."""
    found = Measured(test_accuracy=0.9)
    for slow in (1.0, 2.0, 1.0):
        found.rounds["end_to_end"].append([20 * slow * factor, 22 * slow * factor, 60 * slow * factor])
        found.rounds["decode"].append([2 * slow * factor] * 3)
        found.rounds["model"].append([18 * slow * factor] * 3)
        found.rounds["frames_per_s"].append(40 / slow / factor)
        found.rounds["frames_per_s_on_one_core"].append(25 / slow / factor)
    return found


def test_ratios_are_taken_round_by_round() -> None:
    found = rounds.figures({OURS: measured(0.2), PEER: measured(1.0)})
    for what in ("end_to_end", "model", "throughput"):
        assert found[OURS]["times_as_fast_as_the_peer_loop"][what] == {"median": 5.0, "lowest": 5.0, "highest": 5.0}
        assert found[PEER]["times_as_fast_as_the_peer_loop"][what]["median"] == 1.0
    assert found[PEER]["end_to_end_ms"]["p50"] == 40.0  # over all rounds together
    assert found[PEER]["end_to_end_ms"]["p99"] > found[PEER]["end_to_end_ms"]["p95"] > 60
    assert found[OURS]["frames_per_s"] == 200.0
    assert found[OURS]["share_of_ideal_throughput"] == pytest.approx(40 / 25 / cores(), abs=1e-3)


def test_a_round_that_differs_shows_in_the_spread() -> None:
    ours = measured(0.2)
    ours.rounds["frames_per_s"][1] *= 2
    spread = rounds.figures({OURS: ours, PEER: measured(1.0)})[OURS]["times_as_fast_as_the_peer_loop"]["throughput"]
    assert spread == {"median": 5.0, "lowest": 5.0, "highest": 10.0}


def content() -> dict[str, Any]:
    return {
        "machine": {"processor": "P", "cores": 2, "instructions": ["avx512_vnni"]},
        "network": {"arch": "resnet18", "input_size": 224},
        "rounds": 3,
        "frames_a_round": 3,
        "engines": rounds.figures({PEER: measured(1.0), OURS: measured(0.2)}),
    }


def test_the_table_has_the_fastest_first_and_the_usual_loop_last(tmp_path: Path) -> None:
    lines = report.markdown(content()).splitlines()
    assert "2 cores of P (avx512_vnni)" in lines[0]
    assert lines[4].startswith(f"| {TITLES[OURS]} |")
    assert "5.0x (5.0 to 5.0)" in lines[4]
    assert lines[-1].startswith(f"| {TITLES[PEER]} |")
    assert len({line.count("|") for line in lines[2:]}) == 1
    report.chart(content(), tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((KEPT / "benchmark.json").read_text(encoding="utf-8"))
    return found


def shown(page: Path, name: str) -> str:
    found = re.search(rf"<!-- {name}:begin .*?-->\n(.*?)\n<!-- {name}:end -->", page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1] + "\n"


def test_the_tables_in_the_documents_are_what_was_measured() -> None:
    assert (KEPT / "benchmark.md").read_text(encoding="utf-8") == report.markdown(kept())
    assert shown(ROOT / "README.md", "benchmark") == report.markdown(kept())


def test_what_was_measured_is_a_model_like_the_published_one() -> None:
    """Measured before the training changed, on a machine with 8-bit instructions: as right, but for a point."""
    published = json.loads((ROOT / "docs/trashnet/trashnet/export.json").read_text(encoding="utf-8"))
    found = kept()["engines"]
    for precision in ("int8", "fp32"):
        accuracy = found[f"scrapline-{precision}"]["test_accuracy"]
        assert accuracy == pytest.approx(published[precision]["test_accuracy"], abs=0.01)
    assert set(found) == set(TITLES)


def tried() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((KEPT / "tried.json").read_text(encoding="utf-8"))
    return found


def tried_table() -> str:
    lines = ["| tried | before | after | kept |", "|---|---:|---:|---|"]
    for row in tried():
        before, after = (f"{row[when]} {row['unit']}".strip() for when in ("before", "after"))
        lines.append(f"| {row['what']} | {before} | {after} | {row['kept']} |")
    return "\n".join(lines) + "\n"


def test_what_was_tried_is_on_record() -> None:
    assert shown(KEPT / "README.md", "tried") == tried_table()


def test_the_limit_follows_from_what_is_on_record() -> None:
    limits = json.loads((KEPT / "limits.json").read_text(encoding="utf-8"))
    page = " ".join((KEPT / "README.md").read_text(encoding="utf-8").split())
    network_ms = 1000 * limits["billion_multiplications_a_frame"] / limits["billion_a_second_int8"]
    most = limits["cores"] * 1000 / (network_ms + limits["decode_ms"])
    assert f"did {limits['billion_a_second_int8']} billion a second" in page
    assert f"makes {network_ms:.1f} ms a frame" in page
    assert f"with {limits['decode_ms']} ms of decoding no 8-bit engine can pass {most:.0f} frames/s" in page
    assert (
        f"({limits['first_convolution_ms']} ms where its matrix product would take {limits['its_matrix_product_ms']}"
        in page
    )
    assert f"does {limits['billion_a_second_fp32']} billion a second there, a quarter" in page
    assert f"PyTorch {limits['billion_a_second_pytorch']}." in page
    assert f"probabilities by {limits['change_by_one_grey_level']} on average" in page
    if kept()["machine"]["processor"] == limits["processor"]:
        assert all(figures["frames_per_s"] <= most for figures in kept()["engines"].values())
    else:
        assert f"of {limits['processor']}" in page
        assert "the table above is of another, on which it was not measured" in page
