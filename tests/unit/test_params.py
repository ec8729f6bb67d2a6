from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT
from scrapline import params
from scrapline.system.errors import ScraplineError


def load(tmp_path: Path, **changes: Any) -> params.Params:
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    for dotted, value in changes.items():
        *sections, key = dotted.split("__")
        target = content
        for section in sections:
            target = target[section]
        target[key] = value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return params.load(path)


@pytest.mark.parametrize("name", ["demo", "trashnet", "own-photos"])
def test_recipes_are_complete_and_valid(name: str) -> None:
    recipe = yaml.safe_load((ROOT / f"recipes/{name}.yaml").read_text())
    assert recipe.keys() == yaml.safe_load((ROOT / "params.yaml").read_text()).keys()
    assert params.load(ROOT / f"recipes/{name}.yaml").lr != 0.001  # or `-S lr=0.001` would change nothing


def test_the_default_is_the_demo_recipe() -> None:
    assert (ROOT / "params.yaml").read_text() == (ROOT / "recipes/demo.yaml").read_text()


def test_a_learning_rate_in_scientific_notation_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("lr: 0.0005", "lr: 1e-05"))
    assert params.load(path).lr == 1e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lr": -1}, "`lr`: input should be greater than 0, got -1"),
        ({"lr": float("nan")}, "`lr`: input should be a finite number"),
        ({"lr": [0.1]}, "`lr`: input should be a valid number"),
        ({"train__epochs": 0}, "`train.epochs`: input should be greater than or equal to 1, got 0"),
        ({"train__epoch": 5}, "unknown key `train.epoch`; did you mean `train.epochs`?"),
        ({"data__split__sceme": "hash"}, "unknown key `data.split.sceme`; did you mean `data.split.scheme`?"),
        ({"train__patience": 5}, "`train`: patience is gone: every epoch is trained"),
        ({"train__folds": 1}, "`train.folds`: one fold leaves nothing to train on: 2 or more, or 0 for none"),
        ({"train__augment__crop_area": 0}, "`train.augment.crop_area`: input should be greater than 0, got 0"),
        ({"train__lr_decay": 1.5}, "`train.lr_decay`: input should be less than or equal to 1, got 1.5"),
        ({"train__ema": 1}, "`train.ema`: input should be less than 1, got 1"),
        ({"sede": 5}, "unknown key `sede`; did you mean `seed`?"),
        ({"data__split__val": 0.9}, "leave room for training"),
        ({"data__split__scheme": "lists"}, "scheme `lists` needs `lists`"),
        ({"model__weights": "../x.pth"}, "not a path"),
        ({"train__trainable": "body"}, "`train.trainable`: input should be 'head', 'last_stage' or 'all'"),
        ({"data__group": {"pattern": "(x)", "file": "x"}}, "`data.group`: give either `pattern` or `file`"),
        ({"data__group": {}}, "`data.group`: give either `pattern` or `file`"),
        ({"data__group": {"pattern": "x"}}, "`data.group.pattern`: needs one pair of brackets"),
        ({"data__group": {"pattern": ""}}, "`data.group.pattern`: needs one pair of brackets"),
        ({"data__group": {"pattern": "(x)(y)"}}, "around what names the group, and has 2, got '(x)(y)'"),
        ({"data__group": {"pattern": "("}}, "`data.group.pattern`: no regular expression (missing )"),
        ({"data__group": {"pattern": "a{99999999999999999999}(b)"}}, "`data.group.pattern`: no regular expression"),
        (
            {"data__group": {"pattern": "(?:" * 3000 + "(a)" + ")" * 3000}},
            "`data.group.pattern`: no regular expression",
        ),
        ({"data__group": {"file": "../g.csv"}}, "`data.group.file`: the name of a CSV file in data/splits, not a path"),
        ({"data__group": "s1"}, "`data.group` is a section with the keys `pattern`, `file`, got 's1'"),
        ({"data__group": {"patern": "(x)"}}, "unknown key `data.group.patern`; did you mean `data.group.pattern`?"),
        ({"seed": None}, "`seed`: input should be a valid integer"),
    ],
)
def test_mistakes_are_named_with_their_key(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ScraplineError, match=r"params\.yaml") as caught:
        load(tmp_path, **changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"), [("", "is empty"), ("- 1", "is empty or no mapping"), ("a: [", "not valid YAML")]
)
def test_files_that_are_no_params(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(ScraplineError, match=message):
        params.load(path)


def test_a_missing_file_says_where_to_stand(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match="run from the repository's root"):
        params.load(tmp_path / "params.yaml")


def test_a_renamed_key_is_reported_by_its_spelling(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text().replace("epochs:", "epoch:"))
    with pytest.raises(ScraplineError, match=r"unknown key `train\.epoch`; did you mean `train\.epochs`"):
        params.load(path)


def test_null_weights_are_none(tmp_path: Path) -> None:
    assert load(tmp_path, model__weights=None).model.weights == "none"


@pytest.mark.parametrize(
    ("trainable", "folds", "repeats", "drawn"),
    [
        ("head", None, None, (5, 5)),
        ("head", 0, None, (0, 5)),
        ("head", 3, 2, (3, 2)),
        ("all", None, None, (0, 1)),
        ("last_stage", 4, None, (4, 1)),
    ],
)
def test_folds_are_drawn_as_told_or_as_suits_what_learns(
    tmp_path: Path, trainable: str, folds: int | None, repeats: int | None, drawn: tuple[int, int]
) -> None:
    train = load(tmp_path, train__trainable=trainable, train__folds=folds, train__fold_repeats=repeats).train
    assert (train.folds_drawn, train.repeats_drawn) == drawn
