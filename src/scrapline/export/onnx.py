"""PyTorch to ONNX: bytes of pixels in, calibrated probabilities and embeddings out, everything in the graph."""

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from scrapline.data.imaging import Preprocessing
from scrapline.model.batches import normalise
from scrapline.model.checkpoint import Checkpoint
from scrapline.runtime import fingerprint
from scrapline.runtime.engine import Engine, open_session
from scrapline.runtime.metadata import Metadata, Quantisation, checked
from scrapline.system.files import sha256


class Deployed(nn.Module):
    """The classifier as the line needs it: uint8 [N, S, S, 3] to probabilities [N, C] and embeddings [N, D]."""

    def __init__(self, model: nn.Module, preprocessing: Preprocessing, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.preprocessing = preprocessing
        self.temperature = temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, normalise, classify, calibrate; `model` gives logits and embedding of normalised images."""
        # Not channels last: PyTorch's pooling would keep the layout by a dozen nodes of index arithmetic.
        logits, embedding = self.model(normalise(images, self.preprocessing).contiguous())
        return torch.softmax(logits / self.temperature, dim=1), embedding


@dataclass(frozen=True)
class Provenance:
    """What a deployed file says of its making, besides the checkpoint's own facts."""

    checkpoint: Path
    manifest: Path
    operating_points: dict[str, Any]
    params: dict[str, Any]


def convert(checkpoint: Checkpoint, opset: int) -> onnx.ModelProto:
    """The checkpoint as a float32 ONNX model without metadata; the same checkpoint gives the same bytes."""
    model = Deployed(checkpoint.classifier(), checkpoint.preprocessing, checkpoint.temperature)
    return translate(model, opset)


def translate(model: Deployed, opset: int) -> onnx.ModelProto:
    """PyTorch to ONNX, for any batch size, without traces of this machine."""
    size = model.preprocessing.input_size
    # An example batch of 1 can fix the batch size for good.
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    for talker in ("torch.onnx", "torch.utils.flop_counter"):
        logging.getLogger(talker).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model.eval(),
            (example,),
            dynamo=True,
            opset_version=opset,
            input_names=["images"],
            output_names=["probabilities", "embedding"],
            dynamic_shapes={"images": {0: torch.export.Dim("batch", min=1)}},
            verbose=False,
        )
    assert program is not None
    proto: onnx.ModelProto = program.model_proto
    strip(proto)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def save(
    proto: onnx.ModelProto,
    path: Path,
    *,
    checkpoint: Checkpoint,
    provenance: Provenance,
    quantisation: Quantisation | None = None,
) -> Engine:
    """Write a model with its metadata, and load what was written; `quantisation` None: it computes in float32."""
    session = open_session(proto.SerializeToString())
    size = checkpoint.preprocessing.input_size
    answers = fingerprint.take(lambda images: session.run(["probabilities"], {"images": images})[0], size)
    about = metadata(checkpoint, provenance, answers, quantisation)
    onnx.save(stamped(proto, about), path)
    return Engine.load(path)


def metadata(
    checkpoint: Checkpoint,
    provenance: Provenance,
    answers: list[list[float]],
    quantisation: Quantisation | None = None,
) -> Metadata:
    """What a deployed file says of itself; `answers` are its fingerprint, the probabilities of the drawn images."""
    points = provenance.operating_points
    content = {
        "precision": "int8" if quantisation else "fp32",
        "arch": checkpoint.arch,
        "classes": checkpoint.classes,
        "thresholds": {name: points["classes"][name]["threshold"] for name in checkpoint.classes},
        "target_purity": points["target_purity"],
        "preprocessing": checkpoint.preprocessing.to_dict(),
        "temperature": checkpoint.temperature,
        "weights": checkpoint.weights,
        "params": provenance.params,
        "checkpoint_sha256": sha256(provenance.checkpoint),
        "manifest_sha256": sha256(provenance.manifest),
        "fingerprint": answers,
    }
    if quantisation:
        content["quantisation"] = quantisation.model_dump()
    return checked(content, provenance.checkpoint)


def stamped(proto: onnx.ModelProto, about: Metadata) -> onnx.ModelProto:
    """A copy of a model that carries metadata where the engine looks for it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for key, value in about.properties().items():
        copy.metadata_props.add(key=key, value=value)
    return copy


def strip(proto: onnx.ModelProto) -> None:
    """Take out what tools note for debugging, such as stack traces with the paths of this machine; in place."""
    proto.ClearField("metadata_props")
    proto.doc_string = ""
    used = {node.domain for node in proto.graph.node}
    for foreign in [opset for opset in proto.opset_import if opset.domain not in used]:
        proto.opset_import.remove(foreign)
    parts = [proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.graph.value_info]
    parts += [*proto.graph.initializer, *proto.functions, *(node for f in proto.functions for node in f.node)]
    for part in parts:
        part.ClearField("metadata_props")
        part.doc_string = ""
