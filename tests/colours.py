"""A deployed model that anybody can check: it says which of red, green and blue a picture has most of.

It is a real ONNX file with all that `export` writes, so that the line can be run for real, and as slow as wanted.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from conftest import jpeg
from scrapline.data.imaging import Preprocessing
from scrapline.runtime import fingerprint
from scrapline.runtime.metadata import Metadata

NAMES = ("red", "green", "blue")
SIZE = 32
_SIDE = 384
TINTS = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200), "grey": (120, 120, 120)}
# A picture this bright makes the network itself fail, as a damaged one or a full memory would.
POISON = (255, 255, 255)


def model(path: Path, *, classes: int = 3, work: int = 0) -> Path:
    """Write the model; `work` products of matrices make each frame slower, about a millisecond each on one core.

    Pictures of one colour are classified surely, grey ones not.
    """
    names = list(NAMES[:classes])
    constants = {
        "pixels": np.array([1, 2], np.int64),
        "channels": np.array([1], np.int64),
        "scale": np.array(20 / 255, np.float32),
        "pick": np.eye(3, classes, dtype=np.float32),
        "nearly_white": np.array(254, np.float32),
        "table": np.zeros(1, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["images"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float", "pixels"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "pick"], ["picked"]),
        helper.make_node("Mul", ["picked", "scale"], ["logits"]),
        # Beyond the table's only row where any picture is nearly white: ONNX Runtime raises.
        helper.make_node("ReduceMin", ["embedding", "channels"], ["darkest"], keepdims=0),
        helper.make_node("ReduceMax", ["darkest"], ["brightest"], keepdims=0),
        helper.make_node("Greater", ["brightest", "nearly_white"], ["poisoned"]),
        helper.make_node("Cast", ["poisoned"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "index"], ["nothing"]),
    ]
    terms = ["logits", "nothing"]
    if work:
        constants |= {
            "matrix": np.eye(_SIDE, dtype=np.float32),
            "square": np.array([1, _SIDE, _SIDE], np.int64),
            "last": np.array([2], np.int64),
            "zero": np.zeros((), np.float32),
        }
        nodes += [
            helper.make_node("Unsqueeze", ["darkest", "pixels"], ["single"]),
            helper.make_node("Expand", ["single", "square"], ["product0"]),
            *(
                helper.make_node("MatMul", [f"product{number}", "matrix"], [f"product{number + 1}"])
                for number in range(work)
            ),
            helper.make_node("ReduceMax", [f"product{work}", "last"], ["rows"], keepdims=0),
            helper.make_node("ReduceMax", ["rows", "channels"], ["one"], keepdims=1),
            helper.make_node("Mul", ["one", "zero"], ["no_work"]),
        ]
        terms.append("no_work")
    nodes += [
        helper.make_node("Sum", terms, ["adjusted"]),
        helper.make_node("Softmax", ["adjusted"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", classes]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", 3]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    session = ort.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = fingerprint.take(lambda images: session.run(["probabilities"], {"images": images})[0], SIZE)
    about = Metadata(
        precision="fp32",
        arch="colours",
        classes=names,
        thresholds=dict.fromkeys(names, 0.6),
        target_purity=0.95,
        preprocessing=Preprocessing(input_size=SIZE, max_side=512),
        temperature=1.0,
        weights={"name": "none", "description": "made by hand"},
        params={},
        checkpoint_sha256="0" * 64,
        manifest_sha256="0" * 64,
        fingerprint=answers,
    )
    helper.set_model_props(made, about.properties())
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(made, path)
    return path


def frames(folder: Path, per_class: int = 4, names: tuple[str, ...] = NAMES) -> Path:
    """A folder of frames `<class>/<number>.jpg`, each of its class's colour and a shade of its own."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(per_class):
            (folder / name / f"{number}.jpg").write_bytes(picture(name, number))
    return folder


def picture(name: str, number: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A JPEG of one colour."""
    red, green, blue = TINTS[name]
    return jpeg(Image.new("RGB", size, (red - number, green - number, blue - number)))


def poison() -> bytes:
    """A JPEG on which the network fails."""
    return jpeg(Image.new("RGB", (64, 48), POISON))
