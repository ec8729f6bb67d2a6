"""The pictures of a run: what the belt carried, and how the line kept up with it and sorted it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from scrapline.data import imaging, lettering
from scrapline.data.class_names import RESIDUE, REVIEW
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.line.feeds.frame import Frame
from scrapline.line.figures import Figures
from scrapline.line.states import State
from scrapline.runtime.engine import Engine

_RIGHT, _UNSURE, _WRONG, _LOST = "#3a9d5d", "#e0a526", "#c8432b", "#666666"
_OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#000000")
_MOST_NAMED = 24
_BLUE, _ORANGE = "#2f6f9f", "#d9822b"
_STATES = {
    State.SORT: _RIGHT,
    State.REVIEW: _UNSURE,
    State.UNKNOWN: "#8a63a6",
    State.OVERLAP: "#b9c2c8",
    State.LATE: _WRONG,
    State.DROPPED: "#7d2a1a",
    State.UNREADABLE: "#222222",
}


def belt(path: Path, frames: Sequence[Frame], engine: Engine, *, first: int = 0) -> None:
    """Draw frames, item `first` and the next, with what the model says of each.

    Green is sorted rightly, red wrongly, amber goes to a person; where nobody knows what a frame shows, what is sorted
    is blue.
    """
    thumbs = [_thumb(frame, engine) for frame in frames]
    known = any(frame.true_class for frame in frames)
    colours = "green sorted right, red sorted wrong" if known else "blue sorted"
    which = f"The first {len(thumbs)} items" if first == 0 else f"Items {first + 1} to {first + len(thumbs)}"
    title = f"{which}: {colours}, amber to manual review, grey not to be read"
    contact_sheet(title, thumbs).save(path, "PNG")


def line(path: Path, metrics: dict[str, Any], figures: Figures, thresholds: dict[str, float]) -> None:
    """Draw latency over time against the deadline, what became of the items and how busy the workers were; of a feed
    whose classes are known also what the bins hold and how purity and recovery move with the threshold.
    """
    known = metrics["bins"] is not None
    with mpl.rc_context(lettering.chart_style(figures.classes)):
        figure = plt.figure(figsize=(11, 9.6 if known else 5.6), layout="constrained")
        grid = figure.add_gridspec(3 if known else 2, 2, height_ratios=(3.4, 1.8, 4) if known else (3.4, 1.8))
        above = figure.add_subplot(grid[0, :])
        _latencies(above, metrics)
        _states(figure.add_subplot(grid[1, :], sharex=above), metrics)
        if known:
            _contents(figure.add_subplot(grid[2, 0]), figures)
            _thresholds(figure.add_subplot(grid[2, 1]), figures, thresholds)
            materials = _materials(figures)[:_MOST_NAMED]
            named = [Patch(color=_colour(materials, name), label=lettering.for_chart(name)) for name in materials]
            figure.legend(handles=named, loc="outside lower center", ncols=8, fontsize=8)
        figure.savefig(path, format="png", dpi=110, metadata={"Software": None})
        plt.close(figure)


def _thumb(frame: Frame, engine: Engine) -> Thumb:
    truth = (f"truth: {frame.true_class}",) if frame.true_class else ()
    try:
        pixels = engine.preprocess(frame.data)
        image = _whole(frame, engine)
    except imaging.ImageError:
        return Thumb(Image.new("RGB", (128, 96), _LOST), ("unreadable", *truth), _LOST)
    try:
        c = engine.decide(engine.infer(pixels[None])[0][0])
    except Exception:  # whatever the engine fails with; the run has told of it
        return Thumb(image, ("the model failed", *truth), _LOST)
    sorted_ = _BLUE if not frame.true_class else _RIGHT if c.predicted_class == frame.true_class else _WRONG
    return Thumb(image, (f"{c.predicted_class} {c.confidence:.0%}", *truth), _UNSURE if c.low_confidence else sorted_)


def _whole(frame: Frame, engine: Engine) -> Image.Image:
    if isinstance(frame.data, bytes):
        made = engine.preprocessing
        return imaging.decode(frame.data, made.max_side, undeclared_bits=made.undeclared_bits).image
    return Image.fromarray(frame.data)


def _latencies(axes: Axes, metrics: dict[str, Any]) -> None:
    found = metrics["over_time"]
    for key, label, colour, style in (
        ("p50", "p50", _BLUE, "-"),
        ("p99", "p99", _ORANGE, "-"),
        ("p100", "longest", _LOST, ":"),
    ):
        times = np.array(found["latency_ms"]["total"][key], float)
        axes.plot(_middles(found), times, style, color=colour, marker=".", markersize=3, label=label)
    deadline_ms = metrics["deadline_ms"]
    axes.axhline(deadline_ms, color=_WRONG, linestyle="--", label=f"deadline {deadline_ms:.0f} ms")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    shortest_ms = min((ms for ms in found["latency_ms"]["total"]["p50"] if ms), default=1.0)
    axes.set(ylim=(min(shortest_ms, deadline_ms) / 2, 2 * deadline_ms), ylabel="arrival to decision (ms)")
    axes.tick_params(labelbottom=False)
    axes.set_title(f"Latency over time, slices of {found['slice_s']:g} s")
    axes.legend(loc="upper right", ncols=4, fontsize=8)


def _states(axes: Axes, metrics: dict[str, Any]) -> None:
    """Stacked shares of what became of the items; the workers' utilisation as a line."""
    found = metrics["over_time"]
    bottom = np.zeros(len(found["items"]))
    for state, colour in _STATES.items():
        shares = 100 * np.array(found["states"][state]) / np.maximum(1, found["items"])
        if shares.any():
            axes.bar(_middles(found), shares, found["slice_s"], bottom=bottom, color=colour, alpha=0.6, label=state)
        bottom += shares
    busy = 100 * np.array(found["utilisation"], float)
    axes.plot(_middles(found), busy, color="black", marker=".", markersize=3, label="workers busy")
    axes.set(ylim=(0, 105), xlabel="seconds", ylabel="of the items (%)")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1.04), fontsize=8)


def _middles(over_time: dict[str, Any]) -> list[float]:
    """The middle of each slice, in seconds."""
    return [(number + 0.5) * over_time["slice_s"] for number in range(len(over_time["items"]))]


def _contents(axes: Axes, figures: Figures) -> None:
    """Stacked bars: what each bin holds, by true class."""
    bins = [*figures.classes, REVIEW, RESIDUE]
    materials = _materials(figures)
    bottom = np.zeros(len(bins))
    for material in materials:
        held = np.array([figures.contents[name, material] for name in bins])
        axes.bar(np.arange(len(bins)), held, bottom=bottom, color=_colour(materials, material))
        bottom += held
    axes.set_xticks(np.arange(len(bins)), [lettering.for_chart(name) for name in bins], rotation=35, ha="right")
    axes.set(ylabel="items", title="What is in each bin, by what it really was")


def _thresholds(axes: Axes, figures: Figures, thresholds: dict[str, float]) -> None:
    """Each bin's purity against the share of its answers that it takes, as the threshold moves; the chosen point."""
    materials = _materials(figures)
    levels = figures.answers.shape[2] - 1
    for number, name in enumerate(figures.classes):
        wrong, right = figures.answers[number, :, ::-1].cumsum(axis=1)
        answers = wrong + right
        if answers[-1] == 0:
            continue
        some = answers > 0
        taken, pure = right[some] / max(1, figures.came(name)), right[some] / answers[some]
        axes.plot(taken, pure, color=_colour(materials, name), linewidth=1.2)
        at = levels - int(np.ceil(thresholds[name] * levels))
        if 0 <= at <= levels and answers[at]:
            point = right[at] / max(1, figures.came(name)), right[at] / answers[at]
            axes.plot(*point, "o", color=_colour(materials, name), markersize=6)
    axes.set(xlim=(0, 1.02), ylim=(0.5, 1.02), xlabel="recovery of the material", ylabel="purity of the bin")
    axes.set_title("As the threshold moves; dots: as chosen")


def _materials(figures: Figures) -> list[str]:
    """The model's classes, then what else came by."""
    return [*figures.classes, *sorted({material for _, material in figures.contents} - {*figures.classes})]


def _colour(materials: list[str], name: str) -> Any:
    """Of Okabe and Ito's palette, which the colour-blind can tell apart, as far as it goes."""
    number = materials.index(name)
    return _OKABE_ITO[number] if number < len(_OKABE_ITO) else plt.get_cmap("tab20")(number % 20)
