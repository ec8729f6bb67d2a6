"""The deployed model: an ONNX file and nothing else; no torch, no params.yaml."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from scrapline import imaging
from scrapline.errors import ScraplineError
from scrapline.files import require
from scrapline.imaging import Pixels, Preprocessing
from scrapline.parallel import cores

FORMAT_VERSION = 1


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
    """A loaded model. Safe to use from several threads."""

    session: ort.InferenceSession
    classes: list[str]
    preprocessing: Preprocessing
    thresholds: dict[str, float]
    metadata: dict[str, Any]

    @classmethod
    def load(cls, path: Path) -> "Engine":
        """Load a model that `export` wrote; ScraplineError where it is missing, damaged, foreign or too new."""
        require(path)
        options = ort.SessionOptions()
        options.intra_op_num_threads = cores()
        options.log_severity_level = 3
        try:
            session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own exceptions share no public base class
            reason = str(error).split("\n")[0]
            raise ScraplineError(f"{path} is damaged or no ONNX model ({reason}): run `dvc repro export`") from None
        raw = session.get_modelmeta().custom_metadata_map
        metadata = {
            key.removeprefix("scrapline."): json.loads(value)
            for key, value in raw.items()
            if key.startswith("scrapline.")
        }
        version = metadata.get("format_version")
        if version is None:
            raise ScraplineError(
                f"{path} was not exported by Scrapline and carries no classes and no preprocessing: use a file of "
                "`dvc repro export`"
            )
        if version != FORMAT_VERSION:
            raise ScraplineError(
                f"{path} has format {version}, this code reads {FORMAT_VERSION}: update the code, or export again"
            )
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
