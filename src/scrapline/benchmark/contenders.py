"""The engines that are timed: each turns a file's bytes into a decision, by what a user of it would write."""

import importlib.util
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scrapline.data import imaging
from scrapline.data.imaging import Preprocessing
from scrapline.runtime.engine import FRAMES_A_RUN, Engine, Tuning
from scrapline.system.parallel import cores

PEER = "peer-loop"
TITLES = {
    "scrapline-int8": "Scrapline, INT8",
    "scrapline-fp32": "Scrapline, fp32",
    "openvino-int8": "OpenVINO, the same INT8 file",
    "openvino-fp32": "OpenVINO, the same fp32 file",
    "torchscript": "TorchScript, our decoding",
    "pytorch": "PyTorch eager, our decoding",
    PEER: "the usual loop: Pillow, torchvision transforms, TorchScript",
}


@dataclass(frozen=True)
class Models:
    """The files that the engines load, all of the same network."""

    int8: Path
    fp32: Path
    checkpoint: Path


@dataclass(frozen=True)
class Contender:
    """`preprocess` makes one input of a file's bytes, `infer` probabilities [N, C] of N inputs.

    `frames_a_run` is how many frames go through the network at once where many wait.
    """

    preprocess: Callable[[bytes], Any]
    infer: Callable[[list[Any]], npt.NDArray[np.float32]]
    frames_a_run: int = FRAMES_A_RUN


Build = Callable[[Tuning], list[Contender]]
"""Makes one contender on all cores for latency; one for each core, on a thread of its own, for throughput."""


def available() -> list[str]:
    """The engines that are installed here."""
    return [name for name in TITLES if "openvino" not in name or importlib.util.find_spec("openvino") is not None]


def contenders_of(name: str, models: Models, tuning: Tuning) -> list[Contender]:
    """The engine of that name."""
    kind, _, precision = name.partition("-")
    path = models.int8 if precision == "int8" else models.fp32
    if kind == "scrapline":
        return scrapline(path, tuning)
    if kind == "openvino":
        return _openvino(path, tuning)
    builders = {"torchscript": _torchscript, "pytorch": _eager, PEER: _peer_loop}
    return _torch(builders[name], models.checkpoint, tuning)


def scrapline(path: Path, tuning: Tuning) -> list[Contender]:
    """Our own engine, of a model's file."""
    engine = Engine.load(path, tuning)
    one = Contender(engine.preprocess, lambda images: engine.infer(np.stack(images))[0])
    return [one] * (1 if tuning is Tuning.LATENCY else cores())


def _openvino(path: Path, tuning: Tuning) -> list[Contender]:
    import openvino

    preprocessing = Engine.load(path).preprocessing
    streams = 1 if tuning is Tuning.LATENCY else cores()
    # Left alone, it would compute a float32 model in bfloat16 where the processor can.
    options = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": cores(), "INFERENCE_PRECISION_HINT": "f32"}
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", options)

    def worker() -> Contender:
        request = compiled.create_infer_request()

        def infer(images: list[Any]) -> npt.NDArray[np.float32]:
            probabilities: npt.NDArray[np.float32] = request.infer({"images": np.stack(images)})["probabilities"]
            return probabilities

        return Contender(partial(imaging.load, preprocessing=preprocessing), infer)

    return [worker() for _ in range(streams)]


def _torch(build: Callable[..., Contender], checkpoint_path: Path, tuning: Tuning) -> list[Contender]:
    import torch

    from scrapline.model.checkpoint import Checkpoint

    checkpoint = Checkpoint.load(checkpoint_path)
    threads = cores() if tuning is Tuning.LATENCY else 1
    torch.set_num_threads(threads)
    one = build(checkpoint)

    def infer(images: list[Any]) -> npt.NDArray[np.float32]:
        torch.set_num_threads(threads)  # a setting of each thread's own
        return one.infer(images)

    return [replace(one, infer=infer)] * (1 if tuning is Tuning.LATENCY else cores())


def _eager(checkpoint: Any) -> Contender:
    import torch

    from scrapline.model.batches import normalise

    model = checkpoint.classifier().to(memory_format=torch.channels_last)
    preprocessing: Preprocessing = checkpoint.preprocessing

    @torch.inference_mode()
    def infer(images: list[Any]) -> Any:
        logits, _ = model(normalise(torch.from_numpy(np.stack(images)), preprocessing))
        return torch.softmax(logits / checkpoint.temperature, dim=1).numpy()

    return Contender(partial(imaging.load, preprocessing=preprocessing), infer)


def _torchscript(checkpoint: Any) -> Contender:
    import torch

    from scrapline.model.batches import normalise

    preprocessing: Preprocessing = checkpoint.preprocessing
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is deprecated, too
        model = torch.jit.freeze(_traced(checkpoint))

    @torch.inference_mode()
    def infer(images: list[Any]) -> Any:
        logits, _ = model(normalise(torch.from_numpy(np.stack(images)), preprocessing).contiguous())
        return torch.softmax(logits / checkpoint.temperature, dim=1).numpy()

    return Contender(partial(imaging.load, preprocessing=preprocessing), infer)


def _peer_loop(checkpoint: Any) -> Contender:
    """What public repositories for this job run: frame by frame, a traced network that is loaded and not frozen."""
    import torch
    from PIL import Image
    from torchvision import transforms

    preprocessing: Preprocessing = checkpoint.preprocessing
    size = preprocessing.input_size
    steps = [transforms.Resize((size, size)), transforms.ToTensor()]
    transform = transforms.Compose([*steps, transforms.Normalize(preprocessing.mean, preprocessing.std)])
    model = _traced(checkpoint)

    def preprocess(data: bytes) -> Any:
        return transform(Image.open(io.BytesIO(data)).convert("RGB")).unsqueeze(0)

    @torch.no_grad()
    def infer(images: list[Any]) -> Any:
        logits, _ = model(images[0])
        return torch.softmax(logits, dim=1).numpy()

    return Contender(preprocess, infer, frames_a_run=1)


def _traced(checkpoint: Any) -> Any:
    """Traced, saved and loaded."""
    import torch

    size = checkpoint.preprocessing.input_size
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is deprecated; it is what the field uses
        torch.jit.save(torch.jit.trace(checkpoint.classifier(), torch.zeros(1, 3, size, size)), file)  # type: ignore[no-untyped-call]
        file.seek(0)
        return torch.jit.load(file)  # type: ignore[no-untyped-call]
