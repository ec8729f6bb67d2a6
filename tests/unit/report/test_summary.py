import json
from typing import Any

import pytest

from conftest import ROOT
from scrapline.report.results import Stages
from scrapline.report.summary import summary

MOST_FIGURES = 25  # what `dvc metrics diff` and `dvc exp show` fit on a screen


def stages(classes: int) -> Stages:
    """The published run's results, cut or stretched to so many classes."""

    def read(name: str) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((ROOT / f"docs/trashnet/trashnet/{name}.json").read_text(encoding="utf-8"))
        return content

    preparation, evaluation = read("preparation"), read("evaluation")
    counts, figures = preparation["classes"]["glass"], evaluation["per_class"]["glass"]
    preparation["classes"] = {f"class {number}": counts for number in range(classes)}
    evaluation["per_class"] = {f"class {number}": figures for number in range(classes)}
    return Stages(preparation, read("training"), evaluation, read("operating_points"), read("export"))


@pytest.mark.parametrize("classes", [2, 30])
def test_the_summary_has_as_many_figures_for_any_number_of_classes(classes: int) -> None:
    content = summary(stages(classes))
    figures = [value for group in content.values() for value in group.values()]
    assert len(figures) <= MOST_FIGURES
    assert not any(isinstance(value, dict | list) for value in figures)
    assert content["data"]["classes"] == classes


def test_the_summary_holds_what_the_stages_wrote_and_nothing_of_the_clock() -> None:
    found = stages(6)
    content = summary(found)
    assert content["data"] == {"images": 2505, "train": 1748, "val": 327, "test": 430, "classes": 6}
    for end in ("low", "high"):
        assert content["test"][f"accuracy_ci95_{end}"] == found.evaluation["test"][f"accuracy_ci95_{end}"]
    assert content["export"]["test_accuracy"] == found.export["int8"]["test_accuracy"]
    assert not any(word in json.dumps(content) for word in ("_ms", "per_s", "late", "dropped"))
