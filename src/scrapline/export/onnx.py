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

from scrapline.classifier import Checkpoint, Classifier, normalise
from scrapline.files import sha256
from scrapline.imaging import Preprocessing

FORMAT_VERSION = 1


class Deployed(nn.Module):
    """The classifier as the line needs it: uint8 [N, S, S, 3] to probabilities [N, C] and embeddings [N, D]."""

    def __init__(self, model: Classifier, preprocessing: Preprocessing, temperature: float) -> None:
        super().__init__()
        self.model = model
        self.preprocessing = preprocessing
        self.temperature = temperature

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scale, normalise, classify, calibrate."""
        logits, embedding = self.model(normalise(images, self.preprocessing))
        return torch.softmax(logits / self.temperature, dim=1), embedding


@dataclass(frozen=True)
class Provenance:
    """What a deployed file says of its making, besides the checkpoint's own facts."""

    checkpoint: Path
    manifest: Path
    operating_points: dict[str, Any]
    params: dict[str, Any]


def convert(checkpoint: Checkpoint, provenance: Provenance, opset: int) -> onnx.ModelProto:
    """The checkpoint as an ONNX model with its metadata; the same checkpoint gives the same bytes."""
    model = Deployed(checkpoint.classifier(), checkpoint.preprocessing, checkpoint.temperature).eval()
    size = checkpoint.preprocessing.input_size
    # An example batch of 1 can fix the batch size for good.
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            model,
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
    _strip(proto)
    for key, value in _metadata(checkpoint, provenance).items():
        proto.metadata_props.add(key=key, value=value)
    onnx.checker.check_model(proto, full_check=True)
    return proto


def _metadata(checkpoint: Checkpoint, provenance: Provenance) -> dict[str, str]:
    points = provenance.operating_points["classes"]
    content = {
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
    return {f"scrapline.{key}": json.dumps(value, ensure_ascii=False) for key, value in content.items()}


def _strip(proto: onnx.ModelProto) -> None:
    """Take out what the exporter notes for debugging: stack traces with the paths of this machine."""
    proto.ClearField("metadata_props")
    proto.doc_string = ""
    parts = [proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.graph.value_info]
    parts += [*proto.graph.initializer, *proto.functions, *(node for f in proto.functions for node in f.node)]
    for part in parts:
        part.ClearField("metadata_props")
        part.doc_string = ""
