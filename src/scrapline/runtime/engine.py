"""The deployed model: an ONNX file and nothing else; no torch, no params.yaml."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from scrapline.data import imaging
from scrapline.data.imaging import Pixels, Preprocessing
from scrapline.system.errors import ScraplineError
from scrapline.system.files import require
from scrapline.system.parallel import cores

FORMAT_VERSION = 2

# Where many images wait: the weights of the last layers are then fetched once for all of them. More gain nothing.
FRAMES_A_RUN = 4

_PREFIX = "scrapline."
_OURS = ("format_version", "classes", "preprocessing", "thresholds")


class Tuning(StrEnum):
    """What a session is for: one frame as soon as possible on all cores, or many, each on the core that asks."""

    LATENCY = "latency"
    THROUGHPUT = "throughput"


@dataclass(frozen=True)
class Classification:
    """What the model says of one image. `low_confidence`: the confidence is under its class's threshold."""

    predicted_class: str
    confidence: float
    runner_up: str
    runner_up_confidence: float
    low_confidence: bool


@dataclass(frozen=True)
class Engine:
    """A loaded model. Safe to use from several threads; tuned for throughput, each of them computes on its own."""

    session: ort.InferenceSession
    classes: list[str]
    preprocessing: Preprocessing
    thresholds: dict[str, float]
    metadata: dict[str, Any]

    @classmethod
    def load(cls, path: Path, tuning: Tuning = Tuning.LATENCY) -> "Engine":
        """Load a model that `export` wrote; ScraplineError where it is missing, damaged, foreign or too new."""
        session = open_session(require(path), tuning)
        metadata = _metadata(session, path)
        preprocessing = Preprocessing.from_dict(metadata["preprocessing"])
        return cls(session, metadata["classes"], preprocessing, metadata["thresholds"], metadata)

    def preprocess(self, data: bytes) -> Pixels:
        """A file's bytes to the model's input, uint8 [S, S, 3]. Raises imaging.ImageError."""
        return imaging.load(data, self.preprocessing)

    def infer(self, images: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Probabilities [N, C] and embeddings [N, D] of uint8 [N, S, S, 3]."""
        probabilities, embedding = self.session.run(["probabilities", "embedding"], {"images": images})
        return probabilities, embedding

    def classify(self, data: bytes) -> Classification:
        """Classify one image file's bytes. Raises imaging.ImageError."""
        return self.decide(self.infer(self.preprocess(data)[None])[0][0])

    def classify_batch(self, images: Sequence[bytes]) -> list[Classification]:
        """Classify several files' bytes in one run of the network. Raises imaging.ImageError."""
        probabilities, _ = self.infer(np.stack([self.preprocess(data) for data in images]))
        return [self.decide(row) for row in probabilities]

    def decide(self, probabilities: npt.NDArray[np.float32]) -> Classification:
        """Read one row of probabilities [C]."""
        second, best = np.argsort(probabilities, kind="stable")[-2:]
        name, confidence = self.classes[best], float(probabilities[best])
        return Classification(
            name,
            confidence,
            self.classes[second],
            float(probabilities[second]),
            low_confidence=confidence < self.thresholds[name],
        )


def open_session(model: Path | bytes, tuning: Tuning = Tuning.LATENCY) -> ort.InferenceSession:
    """An ONNX Runtime session on this machine's cores; ScraplineError where the model is damaged.

    Tuned for latency, its threads wait awake for the next frame, 40 ms at most, then sleep; for throughput it
    has none of its own.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = cores() if tuning is Tuning.LATENCY else 1
    try:
        source = model if isinstance(model, bytes) else str(model)
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        reason = str(error).split("\n")[0]
        name = "the model" if isinstance(model, bytes) else model
        raise ScraplineError(f"{name} is damaged or no ONNX model ({reason}): run `dvc repro export`") from None


def _metadata(session: ort.InferenceSession, path: Path) -> dict[str, Any]:
    raw = session.get_modelmeta().custom_metadata_map
    if f"{_PREFIX}format_version" not in raw:
        raise ScraplineError(
            f"{path} was not exported by Scrapline and carries no classes and no preprocessing: use a file of "
            "`dvc repro export`"
        )
    try:
        metadata = {key.removeprefix(_PREFIX): json.loads(v) for key, v in raw.items() if key.startswith(_PREFIX)}
    except ValueError as error:
        raise ScraplineError(f"{path} carries damaged metadata ({error}): run `dvc repro export`") from None
    version = metadata["format_version"]
    if version != FORMAT_VERSION:
        raise ScraplineError(
            f"{path} has format {version}, this code reads {FORMAT_VERSION}: update the code, or export again"
        )
    if missing := [name for name in _OURS if name not in metadata]:
        raise ScraplineError(f"{path} carries no {missing[0]}: run `dvc repro export`")
    return metadata
