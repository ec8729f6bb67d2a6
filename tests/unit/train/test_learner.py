"""One step at a time: MixUp's blends, the mean of the weights and the rates, by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from scrapline.model.batches import normalise
from scrapline.params import Params
from scrapline.train.fit import Optimiser
from scrapline.train.learner import Learner
from scrapline.train.photos import Photos
from unit.train.tiny import CPU, PREPROCESSING, base, prepare, settings

ROWS = np.arange(24)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return prepare(tmp_path / "prepared", [n // 3 % 2 for n in range(32)], validation=8)


def learner(folder: Path, wanted: Params) -> Learner:
    start = base(folder)
    return Learner(start.model, Photos.of(start, wanted.train.augment), ROWS, wanted, CPU, network=0)


def test_mixup_blends_each_photo_and_its_label_with_the_one_before(folder: Path) -> None:
    one = learner(folder, settings(trainable="all", mixup=0.4))
    rows = ROWS[:8]
    plain = normalise(torch.from_numpy(one._photos.crops.take(rows)), PREPROCESSING)
    labels = torch.nn.functional.one_hot(one._photos.labels[rows], 2).float()
    shares = set()
    for seed in range(5):
        torch.manual_seed(seed)
        images, mixed = one._batch(rows)
        share = mixed[3, 1]  # labels 0 0 0 1 1 1 0 0: the fourth is of class 1, the one before it of class 0
        torch.testing.assert_close(mixed, share * labels + (1 - share) * labels.roll(1, 0))
        torch.testing.assert_close(images, share * plain + (1 - share) * plain.roll(1, 0), rtol=1e-4, atol=1e-5)
        assert 0 < share < 1
        shares.add(round(float(share), 4))
    assert len(shares) == 5


def test_without_mixup_labels_are_numbers(folder: Path) -> None:
    one = learner(folder, settings(trainable="all"))
    images, labels = one._batch(ROWS[:4])
    torch.testing.assert_close(images, normalise(torch.from_numpy(one._photos.whole.take(ROWS[:4])), PREPROCESSING))
    assert labels.tolist() == [0, 0, 0, 1]


def test_the_mean_of_the_weights_by_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first step's weights; of these 2/11 stay at the second step, 3/12 of the mean at the third; norms' too."""
    one = learner(folder, settings(trainable="all", ema=0.8, lr=0.05))
    seen: list[dict[str, torch.Tensor]] = []
    step = Optimiser.step

    def note(self: Optimiser, *content: object) -> None:
        step(self, *content)  # type: ignore[arg-type]
        seen.append({name: value.clone() for name, value in one.model.state_dict().items()})

    monkeypatch.setattr(Optimiser, "step", note)
    one.learn()
    assert len(seen) == 3
    kept = one.kept.state_dict()
    for name in ("head.weight", "backbone.conv1.weight", "backbone.bn1.running_var"):
        by_hand = 3 / 12 * (2 / 11 * seen[0][name] + 9 / 11 * seen[1][name]) + 9 / 12 * seen[2][name]
        torch.testing.assert_close(kept[name], by_hand, rtol=1e-5, atol=1e-7)
        assert not torch.equal(kept[name], seen[2][name])


def test_no_more_of_the_mean_stays_than_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = learner(folder, settings(trainable="all", ema=0.1, lr=0.05))
    seen = []
    step = Optimiser.step

    def note(self: Optimiser, *content: object) -> None:
        step(self, *content)  # type: ignore[arg-type]
        seen.append(one.model.head.weight.detach().clone())

    monkeypatch.setattr(Optimiser, "step", note)
    one.learn()
    by_hand = 0.1 * (0.1 * seen[0] + 0.9 * seen[1]) + 0.9 * seen[2]
    torch.testing.assert_close(one.kept.head.weight.detach(), by_hand, rtol=1e-5, atol=1e-7)


def test_without_a_mean_the_model_itself_is_kept(folder: Path) -> None:
    one = learner(folder, settings(trainable="all"))
    assert one.kept is one.model


def test_rates_fall_by_stage_from_lr(folder: Path) -> None:
    one = learner(folder, settings(trainable="all", lr=0.08, lr_decay=0.5, weight_decay=0.3, epochs=4))
    groups = one._optimiser._adamw.param_groups
    rates = {id(p): (group["initial_lr"], group["weight_decay"]) for group in groups for p in group["params"]}
    model = one.model
    assert rates[id(model.head.weight)] == (0.08, 0.3)
    assert rates[id(model.head.bias)] == (0.08, 0.0)
    assert rates[id(model.backbone.layer4[1].conv2.weight)] == (0.08, 0.3)
    assert rates[id(model.backbone.layer2[0].conv1.weight)] == (pytest.approx(0.02), 0.3)
    assert rates[id(model.backbone.bn1.weight)] == (pytest.approx(0.005), 0.0)


def test_every_photo_is_seen_once_an_epoch_in_an_order_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = learner(folder, settings(trainable="all"))
    orders: list[list[int]] = [[]]
    batch = Learner._batch

    def note(self: Learner, rows: np.ndarray) -> object:
        orders[-1] += rows.tolist()
        return batch(self, rows)

    monkeypatch.setattr(Learner, "_batch", note)
    one.learn()
    orders.append([])
    one.learn()
    assert sorted(orders[0]) == sorted(orders[1]) == ROWS.tolist()
    assert orders[0] != orders[1]
