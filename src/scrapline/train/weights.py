"""What the network starts from, and the truth about it for checkpoint and report."""

from pathlib import Path

import torch
import torchvision
from torch import nn

from scrapline.model.checkpoint import load_tensors
from scrapline.model.classifier import Classifier
from scrapline.system.errors import ScraplineError
from scrapline.system.files import sha256


def initialise(model: Classifier, weights: str, folder: Path) -> dict[str, str]:
    """Load the starting weights into all but the last layer and return their provenance.

    `weights` is `none`, `imagenet` (torchvision's default download), or the name of a state dict in `folder`, beside
    which a text file of the same stem may say in one line what it is.
    """
    if weights == "none":
        return {"name": "none", "description": "random initialisation, trained from scratch"}
    if weights == "imagenet":
        chosen = torchvision.models.get_model_weights(model.arch).DEFAULT
        try:
            state = torchvision.models.get_model(model.arch, weights=chosen).state_dict()
        except (OSError, RuntimeError) as error:
            raise ScraplineError(
                f"the ImageNet weights of {model.arch} cannot be downloaded ({error}): check the connection, or put a "
                f"state dict into {folder} and name it in model.weights"
            ) from None
        model.load_backbone(state, str(chosen))
        return {"name": "imagenet", "description": f"ImageNet weights, torchvision {chosen}", "url": chosen.url}
    path = folder / weights
    if not path.is_file():
        present = ", ".join(sorted(p.name for p in folder.glob("*.pth"))) or "no .pth file"
        raise ScraplineError(
            f"model.weights `{weights}` is not in {folder}, which holds {present}: put the file there, or name another"
        )
    content = load_tensors(path, remedy="get the file again, as torch.save of a state_dict() writes it")
    state_dict = content.get("state_dict", content)  # also a checkpoint of this project, to go on from
    model.load_backbone(state_dict, str(path))
    note = path.with_suffix(".txt")
    description = note.read_text(encoding="utf-8", errors="replace").strip().split("\n")[0] if note.is_file() else ""
    return {
        "name": weights,
        "sha256": sha256(path),
        "description": description or f"a file of the user's, with no {note.name} beside it to say what it is",
        "findings": "; ".join(_findings(model)) or "none",
    }


def has_folded_norms(model: nn.Module) -> bool:
    """Whether the batch norms were folded into the convolutions: their running statistics are all 0 and 1.

    In training mode such a layer would normalise by batch statistics that the convolutions never met.
    """
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    return bool(norms) and all(
        torch.all(norm.running_mean == 0) and torch.all(norm.running_var == 1)
        for norm in norms
        if norm.running_mean is not None and norm.running_var is not None
    )


def _findings(model: Classifier) -> list[str]:
    """What can be read off the tensors themselves, whatever a file's name promises."""
    found = []
    if has_folded_norms(model):
        found.append("batch norms are folded into the convolutions")
    silent = [
        name
        for name, module in model.backbone.named_modules()
        if isinstance(module, nn.BatchNorm2d) and not torch.any(module.weight)
    ]
    if silent:
        found.append(f"batch norms with weight zero, whose branch adds nothing before training: {', '.join(silent)}")
    return found
