"""What the console says of a run, of figures made by hand."""

import io
from typing import Any

import pytest

from scrapline.cli.console import console
from scrapline.line.figures import Figures
from scrapline.report import told
from unit.line.rows import late, row

CLAIM = {"late": 0, "stretches": 24, "supported": False, "seconds_needed": 574.0}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(console, "file", stream)
    return stream


def metrics(figures: Figures, **feed: Any) -> dict[str, Any]:
    workers = {"workers": 2, "utilisation": 0.25, "replaced": 0, "first_failure": None}
    return figures.metrics() | {"feed": {"waited_s": 0.0} | feed, "workers": workers}


def some() -> Figures:
    figures = Figures(["glass", "metal"], 100.0)
    for number in range(9):
        figures.add(row(number))
    figures.add(late(9))
    return figures


def test_a_run_in_a_few_lines(said: io.StringIO) -> None:
    told.tell(metrics(some(), mix="as in the folder"))
    lines = said.getvalue().splitlines()
    assert lines[0] == "10 items in 0 s, 100.0 a second: 9 sort (90.0%), 1 late (10.0%)"
    assert lines[1] == "materials mixed as in the folder"
    assert lines[2].startswith(
        "from arrival to decision p50 6.0, p95 over the deadline, p99 over the deadline of 100 ms"
    )
    assert lines[2].endswith("2 workers, busy 25% of the time")
    # Wilson's interval of one trial, since all are one photo: (p + 1.92) / 4.84 -+ 1.96 sqrt(p q + 0.96) / 4.84.
    assert lines[3] == (
        "  glass: purity 100.0% (20.7% to 100.0%) of 9 items, 1 photo; "
        "recovery 90.0% (16.8% to 99.8%) of 10 items, 1 photo"
    )
    assert lines[4] == "  metal: purity none; recovery none"
    assert lines[5].startswith("1 of 1 stretches of one deadline had a late item: too few stretches to claim")


def test_no_item_is_one_line(said: io.StringIO) -> None:
    told.tell(metrics(Figures(["a", "b"], 100.0)))
    assert said.getvalue() == "no item came by\n"


def test_what_held_the_line_up_is_told(said: io.StringIO) -> None:
    found = metrics(some(), gaps_in_all=2, gap_seconds=3.25, items_missed=65) | {
        "workers": {"workers": 1, "utilisation": 0.5, "replaced": 3, "first_failure": "bad"}
    }
    found["feed"]["waited_s"] = 1.5
    told.tell(found)
    assert "a worker failed 3 times (bad)" in said.getvalue()
    assert "the camera saw nothing 2 times, 3.2 s in all: 65 items were not captured" in said.getvalue()
    assert "the belt stood still for 1.5 s" in said.getvalue()


def test_a_claim_is_made_or_how_long_it_would_take() -> None:
    assert told.lateness(CLAIM) == (
        "0 of 24 stretches of one deadline had a late item: too few stretches to claim at most 1 % at 99 % "
        "confidence, which takes 10 minutes in all without another one"
    )
    assert told.lateness(CLAIM | {"supported": True, "stretches": 2400}).startswith(
        "shown at 99 % confidence, for disturbances of up to a second: at most 1 % of stretches have a late item (0 of "
    )
    assert told.lateness(CLAIM | {"seconds_needed": None, "late": 24}).endswith("too many in a row to claim anything")
    assert "which takes 90 s in all" in told.lateness(CLAIM | {"seconds_needed": 90.0})
