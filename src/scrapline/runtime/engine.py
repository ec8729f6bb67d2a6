"""The deployed model: an ONNX file and nothing else; no torch, no params.yaml."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from scrapline.data import imaging
from scrapline.data.imaging import Pixels, Preprocessing
from scrapline.runtime import metadata, processor
from scrapline.runtime.metadata import Metadata
from scrapline.system.errors import ScraplineError
from scrapline.system.files import require
from scrapline.system.parallel import cores

# Where many images wait: the weights of the last layers are then fetched once for all of them. More gain nothing.
FRAMES_A_RUN = 4

# ONNX Runtime's exact way for 8-bit arithmetic that overflows. Where it does not, it would take three times as long.
EXACT_8_BIT = "session.x64quantprecision"


class Tuning(StrEnum):
    """What a session is for: one frame as soon as possible on all cores, or many, each on the core that asks.

    SPREAD is LATENCY beside others that need the cores between its frames.
    """

    LATENCY = "latency"
    THROUGHPUT = "throughput"
    SPREAD = "spread"


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
    metadata: Metadata
    path: Path

    @classmethod
    def load(cls, path: Path, tuning: Tuning = Tuning.LATENCY) -> "Engine":
        """Load a model that `export` wrote; ScraplineError where it is missing, damaged, foreign or too new."""
        session = open_session(require(path), tuning)
        return cls(session, _metadata(session, path), path)

    def spread(self, threads: int) -> "Engine":
        """The same model, each frame of which so many cores compute together."""
        return replace(self, session=open_session(self.path, Tuning.SPREAD, threads))

    @property
    def classes(self) -> list[str]:
        """The classes' names in the order of the probabilities."""
        return self.metadata.classes

    @property
    def preprocessing(self) -> Preprocessing:
        """How bytes become the model's input."""
        return self.metadata.preprocessing

    def preprocess(self, image: bytes | Pixels) -> Pixels:
        """A file's bytes, or RGB pixels [H, W, 3], to the model's input, uint8 [S, S, 3]. Raises imaging.ImageError."""
        if isinstance(image, bytes):
            return imaging.load(image, self.preprocessing)
        return imaging.from_array(image, self.preprocessing)

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
            low_confidence=not confidence >= self.metadata.thresholds[name],  # NaN is not enough either
        )


def open_session(
    model: Path | bytes, tuning: Tuning = Tuning.LATENCY, threads: int | None = None
) -> ort.InferenceSession:
    """An ONNX Runtime session on this machine's cores, or so many; ScraplineError where the model is damaged.

    Tuned for latency, its threads wait awake for the next frame, 40 ms at most, then sleep; spread, they sleep at
    once; for throughput it has none of its own.
    """
    options = ort.SessionOptions()
    options.log_severity_level = 4  # what fails is raised, and said once
    options.intra_op_num_threads = 1 if tuning is Tuning.THROUGHPUT else threads or cores()
    if tuning is Tuning.SPREAD:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if processor.saturates():
        options.add_session_config_entry(EXACT_8_BIT, "1")
    try:
        source = model if isinstance(model, bytes) else str(model)
        return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        reason = metadata.shown(str(error).split("\n")[0], 300)
        name = "the model" if isinstance(model, bytes) else model
        raise ScraplineError(f"{name} is damaged or no ONNX model ({reason}): run `dvc repro export`") from None


def _metadata(session: ort.InferenceSession, path: Path) -> Metadata:
    """What the file says of itself, if its graph is of the same classes and sizes."""
    try:
        properties = session.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError as error:
        raise metadata.damaged(path, str(error.reason)) from None
    found = metadata.read(properties, path)
    size = found.preprocessing.input_size
    _check(path, "input", session.get_inputs(), [("images", "tensor(uint8)", [size, size, 3])])
    width = session.get_outputs()[-1].shape[-1:]  # the embedding's is the network's own
    promised = [("probabilities", "tensor(float)", [len(found.classes)]), ("embedding", "tensor(float)", width)]
    _check(path, "output", session.get_outputs(), promised)
    return found


def _check(path: Path, what: str, nodes: Sequence[ort.NodeArg], promised: list[tuple[str, str, list[int]]]) -> None:
    """Raise ScraplineError unless the graph's ends are those that the metadata promises, for any number of images."""
    ends = [(node.name, node.type, node.shape[1:]) for node in nodes]
    if ends != promised or any(isinstance(node.shape[0], int) for node in nodes):
        wanted = ", ".join(f"{name} {kind} [N, {', '.join(map(str, shape))}]" for name, kind, shape in promised)
        raise metadata.damaged(path, f"it promises the {what} {wanted}, which the network has not")
