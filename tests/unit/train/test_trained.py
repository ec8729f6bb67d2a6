"""What a training prints of itself."""

import pytest

from scrapline.data.imaging import Preprocessing
from scrapline.model.checkpoint import Checkpoint
from scrapline.train import trained


def test_the_console_names_the_constants_that_photos_are_normalised_by(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr(trained, "info", lines.append)
    fed = Preprocessing(96, 512, (0.5, 0.4, 0.3), (0.25, 0.2, 1.0), interpolation="bicubic")
    weights = {"name": "mine.pth", "description": "ours"}
    content = {"epochs": 1, "validation_accuracy": 0.9, "precision": "float32", "cross_validation": None}
    trained.print_summary(content, Checkpoint("resnet18", ["a", "b"], fed, 1.0, weights, {}))
    assert "fed photos squeezed whole to 96 x 96 pixels, bicubic, mean 0.5 / 0.4 / 0.3, std 0.25 / 0.2 / 1" in lines
