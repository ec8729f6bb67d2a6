"""PyTorch to ONNX: bytes of pixels in, calibrated probabilities and embeddings out, everything in the graph."""

import json
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
from scrapline.runtime.engine import FORMAT_VERSION
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
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
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


def metadata(checkpoint: Checkpoint, provenance: Provenance) -> dict[str, Any]:
    """What every deployed file says of itself."""
    points = provenance.operating_points["classes"]
    return {
        "format_version": FORMAT_VERSION,
        "classes": checkpoint.classes,
        "preprocessing": checkpoint.preprocessing.to_dict(),
        "thresholds": {name: points[name]["threshold"] for name in checkpoint.classes},
        "target_purity": provenance.operating_points["target_purity"],
        "arch": checkpoint.arch,
        "temperature": checkpoint.temperature,
        "weights": checkpoint.weights,
        "params": provenance.params,
        "checkpoint_sha256": sha256(provenance.checkpoint),
        "manifest_sha256": sha256(provenance.manifest),
    }


def stamped(proto: onnx.ModelProto, content: dict[str, Any]) -> onnx.ModelProto:
    """A copy of a model that carries metadata where the engine looks for it."""
    copy = onnx.ModelProto()
    copy.CopyFrom(proto)
    for key, value in content.items():
        copy.metadata_props.add(key=f"scrapline.{key}", value=json.dumps(value, ensure_ascii=False))
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
