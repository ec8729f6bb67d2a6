"""What the models trade, as JSON, as a table in Markdown and on the console, and as a plot."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from rich.table import Table
from rich.text import Text

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from scrapline.benchmark.rounds import Measured, levels
from scrapline.cli import tables
from scrapline.data import lettering
from scrapline.report.markdown import cell
from scrapline.studies.tradeoff.experiments import Experiment, differences
from scrapline.system import machine

_HEADINGS = (
    "model",
    "what differs",
    "validation accuracy (95 % interval)",
    "frames/s (of rounds)",
    "ms, p50",
    "MB",
    "",
)
_GREEN, _GREY = "#3a9d5d", "#8a8f98"


def content(found: Sequence[Experiment], measured: dict[str, Measured], frames: int, rounds: int) -> dict[str, Any]:
    """The JSON: the machine and a line a model, the fastest first.

    `best` are those of which none, validated on the same photos, has both figures at least as good and one better.
    """
    lines = []
    for each, differs in zip(found, differences(found), strict=True):
        speed, rates = levels(measured[each.name]), measured[each.name].level("frames_per_s")
        lines.append(
            {
                "name": each.name,
                "differs": differs,
                "precision": each.precision,
                "validation_accuracy": each.accuracy,
                "ci95_low": each.interval.low,
                "ci95_high": each.interval.high,
                "photos": each.photos,
                "data": each.data,
                "frames_per_s": speed["frames_per_s"],
                "frames_per_s_of_rounds": [round(min(rates), 1), round(max(rates), 1)],
                "end_to_end_ms": speed["end_to_end_ms"],
                "size_mb": round(each.file.stat().st_size / 1e6, 2),
            }
        )
    lines.sort(key=lambda line: (-line["frames_per_s"], line["name"]))
    for line in lines:
        line["best"] = not any(_beats(other, line) for other in lines)
    return {"machine": machine.describe(), "frames": frames, "rounds": rounds, "models": lines}


def _beats(other: dict[str, Any], line: dict[str, Any]) -> bool:
    pairs = [(other[key], line[key]) for key in ("validation_accuracy", "frames_per_s")]
    return other["data"] == line["data"] and all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def markdown(content: dict[str, Any]) -> str:
    """The table, with the machine above it."""
    about = content["machine"]
    photos = sorted({line["photos"] for line in content["models"]})
    alike = len({line["data"] for line in content["models"]}) == 1
    mixed = "" if alike else ", not the same for all: only models of the same photos can be compared"
    lines = [
        f"{' or '.join(map(str, photos))} validation photos{mixed}; {about['cores']} cores of {about['processor']} "
        f"({', '.join(about['instructions'])}); {content['rounds']} rounds, models in turn.",
        "",
        f"| {' | '.join(_HEADINGS)} |",
        "|---|---|---:|---:|---:|---:|---|",
        *(f"| {' | '.join(cell(text) for text in _cells(line))} |" for line in content["models"]),
    ]
    return "\n".join(lines) + "\n"


def show(content: dict[str, Any]) -> None:
    """Print the table on stdout."""
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(_HEADINGS):
        table.add_column(heading, justify="right" if 2 <= number <= 5 else "left")
    for line in content["models"]:
        table.add_row(*map(Text, _cells(line)))
    tables.show(table)


def plot(content: dict[str, Any], path: Path) -> None:
    """Draw accuracy, with its interval, against frames a second; the best of each speed in green, joined."""
    names = [text for line in content["models"] for text in (line["name"], *map(str, line["differs"].values()))]
    with mpl.rc_context(lettering.chart_style(names)):
        figure, axes = plt.subplots(figsize=(9, 5.5))
        front = [line for line in content["models"] if line["best"]]
        axes.plot(
            [line["frames_per_s"] for line in front], [line["validation_accuracy"] for line in front], color=_GREEN
        )
        for line in content["models"]:
            at, accuracy = line["frames_per_s"], line["validation_accuracy"]
            colour = _GREEN if line["best"] else _GREY
            axes.plot([at, at], [line["ci95_low"], line["ci95_high"]], color=colour, alpha=0.3, linewidth=3)
            axes.plot(at, accuracy, "o", color=colour)
            values = ", ".join(map(str, line["differs"].values()))
            label = "\n".join(lettering.for_chart(text) for text in (line["name"], values))
            axes.annotate(label, (at, accuracy), xytext=(6, 4), textcoords="offset points", fontsize=7)
        axes.margins(x=0.15)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:.0f}")
        axes.xaxis.set_minor_formatter("{x:.0f}")
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.grid(alpha=0.3)
        about = content["machine"]
        axes.set(
            xlabel=f"frames/s on {about['cores']} cores of {about['processor']}",
            ylabel="validation accuracy (95 % interval)",
            title="Accuracy against speed; green: by these figures, none is faster and as accurate",
        )
        figure.savefig(path, format="png", dpi=120, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    low, high = (f"{100 * line[key]:.1f}" for key in ("ci95_low", "ci95_high"))
    slowest, fastest = line["frames_per_s_of_rounds"]
    return (
        line["name"],
        ", ".join(f"{name} {value}" for name, value in line["differs"].items()),
        f"{100 * line['validation_accuracy']:.1f} % ({low} to {high})",
        f"{line['frames_per_s']:.0f} ({slowest:.0f} to {fastest:.0f})",
        f"{line['end_to_end_ms']['p50']:.1f}",
        f"{line['size_mb']:.1f}",
        "best of its speed" if line["best"] else "",
    )
