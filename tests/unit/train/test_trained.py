"""What a training prints of itself."""

import pytest
import torch

from scrapline.data.imaging import Preprocessing
from scrapline.model.checkpoint import Checkpoint
from scrapline.train import trained
from scrapline.train.fit import Epoch
from scrapline.train.trained import Trained


def test_the_console_names_the_constants_that_photos_are_normalised_by(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(trained, "info", lines.append)
    fed = Preprocessing(96, 512, (0.5, 0.4, 0.3), (0.25, 0.2, 1.0), interpolation="bicubic")
    weights = {"name": "mine.pth", "description": "ours"}
    finished = Trained([Epoch(1, 0.1, 0.5, 0.8, 0.4, 0.9)], torch.zeros(1, 2), torch.zeros(1), "float32", None)
    trained.print_summary(finished, Checkpoint("resnet18", ["a", "b"], fed, 1.0, weights, {}))
    assert "fed photos squeezed whole to 96 x 96 pixels, bicubic, mean 0.5 / 0.4 / 0.3, std 0.25 / 0.2 / 1" in lines
