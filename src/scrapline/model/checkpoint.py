"""The checkpoint: all that a trained model is, in one file of tensors and plain values."""

import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scrapline.data.imaging import Preprocessing
from scrapline.model.classifier import Classifier
from scrapline.system.errors import ScraplineError
from scrapline.system.files import require

FORMAT_VERSION = 3
MAKE_ANEW = "make it anew with `dvc repro train`"


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
