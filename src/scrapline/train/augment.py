"""Random changes to training images, and to nothing else."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms import v2

from scrapline.model.features import Views
from scrapline.params import Augment


def train_transform(augment: Augment) -> v2.Transform:
    """Flips and colour jitter for one uint8 image [3, S, S]; draws from torch's global generator."""
    steps: list[v2.Transform] = [v2.Identity()]
    if augment.hflip:
        steps.append(v2.RandomHorizontalFlip())
    if augment.color_jitter > 0:
        amount = augment.color_jitter
        steps.append(v2.ColorJitter(brightness=amount, contrast=amount, saturation=amount))
    return v2.Compose(steps)


def views(augment: Augment, count: int, seed: int) -> Views | None:
    """The views whose features a frozen base computes; None where there is only the unchanged one."""
    if count == 1:
        return None
    transform = train_transform(augment)
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return Views(count, lambda images: augmented(images, transform), seed, augment.model_dump() | {"code": code})


def augmented(images: Tensor, transform: v2.Transform) -> Tensor:
    """Change each of uint8 [N, S, S, 3] by itself; the same shape comes back."""
    return torch.stack([transform(image.permute(2, 0, 1)).permute(1, 2, 0) for image in images])
