"""Embeddings of a frozen base, computed once and kept in the user's cache under a key of all that makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scrapline.cli.console import counter, info
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model import array_cache as cache
from scrapline.model import cache_key
from scrapline.model.array_cache import ArrayFile
from scrapline.model.batches import Predictions, normalise
from scrapline.model.classifier import Classifier
from scrapline.model.compute import mixed_precision
from scrapline.system.parallel import cores

_BATCH = 32


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
class Features:
    """`values` float32 [V, N, D], the unchanged view first; `labels` int64 [N]; both in id order.

    Where there is a cache, the values stay on the disk.
    """

    image_ids: list[str]
    values: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]

    def plain(self) -> Tensor:
        """The unchanged view, float32 [N, D]."""
        return torch.from_numpy(np.array(self.values[0]))


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
        ids = [row.image_id for row in shards.read_manifest(self.folder) if row.split == split]
        if (cached := cache.load(cache.entry(key))) is not None:
            info(f"{split} features: from the cache")
            return Features(ids, *cached)
        return Features(ids, *cache.make(key, lambda folder: self._compute(folder, split, len(ids), dtype, views)))

    def predict(self, split: str) -> Predictions:
        """Labels and float32 logits of a split."""
        features = self.features(split)
        with torch.inference_mode():
            plain = features.plain()
            logits = self.model.head.cpu()(plain)
        return Predictions(features.image_ids, torch.from_numpy(features.labels), logits, plain)

    def _compute(self, entry: Path, split: str, images: int, dtype: torch.dtype, views: Views | None) -> None:
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
            ArrayFile(entry / "values.npy", shape, np.float32) as values,
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
        return cache_key.of_photos(self.folder, split, self.preprocessing) | {
            "base": self.model.backbone_sha256(),
            "views": {"count": views.count, "seed": views.seed, **views.key} if views else None,
            "dtype": str(dtype),
            "device": device_name(self.device),
            "threads": cores(),
        }


def device_name(device: torch.device) -> str:
    """What computes: the GPU's name, or what the processor can do."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = torch.cpu.get_capabilities()
    return f"cpu {sorted(name for name, present in capabilities.items() if present is True)}"
