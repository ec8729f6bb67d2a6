"""Cross-validation over all photos, from prepared shards to figures of both precisions."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from scrapline.data import shards
from scrapline.model.classifier import Classifier
from scrapline.model.joined import Rows
from scrapline.studies import crossval
from scrapline.studies.networks import SPLITS, Study
from scrapline.system.errors import ScraplineError
from scrapline.train.head import features_to_learn_from, fit_head
from unit.train.tiny import prepare, settings


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    prepare(tmp_path / "data/prepared", [n % 2 for n in range(48)], validation=10, test=12)
    return tmp_path


def test_every_photo_is_judged_once_in_both_precisions(repo: Path) -> None:
    wanted = settings(trainable="all", epochs=8, lr=0.002)
    crossval.crossval(wanted, folds=2, name="mine")
    content = json.loads((repo / "runs/studies/mine/crossval.json").read_text())
    arrays = np.load(repo / "runs/studies/mine/crossval.npz")
    rows = {row.image_id: row for row in shards.read_manifest(repo / "data/prepared")}
    assert set(arrays["image_ids"]) == set(rows)
    labels = np.array([["blue", "red"].index(rows[i].class_name) for i in arrays["image_ids"]])
    assert sorted(np.bincount(arrays["fold"])) == [24, 24]
    for name, key in (("fp32", "logits"), ("int8", "int8")):
        right = arrays[key].argmax(axis=1) == labels
        assert content[name]["accuracy"]["rate"] == pytest.approx(right.mean(), abs=1e-6)
        assert content[name]["accuracy"]["photos"] == 48
        assert content[name]["accuracy"]["rate"] > 0.9, "tints tell the classes apart"
    assert (content["photos"], content["judged"]) == (48, 48)
    assert content["params"] == wanted.model_dump(mode="json")
    agreed = (arrays["logits"].argmax(axis=1) == arrays["int8"].argmax(axis=1)).mean()
    assert content["label_agreement"] == pytest.approx(agreed, abs=1e-6)
    assert not list((repo / "home/scrapline/training").iterdir()), "nothing is left of it"


def test_each_network_is_what_training_on_the_other_folds_gives(repo: Path) -> None:
    wanted = settings(trainable="head", epochs=5, lr=0.01)
    study = Study.of(wanted, count=3)
    data, _ = features_to_learn_from(study.base, SPLITS, wanted)
    heads = {number: (cut, model.head.weight) for number, cut, model in study.networks(skip=[2])}
    assert list(heads) == [1, 3]
    for number, (cut, weight) in heads.items():
        assert not set(cut.train) & set(cut.held_out)
        assert len(cut.train) + len(cut.held_out) == 48
        assert torch.equal(weight, fit_head(data, cut.train, study.base.model.head, wanted, network=number).weight)


def test_a_study_that_was_stopped_judges_only_what_is_left_unless_files_would_be_made_otherwise(
    repo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(trainable="head", epochs=5, lr=0.01)
    judged, judge = [], crossval._judge

    def stopping(study: Study, model: Classifier, train: Rows, held_out: Rows, classes: list[str]) -> object:
        if len(judged) == 1:
            judged.append(-1)
            raise KeyboardInterrupt
        judged.append(len(held_out))
        return judge(study, model, train, held_out, classes)

    monkeypatch.setattr(crossval, "_judge", stopping)
    with pytest.raises(KeyboardInterrupt):
        crossval.crossval(wanted, folds=2, name="mine")
    assert not (repo / "runs/studies/mine").exists()
    other = wanted.model_copy(update={"export": wanted.export.model_copy(update={"calibration_images": 400})})
    assert Study.of(other, count=2).unfinished.folder != Study.of(wanted, count=2).unfinished.folder
    crossval.crossval(wanted, folds=2, name="mine")
    assert judged == [24, -1, 24]
    content = json.loads((repo / "runs/studies/mine/crossval.json").read_text())
    assert content["int8"]["accuracy"]["photos"] == 48


@pytest.mark.parametrize("name", ["", "..", "a/b", "lr-0.001"])
def test_a_name_that_is_no_plain_one_is_refused_at_once(repo: Path, name: str) -> None:
    with pytest.raises(ScraplineError, match="one plain word"):
        crossval.crossval(settings(), folds=2, name=name)
