"""The doctor's page and table, from prepared shards and a training with folds."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from scrapline import paths
from scrapline.params import Params
from scrapline.studies import crossval
from scrapline.studies.doctor import command
from scrapline.system.errors import ScraplineError
from scrapline.train import stage
from unit.train.tiny import prepare, settings

WRONG = (3, 20)


STUDIED = {"trainable": "head", "epochs": 20, "lr": 0.05, "views": 1}


def make(root: Path) -> None:
    """60 photos of two tints, two of them in the wrong class, and a pair of near-duplicates in different ones."""
    prepare(root / "data/prepared", [n % 2 for n in range(60)], validation=12, test=10, wrong=WRONG)
    (root / paths.PREPARATION).mkdir(parents=True)
    (root / paths.NEAR_DUPLICATES).write_text(
        f"group,first,second,reason\n{0:016x},x/{0:016x}.jpg,x/{1:016x}.jpg,same framing\n"
        f"{2:016x},x/{2:016x}.jpg,x/{4:016x}.jpg,same framing\n"
    )
    (root / "models").mkdir()


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    make(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, trained without folds, and cross-validated as `all`."""
    root = tmp_path_factory.mktemp("studied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "home"))
        patch.chdir(root)
        make(root)
        stage.train(settings(**STUDIED))
        crossval.crossval(settings(**STUDIED), folds=2, name="all")
    return root


@pytest.fixture
def studied(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A copy of it to stand in, and its settings."""
    root = shutil.copytree(finished, tmp_path / "studied")
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "home"))
    monkeypatch.chdir(root)
    return settings(**STUDIED)


def read(name: str) -> list[dict[str, str]]:
    with (paths.STUDIES / name / "doctor.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_lists_wrong_labels_first_and_shows_them(repo: Path) -> None:
    wanted = settings(trainable="head", epochs=20, lr=0.05, folds=4, views=1)
    stage.train(wanted)
    command.doctor(wanted, study=None, name="mine")
    lines = read("mine")
    assert len(lines) == 50, "training and validation photos; no fold has the test photos"
    assert {line["image_id"] for line in lines[:2]} == {f"{n:016x}" for n in WRONG}
    assert all(line["likely_wrong"] == "1" and line["said"] != line["class"] for line in lines[:2])
    quality = [float(line["label_quality"]) for line in lines]
    assert quality == sorted(quality)
    twins = {line["image_id"]: line["near_duplicate_of_another_class"] for line in lines}
    assert {i: path for i, path in twins.items() if path} == {
        f"{0:016x}": f"x/{1:016x}.jpg",
        f"{1:016x}": f"x/{0:016x}.jpg",
    }
    page = (repo / "runs/studies/mine/doctor.html").read_text()
    assert "Likely wrong labels: 2" in page
    assert "Near-duplicates with different labels: 2" in page
    assert page.count("data:image/jpeg;base64,") >= 4
    command.doctor(wanted, study=None, name="again")
    assert (repo / "runs/studies/again/doctor.html").read_text() == page


def test_a_confidence_is_the_calibrated_mean_of_the_repeats(repo: Path) -> None:
    wanted = settings(trainable="head", epochs=4, lr=0.05, folds=3, fold_repeats=2, views=1)
    stage.train(wanted)
    command.doctor(wanted, study=None, name="mine")
    temperature = json.loads(paths.TRAINING_METRICS.read_text())["temperature"]
    assert abs(temperature - 1) > 0.1
    with paths.FOLDS.open(newline="") as stream:
        at = {line["image_id"]: n for n, line in enumerate(csv.DictReader(stream))}
    logits = np.load(paths.FOLD_ARRAYS)["logits"]
    for line in read("mine"):
        own = logits[:, at[line["image_id"]]].astype(np.float64)
        shares = 1 / (1 + np.exp((own[:, 0] - own[:, 1]) / temperature))  # of the second of two classes
        said = max(shares.mean(), 1 - shares.mean())
        assert float(line["confidence"]) == pytest.approx(said, abs=2e-6)


def test_it_looks_at_all_photos_of_a_cross_validation(studied: Params) -> None:
    with pytest.raises(ScraplineError, match="no photo was judged by a network that had not seen it"):
        command.doctor(studied, study=None, name="mine")
    with pytest.raises(ScraplineError, match=r"crossval.npz is not here: .*crossval --name other"):
        command.doctor(studied, study="other", name="mine")
    command.doctor(studied, study="all", name="mine")
    assert len(read("mine")) == 60
    assert {line["image_id"] for line in read("mine")[:2]} == {f"{n:016x}" for n in WRONG}


def test_folds_of_other_photos_are_refused(repo: Path) -> None:
    wanted = settings(trainable="head", epochs=2, lr=0.05, folds=2, views=1)
    stage.train(wanted)
    text = paths.FOLDS.read_text()
    for other in (
        text.replace(f"{5:016x}", "f" * 16),
        text.replace("blue", "green"),
        text[: text[:-1].rindex("\n") + 1],
    ):
        paths.FOLDS.write_text(other)
        with pytest.raises(ScraplineError, match="is of other photos or classes than data/prepared holds now"):
            command.doctor(wanted, study=None, name="mine")


def test_a_study_of_other_classes_and_a_damaged_one_are_refused(studied: Params) -> None:
    file = Path("runs/studies/all/crossval.npz")
    arrays = dict(np.load(file))
    np.savez(file, **arrays | {"classes": np.array(["blue", "green"])})
    with pytest.raises(ScraplineError, match="is of other photos or classes than"):
        command.doctor(studied, study="all", name="mine")
    file.write_bytes(file.read_bytes()[:300])
    with pytest.raises(ScraplineError, match="is damaged"):
        command.doctor(studied, study="all", name="mine")


def test_a_study_never_takes_the_place_of_another(studied: Params) -> None:
    with pytest.raises(ScraplineError, match=r"runs/studies/all holds crossval.json, of another study"):
        command.doctor(studied, study="all", name="all")
    with pytest.raises(ScraplineError, match="one plain word"):
        command.doctor(studied, study="all", name="")
    assert Path("runs/studies/all/crossval.npz").is_file()


def test_names_from_files_cannot_break_the_page(repo: Path) -> None:
    manifest = Path("data/prepared/manifest.csv")
    manifest.write_text(manifest.read_text().replace(f"x/{WRONG[0]:016x}.jpg", "x/<script>alert(1)</script>.jpg"))
    wanted = settings(trainable="head", epochs=20, lr=0.05, folds=4, views=1)
    stage.train(wanted)
    command.doctor(wanted, study=None, name="mine")
    page = Path("runs/studies/mine/doctor.html").read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_arrays_are_matched_by_photo_and_not_by_place(studied: Params) -> None:
    """The same study with its photos in another order gives the same page."""
    command.doctor(studied, study="all", name="mine")
    file = Path("runs/studies/all/crossval.npz")
    arrays = dict(np.load(file))
    np.savez(file, **{name: values if name == "classes" else values[::-1] for name, values in arrays.items()})
    command.doctor(studied, study="all", name="again")
    assert read("again") == read("mine")
