"""Random changes to training images, and to nothing else."""

import hashlib
import math
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms import v2

from scrapline.model.features import Views
from scrapline.params import Augment

_RESERVE = 8 / 7


def train_transform(augment: Augment, size: int) -> v2.Transform:
    """Crops, flips and colour jitter from one uint8 image [3, H, W] to [3, size, size]; draws from torch's generator.

    Without crops the image is `size` x `size` already.
    """
    steps: list[v2.Transform] = [v2.Identity()]
    if augment.crop_area < 1:
        steps.append(v2.RandomResizedCrop(size, scale=(augment.crop_area, 1.0), antialias=True))
    if augment.hflip:
        steps.append(v2.RandomHorizontalFlip())
    if augment.vflip:
        steps.append(v2.RandomVerticalFlip())
    if augment.color_jitter > 0:
        amount = augment.color_jitter
        steps.append(v2.ColorJitter(brightness=amount, contrast=amount, saturation=amount))
    return v2.Compose(steps)


def stored_size(augment: Augment, size: int) -> int:
    """The side in pixels at which training images are kept, for crops of them to be as sharp as whole ones.

    A crop of the middle size between the least and all of the photo then needs no enlarging, up to 8/7 of the side,
    the room that the usual 256 leaves around 224.
    """
    middle = (augment.crop_area + 1) / 2
    return math.ceil(size * min(_RESERVE, 1 / math.sqrt(middle)))


def views(augment: Augment, size: int, count: int, seed: int) -> Views | None:
    """The views whose features a frozen base computes; None where there is only the unchanged one."""
    if count == 1:
        return None
    transform = train_transform(augment, size)
    code = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    return Views(count, lambda images: augmented(images, transform), seed, augment.model_dump() | {"code": code})


def augmented(images: Tensor, transform: v2.Transform) -> Tensor:
    """Change each of uint8 [N, H, W, 3] by itself, into [N, S, S, 3] as the transform gives them."""
    return torch.stack([transform(image.permute(2, 0, 1)).permute(1, 2, 0) for image in images])
