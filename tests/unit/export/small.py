"""A network that is exported and quantised in no time, with all that a ResNet has."""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from conftest import CLASSES
from scrapline.data.imaging import Preprocessing
from scrapline.export.onnx import Deployed, Provenance, translate
from scrapline.model.checkpoint import Checkpoint

PREPROCESSING = Preprocessing(input_size=32, max_side=512)
NAMES = [*CLASSES, "glass"]


class Small(nn.Module):
    """A stem with padding and stride, a residual block, a head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 7, stride=2, padding=3)
        self.left, self.right = (nn.Conv2d(16, 16, 3, padding=1) for _ in range(2))
        self.head = nn.Linear(16, len(NAMES))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        stem = nn.functional.max_pool2d(torch.relu(self.stem(images)), 3, 2, 1)
        block = torch.relu(stem + self.right(torch.relu(self.left(stem))))
        embedding = block.mean(dim=(2, 3))
        return self.head(embedding), embedding


def float_model(preprocessing: Preprocessing = PREPROCESSING) -> onnx.ModelProto:
    torch.manual_seed(3)
    network = Small()
    nn.init.normal_(network.head.weight, std=4.0)
    return translate(Deployed(network, preprocessing, 1.3), 18)


def images(number: int, seed: int = 0) -> np.ndarray:
    """Smooth images, uint8 [N, S, S, 3], as different from each other as photos."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (number, 4, 4, 3))
    fine = coarse.repeat(8, axis=1).repeat(8, axis=2) + rng.integers(-20, 20, (number, 32, 32, 3))
    return fine.clip(0, 255).astype(np.uint8)


def checkpoint_and_provenance(folder: Path) -> tuple[Checkpoint, Provenance]:
    """A checkpoint without tensors, and where it was read from, with operating points."""
    (folder / "c.pth").write_bytes(b"checkpoint")
    (folder / "manifest.csv").write_bytes(b"manifest")
    points = {"target_purity": 0.95, "classes": {name: {"threshold": 0.6} for name in NAMES}}
    weights = {"name": "none", "description": "random initialisation"}
    checkpoint = Checkpoint("resnet18", NAMES, PREPROCESSING, 1.3, weights, {})
    return checkpoint, Provenance(folder / "c.pth", folder / "manifest.csv", points, {"opset": 18})
