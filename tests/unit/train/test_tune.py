"""Fine-tuning from end to end, on a few tiny photos."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scrapline.model.joined import Joined
from scrapline.params import Params
from scrapline.train import unfinished
from scrapline.train.head import fit_head, probe_settings
from scrapline.train.learner import Learner
from scrapline.train.norms import has_folded_norms
from scrapline.train.pace import Pace
from scrapline.train.photos import Photos
from scrapline.train.trained import Trained
from scrapline.train.tune import Tuning, fine_tune
from scrapline.train.unfinished import Unfinished
from unit.train.tiny import base, draw, prepare, settings

ALL = {"trainable": "all", "augment": {"hflip": True, "color_jitter": 0.2, "crop_area": 0.6}, "ema": 0.5, "mixup": 0.3}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(unfinished, "_SAVE_EVERY_S", 0.0)
    return tmp_path


@pytest.fixture
def folder(home: Path) -> Path:
    return prepare(home / "prepared", [n % 2 for n in range(32)], validation=8)


def train(folder: Path, wanted: Params, *, pretrained: bool = False) -> tuple[dict[str, torch.Tensor], Trained]:
    start = base(folder)
    result = fine_tune(start, draw(folder, wanted), wanted, Unfinished.of(start, wanted), pretrained=pretrained)
    return start.model.torchvision_state(), result


def test_a_tiny_data_set_is_learned_to_the_last_photo(folder: Path) -> None:
    wanted = settings(trainable="all", epochs=12, lr=0.002)
    _, trained = train(folder, wanted)
    assert trained.history[-1].train_accuracy == 1.0
    assert trained.history[-1].validation_accuracy == 1.0, "tints tell the classes apart"
    assert len(trained.history) == 12


def test_on_shuffled_labels_the_folds_are_at_chance(home: Path) -> None:
    """60 photos all alike: 3 standard deviations of a coin are 0.19."""
    labels = np.random.default_rng(2).permutation([n % 2 for n in range(60)])
    folder = prepare(home / "prepared", labels.tolist(), validation=20, tinted=False)
    wanted = settings(trainable="all", epochs=8, lr=0.001, folds=2)
    _, trained = train(folder, wanted, pretrained=True)
    assert trained.out_of_fold is not None
    learned = trained.out_of_fold.learned["fold_logits"][0].argmax(axis=2) == labels
    held = draw(folder, wanted).fold[0]
    seen = np.concatenate([learned[fold][held != fold] for fold in range(2)])
    unseen = trained.out_of_fold.logits[0].argmax(axis=1) == labels
    assert seen.mean() > 0.85, "it learned by heart what it saw"
    assert abs(unseen.mean() - 0.5) < 0.19


class StopError(Exception):
    """Stands for a signal or a power cut."""


@pytest.mark.parametrize(("after", "pretrained"), [(1, True), (3, False), (5, True)])
def test_a_training_that_was_stopped_goes_on_with_the_same_bits(
    folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch, after: int, pretrained: bool
) -> None:
    """Two epochs each of the final network and two folds: stopped within the first, between them, and in the last."""
    wanted = settings(**ALL, folds=2, lr=0.001)
    expected, unbroken = train(folder, wanted, pretrained=pretrained)
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "other"))
    learned, learn = [], Learner.learn

    def stopping(self: Learner) -> Any:
        if len(learned) == after:
            raise StopError
        learned.append(self.epoch)
        return learn(self)

    monkeypatch.setattr(Learner, "learn", stopping)
    with pytest.raises(StopError):
        train(folder, wanted, pretrained=pretrained)
    monkeypatch.setattr(Learner, "learn", learn)
    found, resumed = train(folder, wanted, pretrained=pretrained)
    assert resumed.history == unbroken.history
    for name, value in expected.items():
        assert torch.equal(found[name], value), name
    assert unbroken.out_of_fold is not None
    assert resumed.out_of_fold is not None
    np.testing.assert_array_equal(resumed.out_of_fold.logits, unbroken.out_of_fold.logits)
    for name, array in unbroken.out_of_fold.learned.items():
        np.testing.assert_array_equal(resumed.out_of_fold.learned[name], array)


def test_only_what_was_left_is_trained_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settings(**ALL, folds=2, lr=0.001)
    learned, learn = [], Learner.learn

    def note(self: Learner) -> Any:
        if len(learned) == 5:
            learned.append(-1)
            raise StopError
        learned.append(self.epoch)
        return learn(self)

    monkeypatch.setattr(Learner, "learn", note)
    with pytest.raises(StopError):
        train(folder, wanted)
    train(folder, wanted)
    assert learned == [0, 1, 0, 1, 0, -1, 1]
    assert train(folder, wanted)[1].history, "until the outs are in place the networks are kept"
    assert learned == [0, 1, 0, 1, 0, -1, 1]


def test_each_fold_network_learns_from_its_own_photos_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = settings(trainable="all", folds=3, fold_repeats=2, epochs=1)
    taken: dict[int, set[int]] = {}
    batch = Learner._batch

    def note(self: Learner, rows: np.ndarray) -> Any:
        taken.setdefault(self._network, set()).update(rows.tolist())
        return batch(self, rows)

    monkeypatch.setattr(Learner, "_batch", note)
    _, trained = train(folder, wanted)
    folds = draw(folder, wanted)
    assert set(taken) == set(range(7))
    assert taken[0] == set(range(24)), "the network that is kept never learns from validation"
    for number, cut in enumerate(folds, start=1):
        assert taken[number] <= set(cut.train.tolist())
        assert len(taken[number]) >= len(cut.train) - 7, "but for the rest of a batch"
    found = trained.out_of_fold
    assert found is not None
    assert found.learned["embeddings"].shape == (2, 3, 32, 512)
    assert found.learned["embeddings"].dtype == np.float16
    for cut in folds:
        of_all = found.learned["fold_logits"][cut.repeat, cut.fold]
        np.testing.assert_array_equal(found.logits[cut.repeat, cut.held_out], of_all[cut.held_out])
    assert np.isfinite(found.logits).all()


def tuning(folder: Path, wanted: Params, *, folded: bool) -> Tuning:
    start = base(folder)
    if folded:
        assert has_folded_norms(start.model)
    features = Joined([start.features("train"), start.features("val")])
    photos = Photos.of(start, wanted.train.augment)
    return Tuning(start, photos, features, wanted, Unfinished.of(start, wanted), Pace(2))


def test_fine_tuning_begins_from_the_fitted_head_and_the_base_as_it_was(folder: Path) -> None:
    """The untrained base has norms like folded ones: it computes the same with statistics of its own."""
    wanted = settings(trainable="all", epochs=1)
    shared = tuning(folder, wanted, folded=True)
    rows = np.arange(24)
    model = shared._start(rows, 4)
    assert shared.features is not None
    head = fit_head(shared.features, rows, model.head, probe_settings(wanted), network=4)
    assert torch.equal(model.head.weight, head.weight)
    assert not has_folded_norms(model)
    said = shared.predict(model, np.arange(32))
    np.testing.assert_allclose(said.embeddings, shared.features.take(np.arange(32)), rtol=2e-3, atol=1e-3)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert has_folded_norms(shared.base.model), "each network begins from the base as it was"


def test_a_network_from_scratch_keeps_its_random_head(folder: Path) -> None:
    wanted = settings(trainable="last_stage", epochs=1)
    start = base(folder)
    photos = Photos.of(start, wanted.train.augment)
    shared = Tuning(start, photos, None, wanted, Unfinished.of(start, wanted), Pace(1))
    model = shared._start(np.arange(24), 0)
    assert torch.equal(model.head.weight, start.model.head.weight)
    assert not model.backbone.conv1.weight.requires_grad
    assert model.backbone.layer4[0].conv1.weight.requires_grad


def test_other_photos_settings_or_starting_weights_are_another_training(folder: Path, home: Path) -> None:
    wanted = settings(trainable="all")
    other = prepare(home / "other", [n % 2 for n in range(31)], validation=8)
    folders = {
        Unfinished.of(base(place, seed), chosen).folder
        for place, seed, chosen in (
            (folder, 0, wanted),
            (other, 0, wanted),
            (folder, 1, wanted),
            (folder, 0, settings(trainable="all", lr=0.1)),
            (folder, 0, settings(trainable="all", epochs=3)),
            (folder, 0, settings(trainable="all", seed=8)),
        )
    }
    assert len(folders) == 6
    assert Unfinished.of(base(folder), wanted).folder in folders
