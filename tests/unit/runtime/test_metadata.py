"""Damaged, hostile, foreign and newer files: one line each, with nothing in it that a terminal obeys."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper

from scrapline.runtime import metadata
from scrapline.runtime.engine import Engine
from scrapline.system.errors import ScraplineError

SIZE = 32
PREPROCESSING = {
    "input_size": SIZE,
    "max_side": 512,
    "mean": [0.5, 0.5, 0.5],
    "std": [0.2, 0.2, 0.2],
    "undeclared_bits": None,
    "interpolation": "bicubic",
    "crop_pct": 0.875,
}
SOUND: dict[str, Any] = {
    "format_version": 3,
    "precision": "fp32",
    "arch": "resnet18",
    "classes": ["glass", "red\u200d"],  # a joiner moves nothing
    "thresholds": {"glass": 0.5, "red\u200d": 1.01},
    "target_purity": 0.95,
    "preprocessing": PREPROCESSING,
    "temperature": 1,
    "weights": {"name": "none"},
    "params": {"opset": 18, "nested": [{"deep": None}]},
    "checkpoint_sha256": "0" * 64,
    "manifest_sha256": "1" * 64,
    "fingerprint": [[0.25, 0.75]] * 16,
}
QUANTISATION = {
    "calibration": "minmax",
    "calibration_images": 320,
    "activations": "uint8",
    "weights": "int8, per channel",
    "input_scaling": "in float",
    "float_layers": [],
}


def properties(**changes: Any) -> dict[str, str]:
    """What a sound file holds, some keys changed; `...` takes a key out."""
    return {f"scrapline.{key}": json.dumps(value) for key, value in (SOUND | changes).items() if value is not ...}


def test_a_file_from_before_crops_were_known_is_read() -> None:
    older = {key: value for key, value in PREPROCESSING.items() if key != "crop_pct"}
    assert metadata.read(properties(preprocessing=older), Path("x.onnx")).preprocessing.crop_pct is None


def refused(raw: dict[str, str]) -> str:
    with pytest.raises(ScraplineError) as caught:
        metadata.read(raw, Path("x.onnx"))
    message = str(caught.value)
    assert message.startswith("x.onnx ")
    assert message.isprintable()
    assert len(message) < 250
    return message


def test_a_sound_file_is_read_and_written_back_as_it_was() -> None:
    found = metadata.read(properties() | {"others.key": "not ours"}, Path("x.onnx"))
    assert found.classes == SOUND["classes"]
    assert found.preprocessing.to_dict() == PREPROCESSING
    assert found.started_from == "none"
    written = {key: json.loads(text) for key, text in found.properties().items()}
    assert written == {f"scrapline.{key}": value for key, value in SOUND.items()}
    int8 = metadata.read(properties(precision="int8", quantisation=QUANTISATION), Path("x.onnx"))
    assert int8.quantisation is not None
    assert int8.quantisation.calibration_images == 320


def test_the_joiner_in_an_emoji_is_no_control_character() -> None:
    family = "\U0001f469\u200d\U0001f467"
    found = metadata.read(properties(classes=[family, "b"], thresholds={family: 0.5, "b": 0.5}), Path("x.onnx"))
    assert found.classes[0] == family


@pytest.mark.parametrize("key", [key for key in SOUND if key != "format_version"])
def test_every_key_is_needed(key: str) -> None:
    assert refused(properties(**{key: ...})) == f"x.onnx carries no {key}: run `dvc repro export`"


@pytest.mark.parametrize("wrong", [None, True, 7, "text", [], {}, [["a"]], {"a": 1}])
@pytest.mark.parametrize("key", [key for key in SOUND if key != "params"])
def test_no_key_takes_what_is_of_another_kind(key: str, wrong: Any) -> None:
    if (key, wrong) in (("arch", "text"), ("temperature", 7)):
        return
    assert "carries damaged metadata" in refused(properties(**{key: wrong})) or key == "format_version"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bogus": 1}, "bogus"),
        ({"classes": ["glass", "glass"]}, "a name twice"),
        ({"classes": ["glass"], "thresholds": {"glass": 0.5}}, "classes"),
        ({"classes": ["glass", ""]}, "classes.1"),
        ({"classes": ["glass", "a\x1b[31mb"]}, r"'a\x1b[31mb'"),
        ({"classes": ["glass", "a\x9b31mb"]}, "control characters"),
        ({"classes": ["glass", "a\nb"]}, "control characters"),
        ({"classes": ["glass", "\u202eab"]}, "control characters"),
        ({"classes": ["glass", "\ud800"]}, "control characters"),
        ({"params": {"deep": [{"a\x07": 1}]}}, "control characters"),
        ({"weights": {"name": "\x1b]0;title\x07"}}, "control characters"),
        ({"arch": "x\u2028y"}, "control characters"),
        ({"thresholds": {"glass": 0.5}}, "`thresholds` are not those of the classes"),
        ({"thresholds": {"glass": float("nan"), "red\u200d": 0.5}}, "thresholds.glass"),
        ({"thresholds": {"glass": float("inf"), "red\u200d": 0.5}}, "thresholds.glass"),
        ({"thresholds": {"glass": -0.1, "red\u200d": 0.5}}, "thresholds.glass"),
        ({"thresholds": {"glass": 1.02, "red\u200d": 0.5}}, "thresholds.glass"),
        ({"thresholds": {"glass": "0.5", "red\u200d": 0.5}}, "thresholds.glass"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"temperature": 10**400}, "temperature"),
        ({"target_purity": 1.5}, "target_purity"),
        ({"preprocessing": PREPROCESSING | {"input_size": 10**9}}, "input_size must be 1 to 1024"),
        ({"preprocessing": PREPROCESSING | {"input_size": 0}}, "input_size must be 1 to 1024"),
        ({"preprocessing": PREPROCESSING | {"input_size": 32.5}}, "preprocessing"),
        ({"preprocessing": PREPROCESSING | {"input_size": True}}, "preprocessing"),
        ({"preprocessing": PREPROCESSING | {"max_side": -1}}, "max_side"),
        ({"preprocessing": PREPROCESSING | {"crop_pct": 0.4}}, "crop_pct must be 0.5 to 1"),
        ({"preprocessing": PREPROCESSING | {"crop_pct": 1.1}}, "crop_pct must be 0.5 to 1"),
        ({"preprocessing": PREPROCESSING | {"std": [0.2, 0.0, 0.2]}}, "std"),
        ({"preprocessing": PREPROCESSING | {"mean": [0.5, float("nan"), 0.5]}}, "mean.1"),
        ({"preprocessing": PREPROCESSING | {"mean": [0.5, 0.5]}}, "preprocessing"),
        ({"preprocessing": PREPROCESSING | {"mean": 0.5}}, "preprocessing"),
        ({"preprocessing": PREPROCESSING | {"more": 1}}, "preprocessing"),
        ({"preprocessing": {"input_size": SIZE}}, "preprocessing"),
        ({"checkpoint_sha256": "0" * 63 + "G"}, "checkpoint_sha256"),
        ({"weights": {"description": "x"}}, "`weights` has no name"),
        ({"weights": {"name": 1}}, "weights.name"),
        ({"fingerprint": [[0.25, 0.75]] * 15}, "fingerprint"),
        ({"fingerprint": [[0.25, 0.75]] * 15 + [[1.0]]}, "`fingerprint` is not of these classes"),
        ({"fingerprint": [[0.25, 1.75]] * 16}, "fingerprint.0.1"),
        ({"precision": "int4"}, "precision"),
        ({"precision": "int8"}, "contradict"),
        ({"quantisation": QUANTISATION}, "contradict"),
        ({"precision": "int8", "quantisation": QUANTISATION | {"calibration": "none"}}, "quantisation.calibration"),
        ({"x" * 5000: 1}, "xxx..."),
        ({"a\x1b[2J": 1}, r"'a\x1b[2J'"),
    ],
)
def test_damage_is_named_in_one_short_printable_line(changes: dict[str, Any], reason: str) -> None:
    message = refused(properties(**changes))
    assert "carries damaged metadata (" in message
    assert reason in message


@pytest.mark.parametrize(
    "text",
    ["", "[1", "{", "nul", '"\x00"', "[" * 100_000, "9" * 5000, '"' + "x" * 5_000_000 + '"', "[NaN]", "1e999"],
    ids=lambda text: text[:6],
)
def test_no_text_gives_a_traceback(text: str) -> None:
    for key in ("classes", "temperature", "params"):
        refused(properties() | {f"scrapline.{key}": text})


@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("99", "has format 99, this code reads 3"),
        ("2", "has format 2, this code reads 3"),
        ("002", "has format 2, this code reads 3"),
        ('"3"', "carries damaged metadata (format_version"),
        ("3.5", "carries damaged metadata (format_version"),
        ("[3]", "carries damaged metadata (format_version"),
        ("9" * 5000, "carries damaged metadata (format_version"),
        ("\x1b[31m", "carries damaged metadata (format_version"),
        ("\u0663", "carries damaged metadata (format_version"),
    ],
)
def test_the_format_comes_first(version: str, message: str) -> None:
    """What another format's other keys look like does not matter."""
    assert message in refused({"scrapline.format_version": version, "scrapline.classes": "[1"})


def test_a_foreign_file_is_called_foreign() -> None:
    assert "was not exported by Scrapline" in refused({"classes": "[]", "format_version": "3"})


def graph(
    *, size: Any = SIZE, classes: Any = 2, input_name: str = "images", batch: Any = "n", kind: int = TensorProto.UINT8
) -> onnx.ModelProto:
    """A network with the right ends: the mean of each channel, of which two are probabilities."""
    ends = [
        helper.make_tensor_value_info(input_name, kind, [batch, size, size, 3]),
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, classes]),
        helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 3]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [2], [1, 2]),
        helper.make_tensor("weight", TensorProto.FLOAT, [3, classes], [0.0] * (3 * classes)),
    ]
    nodes = [
        helper.make_node("Cast", [input_name], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "axes"], ["embedding"], keepdims=0),
        helper.make_node("MatMul", ["embedding", "weight"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    made = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def written(model: onnx.ModelProto, path: Path, **changes: Any) -> Path:
    for key, text in properties(**changes).items():
        model.metadata_props.add(key=key, value=text)
    onnx.save(model, path)
    return path


def test_a_graph_that_keeps_the_promises_is_loaded(tmp_path: Path) -> None:
    engine = Engine.load(written(graph(), tmp_path / "x.onnx"))
    assert engine.classes == SOUND["classes"]
    assert engine.preprocessing.input_size == SIZE


THREE = dict.fromkeys("abc", 0.5)


@pytest.mark.parametrize(
    ("make", "changes", "promised"),
    [
        (partial(graph, size=64), {}, "images tensor(uint8) [N, 32, 32, 3]"),
        (partial(graph, input_name="pixels"), {}, "images tensor(uint8)"),
        (partial(graph, kind=TensorProto.FLOAT), {}, "images tensor(uint8)"),
        (partial(graph, batch=1), {}, "[N, 32, 32, 3]"),
        (partial(graph, size="s\x1b[2J"), {}, "[N, 32, 32, 3]"),
        (graph, {"preprocessing": PREPROCESSING | {"input_size": 64}}, "[N, 64, 64, 3]"),
        (partial(graph, classes=3), {}, "probabilities tensor(float) [N, 2]"),
        (
            graph,
            {"classes": [*THREE], "thresholds": THREE, "fingerprint": [[0.5, 0.25, 0.25]] * 16},
            "probabilities tensor(float) [N, 3]",
        ),
    ],
)
def test_a_graph_of_other_classes_or_another_size_is_refused(
    tmp_path: Path, make: Callable[[], onnx.ModelProto], changes: dict[str, Any], promised: str
) -> None:
    with pytest.raises(ScraplineError, match="carries damaged metadata") as caught:
        Engine.load(written(make(), tmp_path / "x.onnx", **changes))
    assert promised in str(caught.value)
    assert str(caught.value).isprintable()


def test_bytes_that_are_no_text_give_one_line(tmp_path: Path) -> None:
    path = written(graph(), tmp_path / "x.onnx", arch="resnetXY")
    path.write_bytes(path.read_bytes().replace(b"resnetXY", b"resnet\xff\xfe"))
    with pytest.raises(ScraplineError, match=r"x\.onnx (carries damaged metadata|is damaged)") as caught:
        Engine.load(path)
    assert str(caught.value).isprintable()


def test_what_onnx_runtime_says_of_a_file_is_printable(tmp_path: Path) -> None:
    model = graph()
    model.graph.node[0].op_type = "Cast\x1b[2J"
    onnx.save(model, tmp_path / "x.onnx")
    with pytest.raises(ScraplineError, match="is damaged or no ONNX model") as caught:
        Engine.load(tmp_path / "x.onnx")
    assert str(caught.value).isprintable()
