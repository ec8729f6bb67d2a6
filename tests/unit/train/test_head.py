"""A frozen base: its head and the heads of the folds, each from its own photos alone."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from scrapline.model.features import Features
from scrapline.model.joined import Joined
from scrapline.train.head import features_to_learn_from, fit_head, probe_settings, splits_for, train_head
from unit.train.tiny import base, draw, prepare, settings

HEAD = settings(trainable="head", epochs=30, lr=0.01, folds=3, fold_repeats=2)
LIKE = torch.nn.Linear(6, 2)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return tmp_path


def features(photos: int, views: int = 2, seed: int = 0) -> Features:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, photos)
    values = rng.normal(size=(views, photos, 6)) + 3 * labels[None, :, None]
    return Features([str(n) for n in range(photos)], values.astype(np.float32), labels)


def test_a_head_tells_apart_what_a_plane_can() -> None:
    """Features far from zero and of another scale: the head takes them as they are."""
    data = features(200)
    shifted = Joined([dataclasses.replace(data, values=data.values * 40 + 500)])
    head = fit_head(shifted, np.arange(100), LIKE, HEAD, network=0)
    with torch.inference_mode():
        said = head(torch.from_numpy(shifted.take(np.arange(100, 200)))).argmax(1).numpy()
    assert (said == data.labels[100:]).mean() > 0.95


def test_a_head_without_bias_stays_without() -> None:
    """Features on both sides of zero, so that a plane through it can tell them apart."""
    data = features(200)
    centred = Joined([dataclasses.replace(data, values=data.values - 1.5)])
    head = fit_head(centred, np.arange(100), torch.nn.Linear(6, 2, bias=False), HEAD, network=0)
    assert head.bias is None
    with torch.inference_mode():
        said = head(torch.from_numpy(centred.take(np.arange(100, 200)))).argmax(1).numpy()
    assert (said == data.labels[100:]).mean() > 0.95


def test_a_head_learns_from_its_own_photos_alone() -> None:
    data = features(60)
    rows = np.arange(0, 60, 2)
    other = dataclasses.replace(data, values=data.values.copy(), labels=data.labels.copy())
    other.values[:, 1::2] = 9.0
    other.labels[1::2] = 1 - other.labels[1::2]
    one, same = (fit_head(Joined([content]), rows, LIKE, HEAD, network=3) for content in (data, other))
    assert torch.equal(one.weight, same.weight)
    assert torch.equal(one.bias, same.bias)


def test_networks_and_seeds_have_draws_of_their_own() -> None:
    data, rows = Joined([features(60)]), np.arange(40)
    heads = [fit_head(data, rows, LIKE, HEAD, network=n).weight for n in (0, 0, 1)]
    assert torch.equal(heads[0], heads[1])
    assert not torch.allclose(heads[0], heads[2], atol=1e-4)


def test_the_folds_heads_judge_what_they_have_not_seen(home: Path) -> None:
    """Each is what a training on the other photos gives, and says of its fold what its numbers say."""
    folder = prepare(home / "prepared", [n % 2 for n in range(40)], validation=10)
    extractor, folds = base(folder), draw(folder, HEAD)
    trained = train_head(extractor, folds, HEAD)
    found = trained.out_of_fold
    assert found is not None
    weight, bias = found.learned["weight"], found.learned["bias"]
    assert weight.shape == (2, 3, 2, 512)
    assert found.logits.shape == (2, 40, 2)
    joined, _ = features_to_learn_from(extractor, splits_for(folds), HEAD)
    for number, cut in enumerate(folds, start=1):
        again = fit_head(joined, cut.train, extractor.model.head, HEAD, network=number)
        np.testing.assert_array_equal(weight[cut.repeat, cut.fold], again.weight.detach().numpy())
        said = joined.take(cut.held_out) @ weight[cut.repeat, cut.fold].T + bias[cut.repeat, cut.fold]
        np.testing.assert_allclose(found.logits[cut.repeat, cut.held_out], said, rtol=1e-3, atol=1e-4)


def test_the_head_is_the_same_with_folds_beside_it_and_without(home: Path) -> None:
    folder = prepare(home / "prepared", [n % 2 for n in range(30)], validation=8)
    bare = settings(trainable="head", epochs=30, lr=0.01, folds=0)
    heads = []
    for wanted in (HEAD, bare):
        extractor = base(folder)
        trained = train_head(extractor, draw(folder, wanted), wanted)
        heads.append(extractor.model.head.weight.clone())
    assert torch.equal(*heads)
    assert trained.out_of_fold is None


def test_every_epoch_is_trained_and_the_last_one_is_kept(home: Path) -> None:
    folder = prepare(home / "prepared", [n % 2 for n in range(30)], validation=8)
    extractor = base(folder)
    trained = train_head(extractor, draw(folder, HEAD), HEAD)
    assert [line.epoch for line in trained.history] == list(range(1, 31))
    validation = extractor.features("val")
    with torch.inference_mode():
        logits = extractor.model.head(validation.plain())
    torch.testing.assert_close(trained.logits, logits)
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(validation.labels)).item()
    assert trained.history[-1].validation_loss == pytest.approx(loss, abs=1e-5)


def test_on_shuffled_labels_the_folds_are_at_chance(home: Path) -> None:
    """90 photos all alike with labels drawn by a coin: 3 standard deviations are 0.16. Unseen, they say nothing."""
    labels = np.random.default_rng(5).permutation([n % 2 for n in range(90)])
    folder = prepare(home / "prepared", labels.tolist(), validation=20, tinted=False)
    wanted = settings(trainable="head", epochs=60, lr=0.02, folds=5, fold_repeats=1)
    trained = train_head(base(folder), draw(folder, wanted), wanted)
    assert trained.out_of_fold is not None
    right = trained.out_of_fold.logits[0].argmax(axis=1) == labels
    assert trained.history[-1].train_accuracy > 0.9, "it learned by heart what it saw"
    assert abs(right.mean() - 0.5) < 0.16


def test_the_head_to_begin_from_is_not_fitted_by_the_settings_of_fine_tuning() -> None:
    wanted = settings(trainable="all", lr=1e-5, epochs=1, label_smoothing=0.3)
    probe = probe_settings(wanted)
    assert (probe.lr, probe.train.epochs, probe.train.label_smoothing) == (0.005, 60, 0.0)
    assert probe.train.augment == wanted.train.augment
    assert (wanted.lr, wanted.train.epochs) == (1e-5, 1)
