"""The gate of the export: ONNX Runtime must say what PyTorch says, on real images, at several batch sizes."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from scrapline.cli.console import counter
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.runtime.engine import Engine
from scrapline.system.errors import ScraplineError

_MAIN_BATCH = 32
_OTHER_BATCHES = (1, 3)
_OTHER_IMAGES = 64
_NAMED = 5

Probabilities = npt.NDArray[np.float32]
Run = Callable[[npt.NDArray[np.uint8]], Probabilities]


@dataclass(frozen=True)
class Parity:
    """Comparisons made over `images` different images; the largest difference of any probability."""

    images: int
    max_abs_diff: float
    label_agreement: float


def check(engine: Engine, folder: Path, reference: Probabilities, tolerance: float) -> tuple[Parity, Probabilities]:
    """Compare the engine with PyTorch's probabilities [N, C] of the validation split; also give the engine's own.

    Every image at batch 32, the first 64 also at batches of 1 and 3. Raises ScraplineError naming the images where a
    label differs or a probability is off by more than `tolerance`.
    """
    ids = [row.image_id for row in shards.read_manifest(folder) if row.split == "val"]
    run = run_of(engine.session)
    probabilities = infer(run, engine.preprocessing, folder, "val", described="fp32")
    runs = [probabilities] + [_first_images(engine, folder, size) for size in _OTHER_BATCHES]
    offenders: dict[str, str] = {}
    worst, agreed, compared = 0.0, 0, 0
    for rows in runs:
        expected = reference[: len(rows)]
        diff = np.abs(rows - expected).max(axis=1)
        same = rows.argmax(axis=1) == expected.argmax(axis=1)
        for index in np.flatnonzero(~same | ~(diff <= tolerance)):
            labels = [engine.classes[r[index].argmax()] for r in (expected, rows)]
            offenders[ids[index]] = f"({labels[0]} -> {labels[1]}, {diff[index]:.1e})"
        worst, agreed, compared = max(worst, float(diff.max())), agreed + int(same.sum()), compared + len(rows)
    if offenders:
        named = "; ".join(f"{image_id} {why}" for image_id, why in list(offenders.items())[:_NAMED])
        raise ScraplineError(
            f"the ONNX model differs from the checkpoint on {len(offenders)} validation images ({named}): it was not "
            f"exported; the largest difference is {worst:.2e}, export.parity_tolerance {tolerance:.0e}"
        )
    return Parity(len(ids), float(f"{worst:.3g}"), agreed / compared), probabilities


def infer(
    run: Run,
    preprocessing: Preprocessing,
    folder: Path,
    split: str,
    *,
    described: str,
    only: Collection[int] | None = None,
) -> Probabilities:
    """A model's probabilities [N, C] of a split, or of some positions in it, at batch 32, in id order."""
    images = len(only) if only is not None else sum(row.split == split for row in shards.read_manifest(folder))
    rows = []
    with counter(f"{described} on {split}", images) as advance:
        for batch in decoding.read(folder, split, preprocessing, _MAIN_BATCH, only=only):
            rows.append(run(batch.images))
            advance(len(batch.labels))
    return np.concatenate(rows)


def run_of(session: ort.InferenceSession) -> Run:
    """A session as a function from uint8 [N, S, S, 3] to probabilities [N, C]."""

    def run(images: npt.NDArray[np.uint8]) -> Probabilities:
        probabilities: Probabilities = session.run(["probabilities"], {"images": images})[0]
        return probabilities

    return run


def _first_images(engine: Engine, folder: Path, batch_size: int) -> Probabilities:
    source = decoding.read(folder, "val", engine.preprocessing, batch_size)
    few = islice(source, -(-_OTHER_IMAGES // batch_size))
    return np.concatenate([engine.infer(batch.images)[0] for batch in few])
