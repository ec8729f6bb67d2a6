"""The deployed file and the engine that runs it, on a small network that went through the real export."""

import io
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import onnx
import pytest
from PIL import Image

import scrapline
from conftest import ROOT, jpeg, noise
from scrapline.data.imaging import ImageError
from scrapline.export.int8 import Quantiser, Recipe
from scrapline.export.onnx import save
from scrapline.runtime import classify, describe
from scrapline.runtime.engine import Engine, Tuning
from scrapline.system.errors import ScraplineError
from unit.export import small

FRAMES = [jpeg(noise(n, (90, 70))) for n in range(24)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    checkpoint, provenance = small.checkpoint_and_provenance(folder)
    write = partial(save, checkpoint=checkpoint, provenance=provenance)
    exact = small.float_model()
    write(exact, folder / "fp32.onnx")
    with Quantiser(exact, small.PREPROCESSING, small.images(64), "uint8") as made:
        recipe = Recipe("percentile")
        write(made.quantise(recipe), folder / "int8.onnx", quantisation=made.facts(recipe))
    return {"fp32": folder / "fp32.onnx", "int8": folder / "int8.onnx"}


GOLDEN = {
    "format_version": 3,
    "classes": ["blue", "red", "glass"],
    "preprocessing": {
        "input_size": 32,
        "max_side": 512,
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "undeclared_bits": None,
        "interpolation": "bilinear",
        "crop_pct": None,
    },
    "thresholds": {"blue": 0.6, "red": 0.6, "glass": 0.6},
    "target_purity": 0.95,
    "arch": "resnet18",
    "temperature": 1.3,
    "weights": {"name": "none", "description": "random initialisation"},
    "params": {"opset": 18},
    "checkpoint_sha256": "47320987f9a49d5b00119b960f247a956773f57543982b8bfcb6da5bb3afd9ef",
    "manifest_sha256": "05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f",
}
QUANTISATION = {
    "calibration": "percentile",
    "calibration_images": 64,
    "activations": "uint8",
    "weights": "int8, per channel",
    "input_scaling": "folded into the first convolution",
    "float_layers": [],
}


def test_the_metadata_is_word_for_word_what_is_promised(models: dict[str, Path]) -> None:
    """Read off the file itself, without our code."""
    for precision, more in (("fp32", {}), ("int8", {"quantisation": QUANTISATION})):
        properties = onnx.load(models[precision]).metadata_props
        found = {p.key.removeprefix("scrapline."): json.loads(p.value) for p in properties}
        fingerprint = found.pop("fingerprint")
        assert found == GOLDEN | {"precision": precision} | more
        assert [len(row) for row in fingerprint] == [3] * 16
        for value in (value for row in fingerprint for value in row):
            assert 0 <= value <= 1
            assert value == float(f"{value:.4f}")


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_inputs_and_outputs_are_what_is_promised(models: dict[str, Path], precision: str) -> None:
    session = Engine.load(models[precision]).session
    (images,) = session.get_inputs()
    assert (images.name, images.type, images.shape[1:]) == ("images", "tensor(uint8)", [32, 32, 3])
    assert [(o.name, o.type) for o in session.get_outputs()] == [
        ("probabilities", "tensor(float)"),
        ("embedding", "tensor(float)"),
    ]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_one_image_and_a_batch_agree(models: dict[str, Path], precision: str) -> None:
    engine = Engine.load(models[precision])
    together = engine.classify_batch(FRAMES[:4])
    for data, batched in zip(FRAMES, together, strict=False):
        alone = engine.classify(data)
        assert alone.predicted_class == batched.predicted_class
        assert alone.confidence == pytest.approx(batched.confidence, abs=1e-5)
        assert alone.low_confidence == (alone.confidence < 0.6)


@pytest.mark.parametrize("tuning", list(Tuning))
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_eight_threads_give_the_answers_of_one(models: dict[str, Path], precision: str, tuning: Tuning) -> None:
    engine = Engine.load(models[precision], tuning)
    alone = [engine.classify(data) for data in FRAMES]
    barrier = threading.Barrier(8)

    def work(number: int) -> list[Any]:
        barrier.wait()
        order = [(index + 3 * number) % len(FRAMES) for index in range(len(FRAMES))] * 5
        return [(index, engine.classify(FRAMES[index])) for index in order]

    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(work, range(8)):
            assert all(answer == alone[index] for index, answer in found)


def test_latency_and_throughput_give_the_same_answers(models: dict[str, Path]) -> None:
    quick, many = (Engine.load(models["int8"], tuning) for tuning in (Tuning.LATENCY, Tuning.THROUGHPUT))
    assert [quick.classify(data) for data in FRAMES] == [many.classify(data) for data in FRAMES]


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_spread_over_several_cores_it_gives_the_same_answers(models: dict[str, Path], precision: str) -> None:
    """The line's log must not depend on which item found the line empty."""
    engine = Engine.load(models[precision], Tuning.THROUGHPUT)
    for threads in (1, 2, 3):
        spread = engine.spread(threads)
        assert [spread.classify(data) for data in FRAMES] == [engine.classify(data) for data in FRAMES]
        assert spread.session.get_session_options().intra_op_num_threads == threads
    assert engine.session.get_session_options().intra_op_num_threads == 1


def test_many_images_are_classified_in_their_order_and_the_unreadable_stand_among_them(
    models: dict[str, Path], tmp_path: Path
) -> None:
    engine = Engine.load(models["int8"], Tuning.THROUGHPUT)
    images = []
    for number, data in enumerate([*FRAMES, b"", FRAMES[0][:-200], FRAMES[1]]):
        images.append(tmp_path / f"{number:02d}.jpg")
        images[-1].write_bytes(data)
    images += [images[0], tmp_path / "gone.jpg"]
    found = list(classify.classify_all(engine, images))
    assert [result.image for result in found] == images
    assert [r.problem.partition(":")[0] for r in found if r.problem] == [
        "unreadable",
        "truncated",
        "No such file or directory",
    ]
    for result, data in zip(found, FRAMES, strict=False):
        assert result.classification is not None
        assert result.classification.predicted_class == engine.classify(data).predicted_class


def test_a_frame_of_one_pixel_and_one_that_is_no_image(models: dict[str, Path]) -> None:
    engine = Engine.load(models["int8"])
    buffer = io.BytesIO()
    Image.new("RGB", (1, 1), "red").save(buffer, format="PNG")
    assert engine.classify(buffer.getvalue()).predicted_class in small.NAMES
    with pytest.raises(ImageError, match="not an image"):
        engine.classify(b"no image")


FROM_A_PROCESS = """
import resource, sys
sys.path.insert(0, "src")
from pathlib import Path
from scrapline.runtime.engine import Engine, Tuning
engine = Engine.load(Path(sys.argv[1]), Tuning.THROUGHPUT)
"""


def in_a_process(script: str, *arguments: object) -> str:
    command = [sys.executable, "-c", FROM_A_PROCESS + script, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
def test_a_frame_of_fifty_megapixels_takes_little_memory(models: dict[str, Path], tmp_path: Path) -> None:
    Image.new("RGB", (8192, 6144), "gray").save(tmp_path / "large.jpg", quality=80)
    script = (
        "engine.classify(Path(sys.argv[3]).read_bytes())\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "engine.classify(Path(sys.argv[2]).read_bytes())\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    (tmp_path / "small.jpg").write_bytes(FRAMES[0])
    grown_kb = int(in_a_process(script, models["int8"], tmp_path / "large.jpg", tmp_path / "small.jpg"))
    assert grown_kb < 40_000  # as pixels it would be 150 MB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
def test_memory_is_flat_over_twenty_thousand_frames(models: dict[str, Path], tmp_path: Path) -> None:
    for number, data in enumerate(FRAMES):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    script = (
        "frames = [path.read_bytes() for path in sorted(Path(sys.argv[2]).glob('*.jpg'))] + [b'no image']\n"
        "from scrapline.data.imaging import ImageError\n"
        "def pages(): return int(Path('/proc/self/statm').read_text().split()[1])\n"
        "for number in range(20_000):\n"
        "    try: engine.classify(frames[number % len(frames)])\n"
        "    except ImageError: pass\n"
        "    if number == 1_000: early = pages()\n"
        "print((pages() - early) * resource.getpagesize())"
    )
    assert int(in_a_process(script, models["int8"], tmp_path)) < 4_000_000


@pytest.mark.parametrize("command", ["classify {frame} --model {model}", "describe {model}"])
def test_no_command_on_a_deployed_file_needs_torch_or_params(
    models: dict[str, Path], tmp_path: Path, command: str
) -> None:
    (tmp_path / "frame.jpg").write_bytes(FRAMES[0])
    arguments = command.format(frame=tmp_path / "frame.jpg", model=models["int8"]).split()
    script = (
        "import runpy, sys, os\n"
        "script = sys.argv[1]\n"
        "sys.argv[:] = sys.argv[1:]\n"
        "sys.path.insert(0, os.path.dirname(script))\n"
        "leave = os._exit\n"
        "def check(code):\n"
        "    heavy = {'torch', 'torchvision', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "    leave(code if not heavy else 99)\n"
        "os._exit = check\n"
        "runpy.run_path(script, run_name='__main__')\n"
    )
    path = Path(scrapline.__file__).parents[1] / "inference_script.py"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path), *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, (done.returncode, done.stderr)
    assert any(name in done.stdout for name in small.NAMES)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_truncated_file_gets_one_line(models: dict[str, Path], tmp_path: Path, precision: str) -> None:
    data = models[precision].read_bytes()
    for share in (0.1, 0.5, 0.9):
        (tmp_path / "x.onnx").write_bytes(data[: int(share * len(data))])
        with pytest.raises(ScraplineError, match=r"x\.onnx (is damaged|was not exported)") as caught:
            Engine.load(tmp_path / "x.onnx")
        assert "\n" not in str(caught.value)
    with pytest.raises(ScraplineError, match=r"^\S+none\.onnx is not here yet: run `dvc repro`"):
        Engine.load(tmp_path / "none.onnx")


def test_describe_says_it_all_for_people_and_for_programs(
    models: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    describe.show(models["int8"], as_json=True)
    shown = capsys.readouterr()
    found = json.loads(shown.out)
    assert found | GOLDEN | {"precision": "int8", "quantisation": QUANTISATION} == found
    assert found["size_mb"] == round(models["int8"].stat().st_size / 1e6, 3)
    assert found["fingerprint"] == {"images": 16, "largest_difference_here": ANY, "normal_up_to": 0.02}
    assert found["fingerprint"]["largest_difference_here"] <= 0.0001  # what rounding to four digits leaves
    assert shown.err == ""
    describe.show(models["int8"], as_json=False)
    shown = capsys.readouterr()
    for word in ("int8", "percentile", "blue 0.6", "input_size 32", "probabilities", GOLDEN["checkpoint_sha256"]):
        assert word in shown.out, word
