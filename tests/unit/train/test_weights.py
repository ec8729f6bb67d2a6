"""What starting weights expect of the pixels, and whether it reaches them."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torchvision.transforms import v2

from conftest import noise
from scrapline.data.imaging import Preprocessing, load
from scrapline.model.checkpoint import Checkpoint
from scrapline.system.errors import ScraplineError
from scrapline.train.weights import constants

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


@pytest.mark.parametrize(
    ("arch", "expected"),
    [
        ("resnet18", IMAGENET | {"interpolation": "bilinear"}),
        ("efficientnet_b0", IMAGENET | {"interpolation": "bicubic"}),
        ("mobilenet_v2", IMAGENET | {"interpolation": "bilinear"}),
    ],
)
def test_torchvisions_weights_bring_their_own(arch: str, expected: dict[str, object], tmp_path: Path) -> None:
    assert constants(arch, "imagenet", tmp_path) == expected
    assert constants(arch, "none", tmp_path) == {}


def test_a_file_is_described_by_the_text_beside_it(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "mine.pth")
    assert constants("resnet18", "mine.pth", tmp_path) == {}
    (tmp_path / "mine.txt").write_text(
        "ours, trained on: scrap\nmean: 0.5, 0.4 0.3\nstd: 0.2 0.2 0.25\ninterpolation: bicubic\n"
        "source: a colleague\ncrop_pct: 0.9\n"
    )
    found = constants("resnet18", "mine.pth", tmp_path)
    wanted = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.25), "interpolation": "bicubic", "crop_pct": 0.9}
    assert found == wanted


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mean: 0.5 0.5", "`mean` are three numbers"),
        ("std: 0.2 0 0.2", "`std` are three numbers"),
        ("std: wide", "`std` are three numbers"),
        ("interpolation: lanczos", "interpolation `lanczos` is neither bilinear nor bicubic"),
        ("crop_pct: 87.5", "`crop_pct` is the share of the short side"),
        ("crop_pct: most", "`crop_pct` is the share of the short side"),
        ("means: 0.5 0.5 0.5", "`means` is no line that is known; write `mean`"),
        ("sdt: 0.5 0.5 0.5", "`sdt` is no line that is known; write `std`"),
        ("resize_size: 256", "`resize_size` is no line that is known; write `crop_pct`"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "mine.pth")
    (tmp_path / "mine.txt").write_text(f"ours\n{line}\n")
    with pytest.raises(ScraplineError, match=rf"mine\.txt: {message}"):
        constants("resnet18", "mine.pth", tmp_path)


def test_a_checkpoint_of_ours_brings_its_own(tmp_path: Path) -> None:
    used = Preprocessing(64, 512, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), interpolation="bicubic", crop_pct=0.8)
    state = torchvision.models.resnet18(num_classes=2).state_dict()
    Checkpoint("resnet18", ["a", "b"], used, 1.0, {"name": "none"}, state).save(tmp_path / "ours.pth")
    found = constants("resnet18", "ours.pth", tmp_path)
    assert found == {
        "mean": (0.5, 0.5, 0.5),
        "std": (0.25, 0.25, 0.25),
        "interpolation": "bicubic",
        "crop_pct": 0.8,
    }
    assert Preprocessing.from_dict(used.to_dict()) == used


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_pixels_are_scaled_as_torchvision_scales_them(interpolation: str) -> None:
    """A smooth picture enlarged, where no filter has anything to leave out: within two levels of torchvision's."""
    picture = noise(3, (48, 40))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    ours = load(buffer.getvalue(), Preprocessing(64, 512, interpolation=interpolation))  # type: ignore[arg-type]
    mode = v2.InterpolationMode(interpolation)
    theirs = v2.functional.resize(v2.functional.pil_to_tensor(picture), [64, 64], mode, antialias=False)
    assert np.abs(ours.astype(int) - theirs.permute(1, 2, 0).numpy().astype(int)).max() <= 2
    other = load(buffer.getvalue(), Preprocessing(64, 512))
    assert (np.abs(ours.astype(int) - other.astype(int)).max() > 2) == (interpolation == "bicubic")
    assert Image.fromarray(ours).size == (64, 64)


@pytest.mark.parametrize("size", [(512, 384), (300, 400), (224, 224), (90, 640)])
def test_a_crop_is_the_middle_that_torchvisions_preset_takes(size: tuple[int, int]) -> None:
    """A slope in red across and in green down: at most a pixel of the photo away from torchvision's crop."""
    width, height = size
    across, down = np.meshgrid(np.arange(width) * 255 / width, np.arange(height) * 255 / height)
    picture = Image.fromarray(np.dstack([across, down, down * 0]).round().astype(np.uint8))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    ours = load(buffer.getvalue(), Preprocessing(224, 640, crop_pct=224 / 256)).astype(int)
    preset = v2.Compose([v2.Resize(256), v2.CenterCrop(224)])
    theirs = preset(v2.functional.pil_to_tensor(picture)).permute(1, 2, 0).numpy().astype(int)
    pixel = np.array([255 / width, 255 / height, 0]) + 2
    assert (np.abs(ours - theirs) <= pixel).all()


def test_a_crop_reads_no_fewer_pixels_than_the_network_takes() -> None:
    """500 pixels of the short side cannot be halved where 437 are cut out for 224."""
    stripes = np.zeros((500, 500, 3), np.uint8)
    stripes[::2] = 255
    buffer = io.BytesIO()
    Image.fromarray(stripes).save(buffer, "JPEG", quality=95)
    rows = load(buffer.getvalue(), Preprocessing(224, 640, crop_pct=224 / 256)).mean(axis=(1, 2))
    assert rows.std() > 20


def test_a_checkpoint_from_before_interpolation_was_kept_still_starts_a_training(tmp_path: Path) -> None:
    torch.save({"preprocessing": {"mean": [0.5] * 3, "std": [0.25] * 3}, "state_dict": {}}, tmp_path / "old.pth")
    assert constants("resnet18", "old.pth", tmp_path) == {"mean": (0.5,) * 3, "std": (0.25,) * 3}
