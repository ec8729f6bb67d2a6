"""What a benchmark found, as JSON, as a table in Markdown and on the console, and as a bar chart."""

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import matplotlib as mpl
from rich.table import Table

mpl.use("Agg")

from matplotlib import pyplot as plt

from scrapline.benchmark.contenders import PEER, TITLES
from scrapline.cli import tables
from scrapline.data import lettering
from scrapline.runtime.engine import Engine
from scrapline.system import machine

_PACKAGES = ("onnxruntime", "openvino", "torch", "torchvision", "pillow", "simplejpeg", "opencv-python-headless")
_OURS, _OTHERS = "#3a9d5d", "#8a8f98"
_HEADINGS = ("engine", "bytes to decision p50 / p95 / p99", "model only p50", "frames/s", "end to end", "throughput")


def content(engines: dict[str, Any], engine: Engine, frames: int, rounds: int, number: int) -> dict[str, Any]:
    """The benchmark's JSON: the machine, what was measured, and each engine's figures."""
    names = [name for name in _PACKAGES if name != "openvino" or any("openvino" in key for key in engines)]
    return {
        "machine": machine.describe(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in names},
        "network": {
            "arch": engine.metadata.arch,
            "input_size": engine.preprocessing.input_size,
            "weights": engine.metadata.started_from,
            "checkpoint_sha256": engine.metadata.checkpoint_sha256,
        },
        "frames": frames,
        "rounds": rounds,
        "frames_a_round": number,
        "engines": engines,
    }


def rows(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """The table's cells, a row an engine; the last two columns are ratios to the usual loop."""
    return [
        (TITLES[name], *_cells(figures), f"{100 * figures['test_accuracy']:.1f} %") for name, figures in _sorted(found)
    ]


def markdown(found: dict[str, Any]) -> str:
    """The table as the README and docs/benchmark/ show it, the machine above it."""
    about = found["machine"]
    lines = [
        f"{found['network']['arch']} at {found['network']['input_size']} pixels; {about['cores']} cores of "
        f"{about['processor']} ({', '.join(about['instructions'])}); {found['rounds']} rounds of "
        f"{found['frames_a_round']} frames, engines in turn. Milliseconds; ratios to the last row, with "
        "their lowest and highest round.",
        "",
        f"| {' | '.join((*_HEADINGS, 'test accuracy'))} |",
        "|---|" + "---:|" * len(_HEADINGS),
        *(f"| {' | '.join(cells)} |" for cells in rows(found)),
    ]
    return "\n".join(lines) + "\n"


def show(found: dict[str, Any]) -> None:
    """Print the table on stdout."""
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate((*_HEADINGS, "test accuracy")):
        table.add_column(heading, justify="left" if number == 0 else "right")
    for cells in rows(found):
        table.add_row(*cells)
    tables.show(table)


def chart(found: dict[str, Any], path: Path) -> None:
    """Draw bytes to decision (p50) and frames a second, ours in green."""
    with mpl.rc_context(lettering.chart_style([found["network"]["arch"], found["machine"]["processor"]])):
        _draw_chart(found, path)


def _draw_chart(found: dict[str, Any], path: Path) -> None:
    engines = _sorted(found)[::-1]
    titles = [TITLES[name].split(":")[0] for name, _ in engines]
    colours = [_OURS if name.startswith("scrapline") else _OTHERS for name, _ in engines]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
    for axes, values, label, digits in (
        (left, [f["end_to_end_ms"]["p50"] for _, f in engines], "ms from bytes to decision, p50 (less is better)", 1),
        (right, [f["frames_per_s"] for _, f in engines], "frames/s, a worker a core (more is better)", 0),
    ):
        bars = axes.barh(titles, values, color=colours)
        axes.bar_label(bars, labels=[f"{value:.{digits}f}" for value in values], padding=3)
        axes.set_xlabel(label)
        axes.margins(x=0.15)
        axes.spines[["top", "right"]].set_visible(False)
    about = found["machine"]
    figure.suptitle(f"{found['network']['arch']}, {about['cores']} cores of {about['processor']}", fontsize=10)
    figure.tight_layout()
    figure.savefig(path, format="png", dpi=120, metadata={"Software": None})
    plt.close(figure)


def _sorted(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The fastest first, the usual loop last."""
    return sorted(found["engines"].items(), key=lambda item: (item[0] == PEER, item[1]["end_to_end_ms"]["p50"]))


def _cells(figures: dict[str, Any]) -> tuple[str, ...]:
    latency, ratios = figures["end_to_end_ms"], figures["times_as_fast_as_the_peer_loop"]
    return (
        f"{latency['p50']:.1f} / {latency['p95']:.1f} / {latency['p99']:.1f}",
        f"{figures['model_ms']['p50']:.1f}",
        f"{figures['frames_per_s']:.0f}",
        _ratio(ratios["end_to_end"]),
        _ratio(ratios["throughput"]),
    )


def _ratio(spread: dict[str, float]) -> str:
    return f"{spread['median']:.1f}x ({spread['lowest']:.1f} to {spread['highest']:.1f})"
