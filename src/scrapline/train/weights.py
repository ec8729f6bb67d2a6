"""What the network starts from, and the truth about it for checkpoint and report."""

from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

from scrapline.model.checkpoint import load_tensors
from scrapline.model.classifier import Classifier
from scrapline.system.errors import ScraplineError
from scrapline.system.files import sha256
from scrapline.train.norms import has_folded_norms

_REMEDY = "get the file again, as torch.save of a state_dict() writes it"


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
    content = load_tensors(path, remedy=_REMEDY)
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


def constants(arch: str, weights: str, folder: Path) -> dict[str, Any]:
    """How the photos were prepared that starting weights were trained with, as far as it is known: some of `_READERS`.

    Torchvision's come from its `weights.transforms()`, a checkpoint's of this project out of it, those of any other
    file from lines such as `mean: 0.5 0.5 0.5` of the text file beside it; what is not there stays as for ImageNet.
    Torchvision's crop is left alone: what it cuts off is part of the object here, and TrashNet's test photos do
    not tell the two apart. A note's or a checkpoint's is obeyed.
    """
    if weights == "none":
        return {}
    if weights == "imagenet":
        preset = torchvision.models.get_model_weights(arch).DEFAULT.transforms()
        found = {"mean": tuple(preset.mean), "std": tuple(preset.std), "interpolation": preset.interpolation.value}
        return _checked(found, f"the ImageNet weights of {arch}")
    content = load_tensors(folder / weights, remedy=_REMEDY)
    if isinstance(content.get("preprocessing"), dict):
        used = content["preprocessing"]
        found = {name: used[name] for name in _READERS if used.get(name) is not None}  # older ones lack some
        return _checked({name: tuple(v) if name in {"mean", "std"} else v for name, v in found.items()}, weights)
    return _noted((folder / weights).with_suffix(".txt"))


def _noted(note: Path) -> dict[str, Any]:
    """What a note's lines say. ScraplineError names a line that is wrong, or one that was surely meant to be known."""
    lines = note.read_text(encoding="utf-8", errors="replace").splitlines() if note.is_file() else []
    found: dict[str, Any] = {}
    for number, (key, colon, value) in enumerate(line.partition(":") for line in lines):
        name = key.strip().lower()
        if name in _READERS:
            try:
                found[name] = _READERS[name](value.strip())
            except ValueError:
                found[name] = None
        elif number and colon and (meant := _MEANT.get(name) or get_close_matches(name, _READERS, n=1)):
            raise ScraplineError(f"{note}: `{name}` is no line that is known; write `{meant[0]}`")
    return _checked(found, str(note))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(number) for number in text.replace(",", " ").split())


_READERS: dict[str, Callable[[str], Any]] = {"mean": _numbers, "std": _numbers, "interpolation": str, "crop_pct": float}
_MEANT = dict.fromkeys(("crop_size", "resize_size", "resize"), ("crop_pct",))


def _checked(found: dict[str, Any], where: str) -> dict[str, Any]:
    """The same, or ScraplineError where they are no three numbers, or a way of scaling that is not at hand."""
    for name, low in (("mean", -1.0), ("std", 0.0)):
        values = found.get(name, (1.0, 1.0, 1.0))
        if values is None or len(values) != 3 or not all(low < number <= 1 for number in values):
            raise ScraplineError(f"{where}: `{name}` are three numbers, for red, green and blue on a scale of 0 to 1")
    if found.get("interpolation", "bilinear") not in ("bilinear", "bicubic"):
        raise ScraplineError(f"{where}: interpolation `{found['interpolation']}` is neither bilinear nor bicubic")
    share = found.get("crop_pct", 1.0)
    if share is None or not 0.5 <= share <= 1:
        raise ScraplineError(f"{where}: `crop_pct` is the share of the short side that is looked at, 0.5 to 1")
    return found


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
