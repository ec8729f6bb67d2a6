"""The page on the measured line is made of its figures."""

import json

from conftest import ROOT
from line_page import page

FOLDER = ROOT / "docs/line"


def test_the_page_is_what_was_measured() -> None:
    content = json.loads((FOLDER / "line.json").read_text(encoding="utf-8"))
    assert (FOLDER / "README.md").read_text(encoding="utf-8") == page(content)
