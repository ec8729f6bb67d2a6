import numpy as np
import pytest
import torch
from scipy.special import softmax

from scrapline.measures import calibration


def test_the_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    true = torch.from_numpy(rng.normal(0, 1.5, (4000, 3)))
    labels = torch.multinomial(torch.softmax(true, 1), 1, generator=torch.Generator().manual_seed(0)).squeeze(1)
    assert calibration.fit_temperature((true * 4).numpy(), labels.numpy()) == pytest.approx(4, rel=0.1)
    assert calibration.fit_temperature(true.numpy(), labels.numpy()) == pytest.approx(1, rel=0.1)


def test_a_validation_split_without_a_mistake_leaves_room_for_doubt() -> None:
    labels = torch.arange(13) % 2
    logits = torch.nn.functional.one_hot(labels, 2) * torch.linspace(3, 8, 13)[:, None]
    confidence = torch.softmax(logits / calibration.fit_temperature(logits.numpy(), labels.numpy()), dim=1).amax(1)
    assert 0.9 < confidence.mean().item() < 0.98


def test_two_images_have_a_temperature_in_closed_form() -> None:
    """Logits (z, 0), three of four right, and smoothing: the share that is right at the minimum has a closed form.

    With targets q = (1 - s) * 3/4 + s/2, s = 1/5, the loss is lowest where the first class has the probability q, so
    at z / T = log(q / (1 - q)).
    """
    logits = np.array([[2.0, 0.0]] * 4)
    share = 0.8 * 0.75 + 0.2 * 0.5
    expected = 2.0 / np.log(share / (1 - share))
    found = calibration.fit_temperature(logits, np.array([0, 0, 0, 1]))
    assert found == pytest.approx(expected, rel=1e-3)
    assert softmax(logits / found, axis=1)[0, 0] == pytest.approx(share, abs=1e-3)


def test_the_temperature_stays_within_its_bounds() -> None:
    always_wrong = np.array([[9.0, 0.0]] * 50)
    assert calibration.fit_temperature(always_wrong, np.ones(50, np.int64)) == pytest.approx(20, rel=1e-3)
