"""The network: torchvision's by name with a new last layer, and the checkpoint that keeps it."""

import difflib
import hashlib
import io
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torchvision
from torch import Tensor, nn

from scrapline.cli.entry import ScraplineError
from scrapline.data.imaging import Preprocessing
from scrapline.system.files import require
from scrapline.system.parallel import cores

FORMAT_VERSION = 2
MAKE_ANEW = "make it anew with `dvc repro train`"


def check_arch(arch: str) -> None:
    """Raise ScraplineError, naming the nearest, where `arch` is no torchvision classification network."""
    known = torchvision.models.list_models(module=torchvision.models)
    if arch not in known:
        near = difflib.get_close_matches(arch, known, n=1, cutoff=0.0)
        raise ScraplineError(f"model.arch `{arch}` is no torchvision network; did you mean `{near[0]}`?")


class Classifier(nn.Module):
    """A torchvision network taken apart where its last linear layer was: `backbone` to embeddings, `head` to logits."""

    def __init__(self, arch: str, classes: int) -> None:
        super().__init__()
        check_arch(arch)
        self.arch = arch
        self.backbone: nn.Module = torchvision.models.get_model(arch, weights=None)
        linear = [name for name, module in self.backbone.named_modules() if isinstance(module, nn.Linear)]
        if not linear or hasattr(self.backbone, "aux_logits"):
            raise ScraplineError(f"model.arch `{arch}` has no single last linear layer to replace: try resnet18")
        self.head_name = linear[-1]
        last: nn.Linear = self.backbone.get_submodule(self.head_name)
        self.head = nn.Linear(last.in_features, classes, bias=last.bias is not None)
        self.backbone.set_submodule(self.head_name, nn.Identity())

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [N, C] and embeddings [N, D] of normalised images [N, 3, S, S]."""
        embedding = self.backbone(images)
        return self.head(embedding), embedding

    @torch.inference_mode()
    def check_input_size(self, input_size: int) -> None:
        """Try one blank image, in eval mode; ScraplineError where the network cannot take images of this size."""
        training = self.training
        try:
            self.eval()(torch.zeros(1, 3, input_size, input_size))
        except Exception as error:  # each network says it in its own way
            reason = str(error).split("\n")[0]
            raise ScraplineError(
                f"model.arch `{self.arch}` cannot take `model.input_size: {input_size}` ({reason}): try 224"
            ) from None
        self.train(training)

    def torchvision_state(self) -> dict[str, Tensor]:
        """The parameters under torchvision's own names: they load strictly into the plain network."""
        state = dict(self.backbone.state_dict())
        state |= {f"{self.head_name}.{name}": value for name, value in self.head.state_dict().items()}
        # Strides are saved, too, and a 1x1 kernel that computed channels last is contiguous with others than usual.
        usual = torch.contiguous_format
        return {name: value.detach().cpu().clone(memory_format=usual) for name, value in sorted(state.items())}

    def backbone_sha256(self) -> str:
        """Hex digest of the base: its architecture and every parameter in it."""
        digest = hashlib.sha256(self.arch.encode())
        for name, value in self.backbone.state_dict().items():
            digest.update(name.encode())
            digest.update(value.detach().cpu().contiguous().numpy())
        return digest.hexdigest()

    def load_backbone(self, state: dict[str, Tensor], source: str) -> None:
        """Load all but the last layer from torchvision's names, strictly; ScraplineError names what does not fit."""
        own = self.backbone.state_dict()
        given = {name: value for name, value in state.items() if not name.startswith(f"{self.head_name}.")}
        # Files from before PyTorch 0.4.1 lack the batch counters, which PyTorch itself then leaves as they are.
        given = {name: value for name, value in own.items() if name.endswith(".num_batches_tracked")} | given
        wrong = sorted(set(own) ^ set(given)) or sorted(n for n, value in own.items() if value.shape != given[n].shape)
        if wrong:
            raise ScraplineError(
                f"{source} does not hold weights of {self.arch} (`{wrong[0]}` does not fit): name their network in "
                "model.arch, or take others"
            )
        self.backbone.load_state_dict(given, strict=True)

    def load_state(self, state: dict[str, Tensor], source: str) -> None:
        """Load everything, last layer included, strictly."""
        self.load_backbone(state, source)
        head = {name.rpartition(".")[2]: v for name, v in state.items() if name.startswith(f"{self.head_name}.")}
        try:
            self.head.load_state_dict(head, strict=True)
        except RuntimeError:
            raise ScraplineError(f"{source}: the last layer does not fit its list of classes") from None


@dataclass(frozen=True)
class Checkpoint:
    """All that a trained model is. `temperature` divides the logits; `weights` tells what training started from."""

    arch: str
    classes: list[str]
    preprocessing: Preprocessing
    temperature: float
    weights: dict[str, str]
    state_dict: dict[str, Tensor]

    def save(self, path: Path) -> None:
        """Write a `.pth` that loads with `weights_only=True`; the same content gives the same bytes."""
        content = {field: getattr(self, field) for field in self.__dataclass_fields__}
        content |= {"format_version": FORMAT_VERSION, "preprocessing": self.preprocessing.to_dict()}
        # Given a path, torch.save writes the file's name into the archive; given a file, a full disk is a crash of its.
        archive = io.BytesIO()
        torch.save(content, archive)
        path.write_bytes(archive.getbuffer())

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint; ScraplineError where it is missing, damaged, foreign or of a newer format."""
        content = load_tensors(require(path), remedy=MAKE_ANEW)
        if content.get("format_version") != FORMAT_VERSION:
            found = content.get("format_version", "none")
            raise ScraplineError(
                f"{path} is no Scrapline checkpoint of format {FORMAT_VERSION} (found {found}): {MAKE_ANEW}"
            )
        fields = {name: content[name] for name in cls.__dataclass_fields__}
        return cls(**fields | {"preprocessing": Preprocessing.from_dict(content["preprocessing"])})

    def classifier(self) -> Classifier:
        """The network with its trained parameters, in eval mode."""
        model = Classifier(self.arch, len(self.classes))
        model.load_state(self.state_dict, "the checkpoint")
        return model.eval()


def load_tensors(path: Path, *, remedy: str) -> dict[str, Any]:
    """Read a dictionary of tensors without running code from it; ScraplineError where that is not what it is."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "was not an allowed global" in str(error):
            raise ScraplineError(f"{path} holds more than tensors and was not opened: {remedy}") from None
        raise ScraplineError(f"{path} is damaged or no PyTorch file: {remedy}") from None
    except (RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        reason = str(error).split("\n")[0].split(". ")[0] or "it ends too early"
        raise ScraplineError(f"{path} is damaged or no PyTorch file ({reason}): {remedy}") from None
    if not isinstance(content, dict):
        raise ScraplineError(f"{path} holds no state dict: {remedy}")
    return content


def normalise(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """uint8 [N, S, S, 3] to normalised float32 [N, 3, S, S], laid out channels last."""
    mean = torch.tensor(preprocessing.mean, device=images.device) * 255
    std = torch.tensor(preprocessing.std, device=images.device) * 255
    return ((images.float() - mean) / std).permute(0, 3, 1, 2)


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


def native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated, it would be slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@contextmanager
def mixed_precision(model: Classifier, device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    """Compute in `dtype`, but the first convolution in float32; with float32, compute as always.

    Rounding the input image is most of what bfloat16 costs: with the first convolution exact, the embeddings of a
    ResNet18 were off by 0.7 % instead of 1.3 %, at the same speed.
    """
    if dtype == torch.float32:
        yield
        return
    stem = next(module for module in model.backbone.modules() if isinstance(module, nn.Conv2d))
    compute = stem.forward

    def in_float32(images: Tensor) -> Tensor:
        with torch.autocast(device.type, enabled=False):
            return compute(images)

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
    torch.backends.cudnn.allow_tf32 = False  # float32 is to mean float32, as in the exported model
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # it guards against bugs of ours, at half the speed
    torch.manual_seed(seed)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(False)
