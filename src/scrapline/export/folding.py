"""Input scaling taken out of the network: folded into its first convolution, which then reads the bytes as they are.

Normalised input is (byte - mean) / std by channel, so a convolution of it is one of the bytes with other weights and
another bias. Only its zero padding is not: zero stands for the mean, which no one number is for all channels. A border
of each channel's mean, to the nearest byte, is laid around the image instead; it is off by 0.01 std at most.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from scrapline.data.imaging import Preprocessing

Array = npt.NDArray[Any]

# The bytes, as floats around zero: what quantisation is to take with a scale of 1 and this zero point.
PIXELS = "pixels"
CENTRE = 128

_MIDDLE = ("Cast", "Sub", "Div", "Transpose")


def fold_scaling(model: onnx.ModelProto, preprocessing: Preprocessing) -> onnx.ModelProto | None:
    """A copy of the model whose first convolution takes the tensor PIXELS; None where it does not begin with one."""
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    graph = folded.graph
    chain = _first_nodes(graph)
    if chain is None:
        return None
    *scaling, conv = chain
    mean, std = np.array(preprocessing.mean) * 255, np.array(preprocessing.std) * 255
    weights = _constant(graph, conv.input[1]) / std[None, :, None, None]
    bias = _constant(graph, conv.input[2]) if len(conv.input) > 2 else np.zeros(len(weights))
    bias = bias + (weights * (CENTRE - mean)[None, :, None, None]).sum(axis=(1, 2, 3))
    for node in scaling:
        graph.node.remove(node)
    padding = next((a for a in conv.attribute if a.name == "pads"), None)
    top, left, bottom, right = padding.ints if padding else (0, 0, 0, 0)
    if padding:
        padding.ints[:] = [0, 0, 0, 0]
    nodes, constants = _border(np.rint(mean).astype(np.uint8), preprocessing.input_size, (top, left, bottom, right))
    bytes_in = nodes[-1].output[0] if nodes else "images"
    nodes += [
        helper.make_node("Transpose", [bytes_in], ["pixels_bytes"], "pixels_transpose", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["pixels_bytes"], ["pixels_float"], "pixels_cast", to=TensorProto.FLOAT),
        helper.make_node("Sub", ["pixels_float", "pixels_centre"], [PIXELS], "pixels_centred"),
    ]
    constants |= {"pixels_centre": np.array(CENTRE, np.float32), "pixels_weight": weights, "pixels_bias": bias}
    conv.input[:] = [PIXELS, "pixels_weight", "pixels_bias"]
    for node in reversed(nodes):
        graph.node.insert(0, node)
    graph.initializer.extend(numpy_helper.from_array(_storable(value), name) for name, value in constants.items())
    used = {name for node in graph.node for name in node.input}
    for unused in [constant for constant in graph.initializer if constant.name not in used]:
        graph.initializer.remove(unused)
    onnx.checker.check_model(folded, full_check=True)
    return folded


def take_bytes_directly(model: onnx.ModelProto) -> None:
    """Drop what turns bytes to floats only for QuantizeLinear to turn them back; in place.

    Exact for unsigned activations with a scale of 1 and a zero point of CENTRE; does nothing for signed ones.
    """
    graph = model.graph
    quantise = next((n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == PIXELS), None)
    if quantise is None or _constant(graph, quantise.input[2]) != CENTRE:
        return
    named = {node.name: node for node in graph.node}
    named["pixels_transpose"].output[0] = quantise.output[0]
    for node in (named["pixels_cast"], named["pixels_centred"], quantise):
        graph.node.remove(node)


def names(graph: onnx.GraphProto) -> list[str]:
    """The nodes that `fold_scaling` put before the first convolution."""
    return [node.name for node in graph.node if node.name.startswith(("pixels_", "border_"))]


def _first_nodes(graph: onnx.GraphProto) -> list[onnx.NodeProto] | None:
    """Cast, Sub, Div, Transpose and Conv, if that is all that becomes of the images at first."""
    found: list[onnx.NodeProto] = []
    tensor = "images"
    for op_type in (*_MIDDLE, "Conv"):
        readers = [node for node in graph.node if tensor in node.input and node.op_type != "Shape"]
        if len(readers) != 1 or readers[0].op_type != op_type or readers[0].input[0] != tensor:
            return None
        found.append(readers[0])
        tensor = readers[0].output[0]
    padded = any(a.name == "auto_pad" and a.s not in (b"", b"NOTSET") for a in found[-1].attribute)
    return None if padded else found


def _border(colour: Array, size: int, pads: tuple[int, int, int, int]) -> tuple[list[onnx.NodeProto], dict[str, Array]]:
    """Nodes that lay a border of one colour around images uint8 [N, S, S, 3], with their constants."""
    top, left, bottom, right = pads
    sides = {"left": (2, size, left), "right": (2, size, right)}
    width = left + size + right
    sides |= {"top": (1, top, width), "bottom": (1, bottom, width)}
    if not any(pads):
        return [], {}
    nodes = [
        helper.make_node("Shape", ["images"], ["border_batch"], "border_batch", start=0, end=1),
        helper.make_node("Concat", ["border_batch", "border_ones"], ["border_shape"], "border_shape", axis=0),
    ]
    constants: dict[str, Array] = {"border_ones": np.ones(3, np.int64)}
    inner = "images"
    for axis, names in ((2, ("left", "right")), (1, ("top", "bottom"))):
        parts = [inner]
        for name, place in zip(names, (0, len(parts) + 1), strict=True):
            _, height, length = sides[name]
            if height == 0 or length == 0:
                continue
            constants[f"border_{name}"] = np.broadcast_to(colour, (1, height, length, 3))
            nodes.append(
                helper.make_node("Expand", [f"border_{name}", "border_shape"], [f"border_{name}s"], f"border_{name}s")
            )
            parts.insert(place, f"border_{name}s")
        if len(parts) > 1:
            inner = f"border_{axis}"
            nodes.append(helper.make_node("Concat", parts, [inner], inner, axis=axis))
    return nodes, constants


def _constant(graph: onnx.GraphProto, name: str) -> Array:
    value = numpy_helper.to_array(next(constant for constant in graph.initializer if constant.name == name))
    return value.astype(np.float64) if value.dtype == np.float32 else value


def _storable(value: Array) -> Array:
    return np.ascontiguousarray(value.astype(np.float32) if value.dtype == np.float64 else value)
