"""Shared by all tests: small images, small prepared data sets, and where TrashNet lies."""

import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# One thread each: tests run in parallel, and small tensors only lose by being shared out.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A test may import the library before Scrapline, which sets it, too.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# A shell's background jobs ignore it, and so would every stage that a test starts and then interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
TRASHNET = ROOT.parent / "shared" / "datasets" / "trashnet"
PARTIAL_WEIGHTS = ROOT.parent / "shared" / "weights" / "resnet18-imagenet-partial.pth"

CLASSES = ("blue", "red")


def jpeg(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", **options)
    return buffer.getvalue()


def noise(seed: int, size: tuple[int, int] = (48, 40), tint: tuple[int, int, int] = (0, 0, 0)) -> Image.Image:
    """Smooth noise that differs from seed to seed far more than near-duplicates do."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)).astype(int) // 2 + np.array(tint)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.fixture(scope="session")
def photos() -> Callable[..., Path]:
    """Make a folder of two classes, told apart by tint, with `per_class` JPEGs each."""

    def make(root: Path, per_class: int = 12) -> Path:
        for number, name in enumerate(CLASSES):
            (root / name).mkdir(parents=True)
            tint = (0, 0, 110) if name == "blue" else (110, 0, 0)
            for index in range(per_class):
                image = noise(1000 * number + index, tint=tint)
                (root / name / f"{index:03d}.jpg").write_bytes(jpeg(image, quality=92))
        return root

    return make


@pytest.fixture
def forkable(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the mutation tool, which forks: no threads in the index, no progress bars on a closed standard error."""
    from scrapline.cli.console import console
    from scrapline.data.duplicates import candidates

    monkeypatch.setattr(console, "file", io.StringIO())
    monkeypatch.setattr(candidates, "cores", lambda: 1)
