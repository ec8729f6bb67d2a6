"""How PyTorch computes here: the device, the precision, and the same bits from run to run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from scrapline.model.classifier import Classifier
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import cores


def probabilities(logits: Tensor, temperature: float) -> npt.NDArray[np.float32]:
    """Calibrated probabilities [N, C]."""
    array: npt.NDArray[np.float32] = torch.softmax(logits.float() / temperature, dim=1).cpu().numpy()
    return array


def pick_device(wanted: str) -> torch.device:
    """`auto` is CUDA where there is one; ScraplineError where `cuda` is asked for and missing."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise ScraplineError("train.device is cuda, but PyTorch finds no CUDA device here: use auto or cpu")
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def fast_bf16(device: torch.device) -> bool:
    """Whether the device computes faster in bfloat16 than in float32.

    Intel's AVX512_BF16 without AMX multiplies no more numbers a cycle than float32 does: there a training step of a
    ResNet18 took 1.4 times as long in bfloat16. AMD's multiplies twice as many.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or (found.get("avx512_bf16") and "AMD" in str(found.get("cpu_name"))))


@contextmanager
def mixed_precision(model: Classifier, device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Compute in `dtype`, but the first convolution in float32; with float32, compute as always.

    Rounding the input image is most of what bfloat16 costs: with the first convolution exact, the embeddings of a
    ResNet18 were off by 0.8 % instead of 1.3 %. Its output is rounded: the norm and the pooling after it, in float32,
    took a fifth of a training step, and made it 0.7 %.
    """
    if dtype == torch.float32:
        yield
        return
    stem = next(module for module in model.backbone.modules() if isinstance(module, nn.Conv2d))
    compute = stem.forward

    def in_float32(images: Tensor) -> Tensor:
        with torch.autocast(device.type, enabled=False):
            return compute(images).to(dtype)

    stem.forward = in_float32  # type: ignore[assignment, method-assign]
    try:
        with torch.autocast(device.type, dtype):
            yield
    finally:
        del stem.forward


@contextmanager
def reproducible(seed: int = 0) -> Iterator[None]:
    """Seed everything, pin the thread count, and refuse operations whose result may differ from run to run."""
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.set_num_threads(cores())
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False  # float32 is to mean float32, as in the exported model
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # it guards against bugs of ours, at half the speed
    torch.manual_seed(seed)
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        reason = str(error).split(".")[0]
        raise ScraplineError(
            f"this network has no deterministic way on this GPU ({reason}): set `train.device: cpu`, or name "
            "another in model.arch"
        ) from None
    finally:
        torch.use_deterministic_algorithms(False)
