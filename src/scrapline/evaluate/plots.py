"""The pictures of an evaluation."""

from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from scrapline.data import lettering

Bins = list[tuple[float, float, int]]

_BLUE, _ORANGE, _GREY = "#2f6f9f", "#d9822b", "#888888"


def confusion_matrix(path: Path, counts: npt.NDArray[np.int64], classes: list[str], title: str) -> None:
    """Draw counts [C, C], coloured by the share of each true class."""
    labels = [lettering.for_chart(name) for name in classes]
    with mpl.rc_context(lettering.chart_style(classes)):
        _draw_confusion(path, counts, labels, title)


def _draw_confusion(path: Path, counts: npt.NDArray[np.int64], labels: list[str], title: str) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(4.5, 0.75 * len(labels) + 2)
    figure, axes = plt.subplots(figsize=(side, side))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), number in np.ndenumerate(counts):
        if number:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(number), ha="center", va="center", color=colour)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    _save(figure, path)


def reliability(path: Path, before: Bins, after: Bins, ece: tuple[float, float]) -> None:
    """Draw accuracy against confidence, before and after the temperature."""
    figure, axes = plt.subplots(figsize=(5, 4.5))
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle=":", label="as sure as right")
    for bins, colour, label, error in ((before, _ORANGE, "before", ece[0]), (after, _BLUE, "after", ece[1])):
        confidence, accuracy, images = zip(*bins, strict=True)
        axes.plot(confidence, accuracy, color=colour, label=f"{label} temperature, ECE {error:.3f}")
        axes.scatter(confidence, accuracy, s=8 + 0.8 * np.array(images), color=colour, alpha=0.6)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="accuracy", title="Reliability (test)")
    axes.legend(loc="lower right")
    _save(figure, path)


def purity(path: Path, rows: list[tuple[str, float | None, float | None]], target: float) -> None:
    """Draw purity and recovery of each class's bin (name, purity, recovery) beside the target."""
    with mpl.rc_context(lettering.chart_style(row[0] for row in rows)):
        _draw_purity(path, [(lettering.for_chart(name), pure, recovered) for name, pure, recovered in rows], target)


def _draw_purity(path: Path, rows: list[tuple[str, float | None, float | None]], target: float) -> None:
    figure, axes = plt.subplots(figsize=(max(5.0, 1.0 * len(rows) + 1.5), 4))
    at = np.arange(len(rows))
    axes.bar(at - 0.2, [row[1] or 0 for row in rows], 0.38, color=_BLUE, label="purity of the bin")
    axes.bar(at + 0.2, [row[2] or 0 for row in rows], 0.38, color=_ORANGE, label="recovery of the material")
    axes.axhline(target, color=_GREY, linestyle="--", label=f"target purity {target:.0%}")
    axes.set_xticks(at, [row[0] for row in rows], rotation=30, ha="right")
    axes.set(ylim=(0, 1.02), title="Bins at the chosen thresholds (test)")
    axes.legend(loc="lower right", fontsize=8)
    _save(figure, path)


def slices(path: Path, found: dict[str, Any]) -> None:
    """Draw each slice's accuracy with its interval, grouped by what it goes by; those worse for certain in orange."""
    with mpl.rc_context(lettering.chart_style(row["slice"] for row in found["slices"])):
        _draw_slices(path, found["slices"], found["accuracy"])


def _draw_slices(path: Path, table: list[dict[str, Any]], accuracy: float) -> None:
    figure, axes = plt.subplots(figsize=(7, 0.28 * len(table) + 1.6))
    labels, at, place = [], [], 0.0
    axes.axvline(accuracy, color=_GREY, linestyle=":")
    for by, rows in groupby(table, key=lambda row: row["by"]):
        for row in rows:
            colour = _ORANGE if row["worse"] else _BLUE
            axes.plot([row["ci95_low"], row["ci95_high"]], [place, place], color=colour, linewidth=2, alpha=0.5)
            axes.plot(row["accuracy"], place, "o", color=colour, markersize=5)
            labels.append(f"{by}: {lettering.for_chart(row['slice'])}  ({row['photos']})")
            at.append(place)
            place += 1
        place += 0.6
    axes.set_yticks(at, labels, fontsize=8)
    axes.invert_yaxis()
    axes.set(
        xlabel="accuracy, with 95 % interval (photos in brackets)",
        title=f"Validation and test by slice; all together {accuracy:.1%}",
    )
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def learning_curves(path: Path, history: pd.DataFrame) -> None:
    """Draw loss and accuracy of history.csv by epoch."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6))
    for panel, what in zip(axes, ("loss", "accuracy"), strict=True):
        for split, colour in (("train", _ORANGE), ("validation", _BLUE)):
            panel.plot(history["epoch"], history[f"{split}_{what}"], color=colour, marker=".", label=split)
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        panel.set(xlabel="epoch", title=what.capitalize())
    axes[0].legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)
