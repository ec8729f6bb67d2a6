"""Embeddings of a frozen base, computed once and kept in the user's cache under a key of all that makes them."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

import scrapline
from scrapline.cli.console import counter, info
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.model import feature_cache as cache
from scrapline.model.batches import Predictions, normalise
from scrapline.model.classifier import Classifier
from scrapline.model.compute import mixed_precision
from scrapline.system.files import sha256
from scrapline.system.parallel import cores

_BATCH = 32
_PACKAGE = Path(scrapline.__file__).parent
# What decodes, scales and computes. An optional one that is not installed counts as such.
LIBRARIES = ("numpy", "opencv-python-headless", "pi-heif", "pillow", "simplejpeg", "torch", "torchvision")


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
            logits = self.model.head.cpu()(features.plain())
        return Predictions(features.image_ids, torch.from_numpy(features.labels), logits)

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
            _ArrayFile(entry / "values.npy", shape) as values,
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
        return {
            "shards": [sha256(path) for path in shards.paths(self.folder, split)],
            "base": self.model.backbone_sha256(),
            "preprocessing": self.preprocessing.to_dict(),
            "views": {"count": views.count, "seed": views.seed, **views.key} if views else None,
            "dtype": str(dtype),
            "device": _device_name(self.device),
            "threads": cores(),
            "libraries": {name: _version(name) for name in LIBRARIES},
            "code": {path.relative_to(_PACKAGE).as_posix(): sha256(path) for path in code_files()},
        }


class _ArrayFile:
    """A float32 array [V, N, D] on its way to a .npy file, in pieces.

    Not a memory map: on a full disk, writing to one kills the process without a word.
    """

    def __init__(self, path: Path, shape: tuple[int, int, int]) -> None:
        self._stream = path.open("wb")
        self._shape = shape
        header = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.float32)), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._stream, header)
        self._start = self._stream.tell()

    def put(self, view: int, row: int, values: npt.NDArray[np.float32]) -> None:
        """Write rows [n, D] of one view, from `row` on."""
        _, images, size = self._shape
        self._stream.seek(self._start + 4 * size * (view * images + row))
        self._stream.write(np.ascontiguousarray(values).data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


def code_files() -> list[Path]:
    """The modules that may take part in making features: all that hold pixels and the network, sorted."""
    return sorted(path for folder in ("data", "model") for path in (_PACKAGE / folder).rglob("*.py"))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    capabilities = torch.cpu.get_capabilities()
    return f"cpu {sorted(name for name, present in capabilities.items() if present is True)}"
