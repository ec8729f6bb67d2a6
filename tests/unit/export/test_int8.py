"""Quantisation: the same model in 8 bits, nothing in float that need not be, and the same bytes every time."""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto
from onnxruntime.quantization.calibrate import PercentileCalibrater

from conftest import ROOT
from scrapline.export import folding, int8
from scrapline.export.int8 import Quantiser, Recipe
from scrapline.export.parity import run_of
from scrapline.runtime.engine import open_session
from unit.export import small


@pytest.fixture(scope="module")
def model() -> onnx.ModelProto:
    return small.float_model()


@pytest.fixture(scope="module")
def quantiser(model: onnx.ModelProto) -> Iterator[Quantiser]:
    with Quantiser(model, small.PREPROCESSING, small.images(80), "uint8") as made:
        yield made


def probabilities(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    return run_of(open_session(model.SerializeToString()))(images)


def operators(model: onnx.ModelProto) -> Counter[str]:
    return Counter(node.op_type for node in model.graph.node)


def optimised(model: onnx.ModelProto, path: str) -> Counter[str]:
    options = ort.SessionOptions()
    options.optimized_model_filepath = path
    options.log_severity_level = 3
    ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return operators(onnx.load(path))


def test_folding_the_scaling_changes_nothing_but_the_last_digits(model: onnx.ModelProto) -> None:
    folded = folding.fold_scaling(model, small.PREPROCESSING)
    assert folded is not None
    assert not {"Div"} & {node.op_type for node in folded.graph.node[:12]}
    seen = small.images(48, seed=1)
    np.testing.assert_allclose(probabilities(folded, seen), probabilities(model, seen), atol=5e-3)
    for batch in (1, 3):
        np.testing.assert_allclose(
            probabilities(folded, seen[:batch]), probabilities(folded, seen)[:batch], rtol=1e-4, atol=1e-6
        )


def test_the_border_is_the_mean_and_not_black(model: onnx.ModelProto) -> None:
    """An image of the mean colour gives the same value everywhere, up to its edges."""
    folded = folding.fold_scaling(model, small.PREPROCESSING)
    assert folded is not None
    stem = next(node for node in folded.graph.node if node.op_type == "Conv")
    folded.graph.output.append(onnx.helper.make_tensor_value_info(stem.output[0], TensorProto.FLOAT, None))
    colour = np.rint(np.array(small.PREPROCESSING.mean) * 255).astype(np.uint8)
    image = np.broadcast_to(colour, (1, 32, 32, 3)).copy()
    values = open_session(folded.SerializeToString()).run([stem.output[0]], {"images": image})[0]
    np.testing.assert_allclose(values, np.broadcast_to(values[:, :, 8:9, 8:9], values.shape), atol=1e-4)


def test_a_network_that_begins_otherwise_is_left_as_it_is(model: onnx.ModelProto) -> None:
    other = onnx.ModelProto()
    other.CopyFrom(model)
    scale = next(node for node in other.graph.node if node.op_type == "Div")
    scale.op_type = "Mul"
    assert folding.fold_scaling(other, small.PREPROCESSING) is None
    with Quantiser(other, small.PREPROCESSING, small.images(16), "uint8") as made:
        quantised = made.quantise(Recipe("minmax"))
    assert made.facts(Recipe("minmax")).input_scaling == "in float"
    assert "Mul" in operators(quantised)


@pytest.mark.parametrize("calibration", ["minmax", "percentile"])
def test_int8_says_what_float32_says(quantiser: Quantiser, model: onnx.ModelProto, calibration: str) -> None:
    seen = small.images(200, seed=2)
    exact, found = probabilities(model, seen), probabilities(quantiser.quantise(Recipe(calibration)), seen)
    assert np.abs(exact - found).mean() < 0.02
    sure = np.sort(exact, axis=1)[:, -1] - np.sort(exact, axis=1)[:, -2] > 0.2
    assert sure.sum() > 50
    np.testing.assert_array_equal(found.argmax(axis=1)[sure], exact.argmax(axis=1)[sure])


def test_weights_are_signed_per_channel_and_activations_unsigned(quantiser: Quantiser) -> None:
    found = quantiser.quantise(Recipe("minmax"))
    constants = {constant.name: constant for constant in found.graph.initializer}
    weights = [constant for name, constant in constants.items() if name.endswith("weight_quantized")]
    assert len(weights) == 3
    for weight in weights:
        assert weight.data_type == TensorProto.INT8
        scale = constants[weight.name.replace("_quantized", "_scale")]
        assert list(scale.dims) == [weight.dims[0]]
    for node in found.graph.node:
        if node.op_type == "QuantizeLinear":
            assert constants[node.input[2]].data_type == TensorProto.UINT8


def test_the_bytes_of_the_image_go_straight_into_the_first_convolution(quantiser: Quantiser, tmp_path: object) -> None:
    found = optimised(quantiser.quantise(Recipe("minmax")), f"{tmp_path}/optimised.onnx")
    assert found["QLinearConv"] == 3
    assert not {"Conv", "Cast", "Sub", "QuantizeLinear"} & set(found)
    assert found["DequantizeLinear"] == 1  # where the pooled mean, the embedding and the head begin
    assert found["Div"] == found["Softmax"] == found["Gemm"] == 1


def test_signed_activations_are_signed_and_agree(model: onnx.ModelProto) -> None:
    seen = small.images(64, seed=4)
    with Quantiser(model, small.PREPROCESSING, small.images(80), "int8") as made:
        found = made.quantise(Recipe("minmax"))
    constants = {constant.name: constant for constant in found.graph.initializer}
    points = [constants[node.input[2]] for node in found.graph.node if node.op_type == "QuantizeLinear"]
    assert points
    assert all(point.data_type == TensorProto.INT8 for point in points)
    assert np.abs(probabilities(found, seen) - probabilities(model, seen)).mean() < 0.03


def test_layers_are_left_in_float(quantiser: Quantiser) -> None:
    found = quantiser.quantise(Recipe("minmax", tuple(quantiser.layers)))
    assert not {"QuantizeLinear", "DequantizeLinear"} & set(operators(found))
    one = quantiser.quantise(Recipe("minmax", tuple(quantiser.layers[:1])))
    quantised = [c.name for c in one.graph.initializer if c.name.endswith("weight_quantized")]
    assert len(quantised) == 2


def test_calibration_holds_one_batch_at_a_time(model: onnx.ModelProto, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    collect = PercentileCalibrater.collect_data

    def spy(self: PercentileCalibrater, reader: int8._Reader) -> None:
        batches = list(reader._batches)
        held.append(sum(len(batch["images"]) for batch in batches))
        reader._batches = iter(batches)
        collect(self, reader)
        assert self.intermediate_outputs == []

    monkeypatch.setattr(PercentileCalibrater, "collect_data", spy)
    with Quantiser(model, small.PREPROCESSING, small.images(70), "uint8") as made:
        made.quantise(Recipe("percentile"))
        made.quantise(Recipe("percentile"))
    assert held == [16, 16, 16, 16, 6]


def test_the_same_inputs_give_the_same_bytes_in_any_process() -> None:
    script = (
        "import hashlib; from scrapline.export.int8 import Quantiser, Recipe; from unit.export import small\n"
        "with Quantiser(small.float_model(), small.PREPROCESSING, small.images(40), 'uint8') as q:\n"
        "    for c in ('minmax', 'percentile'):\n"
        "        print(hashlib.sha256(q.quantise(Recipe(c)).SerializeToString()).hexdigest())\n"
    )
    found = set()
    for seed in ("0", "1"):
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT / "tests")])
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found.add(done.stdout)
    assert len(found) == 1
    with Quantiser(small.float_model(), small.PREPROCESSING, small.images(40), "uint8") as made:
        here = hashlib.sha256(made.quantise(Recipe("minmax")).SerializeToString()).hexdigest()
    assert found.pop().splitlines()[0] == here


def test_no_trace_of_the_machine_and_no_foreign_operators(quantiser: Quantiser) -> None:
    found = quantiser.quantise(Recipe("minmax"))
    assert {opset.domain for opset in found.opset_import} <= {"", "ai.onnx.ml"}
    data = found.SerializeToString()
    assert b"/tmp" not in data
    assert str(ROOT).encode() not in data
