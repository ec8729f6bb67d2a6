"""docs/scale is of the last measurement."""

import json

import scale


def test_the_page_is_that_of_the_last_measurement() -> None:
    found = json.loads((scale.FOLDER / "prepare.json").read_text(encoding="utf-8"))
    assert (scale.FOLDER / "prepare.md").read_text(encoding="utf-8") == scale.markdown(found)
    assert [run["photos"] for run in found["runs"]] == list(scale.SIZES)
