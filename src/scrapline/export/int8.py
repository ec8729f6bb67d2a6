"""Float32 to INT8 by ONNX Runtime's static quantisation: signed weights per channel, calibrated on training images."""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator, save_tensors_data

from scrapline.cli.console import counter
from scrapline.data.imaging import Preprocessing
from scrapline.export import folding
from scrapline.export.onnx import strip
from scrapline.runtime.metadata import Quantisation

# What computes, and what only follows its input; all else is left in float.
_LAYERS = ("Conv", "MatMul", "Gemm", "Add", "AveragePool", "GlobalAveragePool", "Concat")
_OPERATORS = (*_LAYERS, "Relu", "Clip", "MaxPool")
_METHODS = {"minmax": CalibrationMethod.MinMax, "percentile": CalibrationMethod.Percentile}
_BATCH = 16

Calibration = Literal["minmax", "percentile"]


@dataclass(frozen=True)
class Recipe:
    """How to quantise: `calibration` is minmax or percentile; `float_layers` are nodes that stay in float32."""

    calibration: Calibration
    float_layers: tuple[str, ...] = ()


class Quantiser:
    """Makes INT8 models of one float32 model `images` -> `probabilities`, `embedding`; keeps ranges once calibrated.

    Use it as a context manager: it keeps files in a temporary folder.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        preprocessing: Preprocessing,
        images: npt.NDArray[np.uint8],
        activation_type: str,
    ) -> None:
        """`images` uint8 [N, S, S, 3] are for calibration; `activation_type` is uint8 or int8."""
        folded = folding.fold_scaling(model, preprocessing)
        self.folded = folded is not None
        self.model = folded or model
        self.images = images
        self._type = QuantType.QInt8 if activation_type == "int8" else QuantType.QUInt8
        self._float = _downstream(self.model.graph, "embedding") + folding.names(self.model.graph)
        self._folder = tempfile.TemporaryDirectory(prefix="scrapline")

    def __enter__(self) -> "Quantiser":
        """Write the float32 model where ONNX Runtime reads it."""
        onnx.save(self.model, self._path("float.onnx"))
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the temporary folder."""
        self._folder.cleanup()

    @property
    def layers(self) -> list[str]:
        """The nodes that compute, and that a recipe can leave in float."""
        return [node.name for node in self.model.graph.node if node.op_type in _LAYERS and node.name not in self._float]

    def facts(self, recipe: Recipe) -> Quantisation:
        """What the INT8 file says of its making."""
        return Quantisation(
            calibration=recipe.calibration,
            calibration_images=len(self.images),
            activations="int8" if self._type is QuantType.QInt8 else "uint8",
            weights="int8, per channel",
            input_scaling="folded into the first convolution" if self.folded else "in float",
            float_layers=list(recipe.float_layers),
        )

    def quantise(self, recipe: Recipe) -> onnx.ModelProto:
        """The INT8 model; the same recipe gives the same bytes. It carries no metadata yet."""
        ranges = self._calibrated(recipe.calibration)
        options = {}
        if self.folded:
            signed = self._type is QuantType.QInt8
            zero_point = np.array([0], np.int8) if signed else np.array([folding.CENTRE], np.uint8)
            override = {"quant_type": self._type, "scale": np.ones(1, np.float32), "zero_point": zero_point}
            options["TensorQuantOverrides"] = {folding.PIXELS: [override]}
        with _quiet():
            quantize_static(
                self._path("float.onnx"),
                self._path("int8.onnx"),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_OPERATORS),
                per_channel=True,
                activation_type=self._type,
                weight_type=QuantType.QInt8,
                nodes_to_exclude=[*self._float, *recipe.float_layers],
                calibrate_method=_METHODS[recipe.calibration],
                calibration_cache_path=ranges,
                extra_options=options,
            )
        model = onnx.load(self._path("int8.onnx"))
        folding.take_bytes_directly(model)
        strip(model)
        onnx.checker.check_model(model, full_check=True)
        return model

    def _calibrated(self, method: str) -> Path:
        """The file of every tensor's range under a method."""
        path = self._path(f"{method}.json")
        if path.exists():
            return path
        with _quiet():
            calibrator = create_calibrator(
                self._path("float.onnx"),
                list(_OPERATORS),
                augmented_model_path=str(self._path("augmented.onnx")),
                calibrate_method=_METHODS[method],
                # Most tensors come out of a ReLU: a range of equal sides would waste half of it.
                extra_options={"symmetric": False},
            )
        with counter(f"calibrating, {method}", len(self.images)) as advance:
            for start in range(0, len(self.images), _BATCH):
                batch = self.images[start : start + _BATCH]
                # It keeps all activations of what it is given at once, and adds up what it is given in turn.
                with _quiet():
                    calibrator.collect_data(_Reader(batch))
                advance(len(batch))
        with _quiet():
            save_tensors_data(calibrator.compute_data(), path)
        return path

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """One batch of images for ONNX Runtime's calibration."""

    def __init__(self, images: npt.NDArray[np.uint8]) -> None:
        self._batches = iter([{"images": images}])

    def get_next(self) -> dict[str, npt.NDArray[np.uint8]] | None:
        return next(self._batches, None)


def _downstream(graph: onnx.GraphProto, tensor: str) -> list[str]:
    """Names of all nodes that a tensor reaches; nodes stand in topological order."""
    reached, names = {tensor}, []
    for node in graph.node:
        if reached.intersection(node.input):
            reached.update(node.output)
            names.append(node.name)
    return names


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime's tool from advising users who cannot follow it; errors are exceptions."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
