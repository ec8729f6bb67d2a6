"""Embeddings of a frozen base, under a key of all that makes them; `feature_cache` keeps them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import scrapline
from scrapline.cli.console import counter
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model import feature_cache
from scrapline.model.batches import Predictions, normalise
from scrapline.model.classifier import Classifier
from scrapline.model.compute import mixed_precision
from scrapline.model.feature_cache import ArrayFile, Features
from scrapline.system.files import sha256
from scrapline.system.parallel import cores

_BATCH = 32
_CODE = ("data", "model")  # packages: what turns bytes into pixels, and pixels into embeddings
_PACKAGES = ("numpy", "opencv-python-headless", "pillow", "simplejpeg", "torch", "torchvision")


@dataclass(frozen=True)
class Views:
    """Random views of each image besides the unchanged one.

    `change` turns uint8 [N, S, S, 3] into the same shape, drawing from torch's global generator, which `seed` seeds;
    `key` says all that decides what it does.
    """

    count: int
    change: Callable[[Tensor], Tensor]
    seed: int
    key: dict[str, Any]


@dataclass(frozen=True)
class Extractor:
    """A base with all that decides what it makes of a prepared image."""

    model: Classifier
    folder: Path
    preprocessing: Preprocessing
    device: torch.device

    def features(self, split: str, *, dtype: torch.dtype = torch.float32, views: Views | None = None) -> Features:
        """Features of every image of a split, from the cache where they are there and whole."""
        key = self._key(split, dtype, views)
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        ids = [row.image_id for row in shards.read_manifest(self.folder) if row.split == split]
        compute = partial(self._compute, split=split, images=len(ids), dtype=dtype, views=views)
        return feature_cache.kept(digest[:32], key, compute, ids, described=f"{split} features")

    def predict(self, split: str) -> Predictions:
        """Labels and float32 logits of a split."""
        features = self.features(split)
        with torch.inference_mode():
            logits = self.model.head.cpu()(features.plain())
        return Predictions(features.image_ids, torch.from_numpy(features.labels), logits)

    def _compute(self, entry: Path, *, split: str, images: int, dtype: torch.dtype, views: Views | None) -> None:
        self.model.eval().to(self.device).to(memory_format=torch.channels_last)
        number = views.count if views else 1
        shape = (number, images, self.model.head.in_features)
        labels = np.empty(images, dtype=np.int64)
        if views:
            torch.manual_seed(views.seed)
        name = "bf16" if dtype == torch.bfloat16 else "fp32"
        start = 0
        with (
            counter(f"{split} features, {name}, {number} view{'s' * (number > 1)}", images) as advance,
            ArrayFile(entry / "values.npy", shape) as values,
        ):
            for batch in decoding.read(self.folder, split, self.preprocessing, _BATCH):
                labels[start : start + len(batch.labels)] = batch.labels
                pixels = torch.from_numpy(batch.images)
                for view in range(number):
                    shown = views.change(pixels) if views and view > 0 else pixels
                    values.put(view, start, self._embed(shown, dtype))
                start += len(batch.labels)
                advance(len(batch.labels))
        np.save(entry / "labels.npy", labels)

    @torch.inference_mode()
    def _embed(self, images: Tensor, dtype: torch.dtype) -> npt.NDArray[np.float32]:
        with mixed_precision(self.model, self.device, dtype):
            embedding = self.model.backbone(normalise(images.to(self.device), self.preprocessing))
        array: npt.NDArray[np.float32] = embedding.float().cpu().numpy()
        return array

    def _key(self, split: str, dtype: torch.dtype, views: Views | None) -> dict[str, Any]:
        package = Path(scrapline.__file__).parent
        return {
            "shards": [sha256(path) for path in shards.paths(self.folder, split)],
            "base": self.model.backbone_sha256(),
            "preprocessing": self.preprocessing.to_dict(),
            "views": {"count": views.count, "seed": views.seed, **views.key} if views else None,
            "dtype": str(dtype),
            "device": _device_name(self.device),
            "threads": cores(),
            "packages": {name: version(name) for name in _PACKAGES},
            "code": [sha256(path) for name in _CODE for path in sorted((package / name).glob("*.py"))],
        }


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = torch.cpu.get_capabilities()
    return f"cpu {sorted(name for name, present in capabilities.items() if present is True)}"
