"""The picture of how fast the belt can go."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

_BLUE, _ORANGE, _RED, _GREY = "#0072B2", "#E69F00", "#c8432b", "#666666"


def capacity(path: Path, content: dict[str, Any]) -> None:
    """Draw, against the belt's speed, what is late or dropped, and the latency beside the deadline that shrinks."""
    curve = content["curve"]
    speed = [point["belt_m_per_s"] for point in curve]
    figure, (above, below) = plt.subplots(2, 1, figsize=(8, 6.4), sharex=True, layout="constrained")
    above.plot(speed, [100 * point["lost"] for point in curve], color=_RED, marker=".")
    above.set(
        ylabel="late or dropped (%)", ylim=(-2, None), title="How fast the belt can go, calculated of what was measured"
    )
    for name, colour in (("p50", _BLUE), ("p99", _ORANGE)):
        below.plot(
            speed, np.array([point[f"{name}_ms"] for point in curve], float), color=colour, marker=".", label=name
        )
    below.plot(speed, [point["deadline_ms"] for point in curve], color=_RED, linestyle="--", label="deadline")
    below.set_yscale("log")
    below.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    below.set(
        xlabel=f"belt (m/s); {_items_a_metre(content):.0f} items a second at 1 m/s", ylabel="arrival to decision (ms)"
    )
    for axes in (above, below):
        axes.axvline(content["configured"]["belt_m_per_s"], color=_GREY, linestyle=":", label="as configured")
        axes.axvline(content["fastest"]["belt_m_per_s"], color=_GREY, label="fastest")
    below.legend(fontsize=8)
    figure.savefig(path, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)


def _items_a_metre(content: dict[str, Any]) -> float:
    configured = content["configured"]
    return float(configured["items_per_s"] / configured["belt_m_per_s"])
