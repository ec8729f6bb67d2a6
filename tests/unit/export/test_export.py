"""A small network through export, parity and engine, on real shards."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import CLASSES, ROOT, jpeg, noise
from scrapline.data import decoding, shards
from scrapline.data.imaging import Preprocessing
from scrapline.export import parity
from scrapline.export.onnx import Provenance, convert, save
from scrapline.model import batches
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.classifier import Classifier
from scrapline.model.compute import probabilities
from scrapline.model.features import Extractor
from scrapline.runtime import fingerprint
from scrapline.runtime.engine import Engine
from scrapline.system.errors import ScraplineError

PREPROCESSING = Preprocessing(input_size=64, max_side=512)


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    torch.manual_seed(0)
    model = Classifier("resnet18", 2)
    model.train()(torch.randn(16, 3, 64, 64))  # batch norm statistics that are not 0 and 1
    return Checkpoint("resnet18", list(CLASSES), PREPROCESSING, 1.7, {"name": "none"}, model.torchvision_state())


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    images = {f"{n:016x}": jpeg(noise(n, (80, 60))) for n in range(40)}
    rows = [
        shards.Row(i, CLASSES[n % 2], "val", i, 80, 60, len(images[i]), f"x/{i}.jpg", "val-000000.tar")
        for n, i in enumerate(sorted(images))
    ]
    shards.write(folder, rows, lambda row: ("jpg", images[row.image_id]), list(CLASSES))
    return folder


def export(checkpoint: Checkpoint, folder: Path, name: str = "m.onnx") -> Path:
    checkpoint.save(folder / "c.pth")
    (folder / "manifest.csv").write_text("image_id\n")
    points = {"target_purity": 0.95, "classes": {name: {"threshold": 0.6} for name in checkpoint.classes}}
    provenance = Provenance(folder / "c.pth", folder / "manifest.csv", points, {"opset": 18})
    save(convert(checkpoint, 18), folder / name, checkpoint=checkpoint, provenance=provenance)
    return folder / name


@pytest.fixture(scope="module")
def model_path(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(checkpoint, tmp_path_factory.mktemp("model"))


def reference(checkpoint: Checkpoint, prepared: Path) -> np.ndarray:
    model = checkpoint.classifier()
    source = decoding.read(prepared, "val", PREPROCESSING, 32)
    logits = batches.predict(model, source, PREPROCESSING, torch.device("cpu")).logits
    return probabilities(logits, checkpoint.temperature)


def test_onnx_equals_pytorch_at_every_batch_size(checkpoint: Checkpoint, model_path: Path, prepared: Path) -> None:
    found, _ = parity.check(Engine.load(model_path), prepared, reference(checkpoint, prepared), 1e-4)
    assert (found.images, found.label_agreement) == (40, 1.0)
    assert found.max_abs_diff < 1e-4


def test_only_some_positions_of_a_split_are_run_in_their_order(model_path: Path, prepared: Path) -> None:
    run = parity.run_of(Engine.load(model_path).session)
    everything = parity.infer(run, PREPROCESSING, prepared, "val", described="")
    some = parity.infer(run, PREPROCESSING, prepared, "val", described="", only=[39, 0, 7])
    np.testing.assert_allclose(some, everything[[0, 7, 39]], atol=1e-6)
    assert np.ptp(everything[[0, 7, 39]], axis=0).max() > 1e-3


def test_a_file_carries_what_it_answers_to_the_drawn_images(checkpoint: Checkpoint, model_path: Path) -> None:
    """PyTorch's answers to the same images: what is kept is the model's own, calibrated."""
    images = torch.from_numpy(fingerprint.images(PREPROCESSING.input_size))
    with torch.inference_mode():
        logits, _ = checkpoint.classifier()(batches.normalise(images, PREPROCESSING))
    expected = torch.softmax(logits / 1.7, dim=1).numpy()
    np.testing.assert_allclose(Engine.load(model_path).metadata.fingerprint, expected, atol=1e-4)


def test_a_model_that_differs_is_refused_and_the_images_named(
    checkpoint: Checkpoint, prepared: Path, tmp_path: Path
) -> None:
    state = dict(checkpoint.state_dict)
    state["fc.bias"] = state["fc.bias"] + torch.tensor([3.0, -3.0])
    other = Engine.load(export(dataclasses.replace(checkpoint, state_dict=state), tmp_path))
    with pytest.raises(ScraplineError, match=r"differs from the checkpoint on \d+ validation images \([0-9a-f]{16} "):
        parity.check(other, prepared, reference(checkpoint, prepared), 1e-3)


def test_the_same_checkpoint_gives_the_same_bytes_without_traces_of_the_machine(
    checkpoint: Checkpoint, model_path: Path, tmp_path: Path
) -> None:
    again = export(checkpoint, tmp_path, "other.onnx").read_bytes()
    assert again == model_path.read_bytes()
    assert str(ROOT).encode() not in again
    assert b"site-packages" not in again


def test_the_engine_sees_the_pixels_that_training_saw(checkpoint: Checkpoint, model_path: Path, prepared: Path) -> None:
    engine = Engine.load(model_path)
    batch = next(decoding.read(prepared, "val", checkpoint.preprocessing, 40))
    for sample, trained_on in zip(shards.read(prepared, "val"), batch.images, strict=True):
        np.testing.assert_array_equal(engine.preprocess(sample.data), trained_on)


def test_features_are_cached_and_a_damaged_entry_is_made_anew(
    checkpoint: Checkpoint, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scrapline.model.array_cache.folder", lambda: tmp_path / "cache")
    extractor = Extractor(checkpoint.classifier(), prepared, PREPROCESSING, torch.device("cpu"))
    first = np.array(extractor.features("val").values)
    monkeypatch.setattr(Extractor, "_embed", lambda *_: pytest.fail("computed although cached"))
    np.testing.assert_array_equal(extractor.features("val").values, first)
    monkeypatch.undo()
    monkeypatch.setattr("scrapline.model.array_cache.folder", lambda: tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    damaged = bytearray((entry / "values.npy").read_bytes())
    damaged[-1] ^= 0xFF
    (entry / "values.npy").write_bytes(damaged)
    np.testing.assert_array_equal(extractor.features("val").values, first)
    other = Extractor(
        Checkpoint.classifier(
            dataclasses.replace(checkpoint, state_dict=Classifier("resnet18", 2).torchvision_state())
        ),
        prepared,
        PREPROCESSING,
        torch.device("cpu"),
    )
    assert not np.array_equal(other.features("val").values, first)
