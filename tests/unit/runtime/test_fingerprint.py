"""The drawn images are the same bytes everywhere, and a processor that answers otherwise is named, once."""

import base64
import hashlib
import json
import platform
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from conftest import jpeg, noise
from scrapline.runtime import classify, deployed, describe, engine, fingerprint, processor
from unit.runtime.test_metadata import graph, written


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network that answers one half for either class, whatever it sees."""
    return written(graph(), tmp_path / "x.onnx", fingerprint=[[0.5, 0.5]] * 16)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines on the console, which is stderr."""
    lines: list[str] = []
    monkeypatch.setattr(deployed, "info", lines.append)
    return lines


def tampered(model: Path, by: float) -> Path:
    """The same file, one of its 32 stored probabilities changed."""
    content = onnx.load(model)
    stored = next(p for p in content.metadata_props if p.key == "scrapline.fingerprint")
    rows = json.loads(stored.value)
    rows[9][1] += by
    stored.value = json.dumps(rows)
    onnx.save(content, model)
    return model


def test_colours_between_the_points_of_a_grid() -> None:
    """By hand: the corners are the grid's own; between 0 and 100, 64 steps of 256 along, stands 25."""
    grid = np.array([[[0], [100]], [[200], [40]]])
    assert fingerprint.enlarge(grid, 2)[..., 0].tolist() == [[0, 100], [200, 40]]
    assert fingerprint.enlarge(grid, 5)[..., 0].tolist() == [
        [0, 25, 50, 75, 100],
        [50, 58, 67, 76, 85],
        [100, 92, 85, 77, 70],
        [150, 126, 102, 78, 55],
        [200, 160, 120, 80, 40],
    ]


def test_colours_on_a_finer_grid() -> None:
    ramp = np.array([[[0], [10], [110]]] * 3)
    assert fingerprint.enlarge(ramp, 5)[2, :, 0].tolist() == [0, 5, 10, 60, 110]


def test_the_images_are_drawn_from_the_raw_output_of_the_generator() -> None:
    """The first image's corners, at any size, are the first 12 numbers' highest bytes, which NumPy promises to keep."""
    first = [number >> 56 for number in np.random.PCG64(20_240_229).random_raw(12).tolist()]
    for size in (32, 224):
        found = fingerprint.images(size)
        assert found.shape == (16, size, size, 3)
        assert found.dtype == np.uint8
        corners = found[0][[0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.ravel().tolist() == first
        assert len({image.tobytes() for image in found}) == 16


def test_the_images_are_the_same_bytes_for_good() -> None:
    """Files keep answers to them: whoever changes the images raises metadata.FORMAT_VERSION."""
    assert hashlib.sha256(fingerprint.images(32).tobytes()).hexdigest() == (
        "d9b24978216ac4ba51faba231541463f42fb39d8c58a8bdc05fb89cc9f53dc47"
    )


def test_answers_are_taken_image_by_image_with_four_digits() -> None:
    seen: list[np.ndarray] = []

    def run(images: np.ndarray) -> np.ndarray:
        seen.append(images)
        share = images[:, 0, 0, 0].astype(np.float32) / 255
        return np.stack([share, 1 - share], axis=1)

    taken = fingerprint.take(run, 32)
    images = fingerprint.images(32)
    np.testing.assert_array_equal(np.concatenate(seen), images)
    assert [row[0] for row in taken] == [round(int(image[0, 0, 0]) / 255, 4) for image in images]
    assert fingerprint.difference(run, 32, taken) <= 0.00005 + 1e-7


@pytest.mark.parametrize(("by", "named"), [(0.03, True), (-0.03, True), (0.01, False), (-0.01, False), (0.0, False)])
def test_more_than_two_hundredths_are_named_once(model: Path, said: list[str], by: float, named: bool) -> None:
    deployed.load(tampered(model, by))
    assert len(said) == named
    assert not named or "probabilities differ by 0.030, 0.02 are normal" in said[0]


def test_a_network_that_gives_nan_is_named(model: Path, said: list[str]) -> None:
    content = onnx.load(model)
    weight = next(constant for constant in content.graph.initializer if constant.name == "weight")
    weight.float_data[0] = float("nan")
    onnx.save(content, model)
    deployed.load(model)
    assert ["answers otherwise" in line for line in said] == [True]


def test_classify_and_describe_name_it_and_still_answer(
    model: Path, tmp_path: Path, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jpg").write_bytes(jpeg(noise(1)))
    classify.run([tmp_path / "a.jpg"], tampered(model, 0.03), as_json=True)
    assert json.loads(capsys.readouterr().out)["confidence"] == 0.5
    describe.show(model, as_json=True)
    assert json.loads(capsys.readouterr().out)["fingerprint"]["largest_difference_here"] == 0.03
    assert ["on this processor" in line for line in said] == [True, True]


def test_the_probe_is_four_weights_of_127_and_a_multiplication() -> None:
    ends = [
        helper.make_tensor_value_info("a", TensorProto.UINT8, [1, 4]),
        helper.make_tensor_value_info("y", TensorProto.INT32, [1, 1]),
    ]
    weights = helper.make_tensor("b", TensorProto.INT8, [4, 1], bytes([127] * 4), raw=True)
    node = helper.make_node("MatMulInteger", ["a", "b"], ["y"])
    made = helper.make_graph([node], "g", ends[:1], ends[1:], [weights])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    assert base64.b64encode(processor.PROBE) == base64.b64encode(model.SerializeToString())


@pytest.mark.skipif(not Path("/proc/cpuinfo").is_file(), reason="asks Linux for the processor's instructions")
def test_arithmetic_overflows_where_the_processor_has_no_vnni() -> None:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    flags = set(next((line for line in text.splitlines() if line.startswith("flags")), "").split())
    overflows = platform.machine() == "x86_64" and "avx2" in flags and not flags & {"avx_vnni", "avx512_vnni"}
    assert processor.saturates() == overflows


@pytest.mark.parametrize("overflows", [True, False])
def test_the_exact_way_is_asked_for_where_arithmetic_overflows_and_only_there(
    model: Path, monkeypatch: pytest.MonkeyPatch, overflows: bool
) -> None:
    monkeypatch.setattr(processor, "saturates", lambda: overflows)
    options = engine.open_session(model).get_session_options()
    if overflows:
        assert options.get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError, match="does not have configuration"):
            options.get_session_config_entry("session.x64quantprecision")
