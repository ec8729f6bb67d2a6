"""What the report says of groups and pins, with the published run's other results."""

import json
from types import SimpleNamespace
from typing import Any

from conftest import ROOT
from scrapline.params import Simulate
from scrapline.report import markdown
from scrapline.report.results import Stages

NOBODY = {"train_only": 0, "left_out": 0, "measure_only": 0, "along": 0}


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((ROOT / f"docs/trashnet/trashnet/{name}.json").read_text(encoding="utf-8"))
    return content


def report(pins: dict[str, int], own: dict[str, Any] | None, rule: dict[str, str] | None, test_groups: int) -> str:
    preparation, evaluation, training = read("preparation"), read("evaluation"), read("training")
    preparation |= {
        "pins": pins,
        "own_groups": own,
        "group": rule,
        "groups": {"train": 1, "val": 2, "test": test_groups},
    }
    for split in ("test", "validation"):
        evaluation[split] |= {"groups": test_groups}
    for figures in evaluation["per_class"].values():
        figures |= {"groups": 1}
    stages = Stages(preparation, training, evaluation, read("operating_points"), read("export"))
    preprocessing = SimpleNamespace(
        input_size=224, geometry="squeezed", interpolation="bilinear", mean=[0.5], std=[0.5]
    )
    engine: Any = SimpleNamespace(classes=list(preparation["classes"]), preprocessing=preprocessing)
    return markdown.render(stages, read("line"), Simulate(), engine)


def test_without_groups_and_pins_nothing_is_said_of_them() -> None:
    said = report(NOBODY, None, None, read("evaluation")["test"]["images"])
    assert "data.group" not in said
    assert "inned" not in said
    assert "430 images)" in said


def test_groups_and_pins_stand_with_their_numbers() -> None:
    own = {
        "groups": 7,
        "images": 90,
        "images_in_none": 4,
        "of_several_classes": {"s": ["a", "b"]},
        "joined_by_copies": 2,
    }
    pins = {"train_only": 11, "left_out": 12, "measure_only": 13, "along": 14}
    said = report(pins, own, {"pattern": r"/(s\d)_*"}, 9)
    assert "430 images in 9 groups)" in said
    assert r"By `data.group` (pattern /(s\\d)\_\*) 90 photos are in 7 groups, 4 in none." in said
    assert "Groups with photos of several classes: 1. Near-duplicates join 2 of the groups with others." in said
    assert "`data/splits/pins.csv`: 11 photos that train and measure nothing (12 more are left out" in said
    assert "13 photos that never train (14 others in their groups do not train either)" in said
    assert "\n\n| class | train" in said
    assert "| groups | 1 | 2 | 9 |" in said
