"""The pictures of a run: what the belt carried and where it went, and how long each decision took."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

mpl.use("Agg")

from matplotlib import pyplot as plt

from scrapline.data import imaging
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.data.imaging import Preprocessing
from scrapline.line.conveyor import Result
from scrapline.line.sorter import Action

BELT_ITEMS = 24
_FRAMES = {Action.SORT: "#3a9d5d", Action.REVIEW: "#e0a526"}
_WRONG, _LOST = "#c8432b", "#666666"


def belt(path: Path, results: Sequence[Result], frames: Path, preprocessing: Preprocessing) -> None:
    """Draw the first items with their decision: green into the right bin, red into a wrong one, amber to a person."""
    thumbs = [_thumb(result, frames, preprocessing) for result in results[:BELT_ITEMS]]
    title = f"The first {len(thumbs)} items: green sorted right, red sorted wrong, amber to manual review, grey lost"
    contact_sheet(title, thumbs).save(path)


def latency(path: Path, latency_ms: Sequence[float], deadline_ms: float) -> None:
    """Draw the distribution of the time from picture to decision, with its percentiles and the deadline."""
    values = np.array(latency_ms) if len(latency_ms) else np.zeros(1)
    figure, axes = plt.subplots(figsize=(6.5, 3.2))
    axes.hist(values, bins=40, color="#2f6f9f")
    for percent, style in ((50, "-"), (95, "--"), (99, ":")):
        level = float(np.percentile(values, percent))
        axes.axvline(level, color="#d9822b", linestyle=style, label=f"p{percent} {level:.1f} ms")
    if deadline_ms <= 1.5 * float(values.max()):
        axes.axvline(deadline_ms, color="#c8432b", label=f"deadline {deadline_ms:.0f} ms")
    axes.set(xlabel="picture to decision (ms)", ylabel="items", title=f"Latency, deadline {deadline_ms:.0f} ms")
    axes.legend()
    figure.savefig(path, dpi=110, bbox_inches="tight", metadata={"Software": None})
    plt.close(figure)


def _thumb(result: Result, frames: Path, preprocessing: Preprocessing) -> Thumb:
    try:
        data = (frames / result.frame).read_bytes()
        bits = preprocessing.undeclared_bits
        image = imaging.decode(data, preprocessing.max_side, undeclared_bits=bits).image
    except (OSError, imaging.ImageError):
        image = Image.new("RGB", (128, 96), _LOST)
    c, action = result.classification, result.decision.action
    said = f"{c.predicted_class} {c.confidence:.0%}" if c else str(action)
    wrong = action is Action.SORT and result.decision.bin != result.true_class
    frame = _WRONG if wrong else _FRAMES.get(action, _LOST)
    return Thumb(image, (said, f"truth: {result.true_class}"), frame)
