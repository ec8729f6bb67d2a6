"""What the picture of a run shows, read off its axes."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from scrapline.line.figures import Figures
from scrapline.line.row import Row
from scrapline.line.states import State
from scrapline.report import plots
from unit.line.rows import late, row


def figures(*rows: Row) -> Figures:
    made = Figures(["glass", "metal"], 100.0)
    for one in rows:
        made.add(one)
    return made


def test_the_shares_of_all_states_fill_each_second_and_the_workers_are_a_line() -> None:
    """One item of each state in the first second, nothing in the next, one sorted in the third."""
    not_sorted = [late(number, action=state) for number, state in enumerate(State) if state is not State.SORT]
    made = figures(*not_sorted, row(50), row(200))
    made.worked(2.5, 0.2)
    axes = Figure().add_subplot()
    plots._states(axes, made.metrics())
    heights = np.array([[bar.get_height() for bar in bars] for bars in axes.containers])
    assert heights.sum(axis=0) == pytest.approx([100, 0, 100])
    assert sorted(bars.get_label() for bars in axes.containers) == sorted(State)
    assert heights[:, 0] == pytest.approx(100 / 7)
    (busy,) = axes.get_lines()
    assert busy.get_xdata() == pytest.approx([0.5, 1.5, 2.5])
    assert busy.get_ydata() == pytest.approx([np.nan, np.nan, 40], nan_ok=True)


@pytest.mark.parametrize("rows", [(), (late(0),), (row(0),)], ids=["no item", "none decided", "one"])
def test_a_run_of_next_to_nothing_is_drawn(tmp_path: Path, rows: tuple[Row, ...]) -> None:
    made = figures(*rows)
    plots.line(tmp_path / "line.png", made.metrics(), made, {"glass": 0.5, "metal": 0.5})
    assert (tmp_path / "line.png").read_bytes().startswith(b"\x89PNG")
