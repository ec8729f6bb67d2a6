"""The page on the measured line is made of its figures."""

import json
from typing import Any

from conftest import ROOT
from line_page import page
from scrapline.line.capacity import MOST_LOST

FOLDER = ROOT / "docs/line"


def study() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / "line.json").read_text(encoding="utf-8"))
    return content


def test_the_page_is_what_was_measured() -> None:
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(study())


def test_the_claimed_belt_keeps_its_promise_for_an_hour_of_the_twin() -> None:
    for content in (json.loads((FOLDER / "capacity.json").read_text(encoding="utf-8")), study()["twin"]):
        assert content["fastest"]["hour_lost"] <= MOST_LOST
