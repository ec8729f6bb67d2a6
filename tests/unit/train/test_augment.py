"""What the augmentation does to one image, against torchvision's own functions."""

import hashlib
from pathlib import Path

import pytest
import torch
from torchvision.transforms import v2

from scrapline.params import Augment
from scrapline.train import augment

IMAGE = torch.randint(0, 256, (3, 6, 9), dtype=torch.uint8, generator=torch.Generator().manual_seed(3))


def drawn(settings: Augment, number: int) -> torch.Tensor:
    transform = augment.train_transform(settings, 6)
    torch.manual_seed(0)
    return torch.stack([transform(IMAGE) for _ in range(number)])


def test_the_flip_is_a_mirror_image_of_half_the_photos() -> None:
    images = drawn(Augment(hflip=True, color_jitter=0), 400)
    mirror = v2.functional.horizontal_flip(IMAGE)
    flipped = torch.tensor([torch.equal(image, mirror) for image in images])
    same = torch.tensor([torch.equal(image, IMAGE) for image in images])
    assert bool((flipped | same).all())
    assert 150 < int(flipped.sum()) < 250  # 5 standard deviations of a fair coin


def test_the_upright_flip_turns_half_of_the_photos_over_beside_the_mirror() -> None:
    images = drawn(Augment(hflip=True, vflip=True, color_jitter=0), 400)
    kinds = [IMAGE, IMAGE.flip(2), IMAGE.flip(1), IMAGE.flip(1, 2)]
    found = [sum(torch.equal(image, kind) for image in images) for kind in kinds]
    assert sum(found) == 400
    assert min(found) > 60  # a quarter each; 4.6 standard deviations


@pytest.mark.parametrize("least", [0.3, 0.8])
def test_a_crop_keeps_at_least_its_share_of_the_area(least: float) -> None:
    """Each pixel of a ramp says where it stood, so a crop's outermost ones tell its sides."""
    ramp = torch.arange(240, dtype=torch.uint8)
    image = torch.stack(
        [ramp.expand(240, 240), ramp[:, None].expand(240, 240), torch.zeros(240, 240, dtype=torch.uint8)]
    )
    transform = augment.train_transform(Augment(hflip=False, color_jitter=0, crop_area=least), 120)
    torch.manual_seed(0)
    areas = []
    for _ in range(200):
        crop = transform(image)
        assert crop.shape == (3, 120, 120)
        wide, high = (int(crop[channel].max()) - int(crop[channel].min()) + 1 for channel in (0, 1))
        areas.append(wide * high / 240**2)
    assert least - 0.03 < min(areas) < least + 0.15
    assert max(areas) > 0.93


@pytest.mark.parametrize(("least", "kept"), [(1.0, 224), (0.9, 230), (0.5, 256), (0.1, 256)])
def test_photos_are_kept_as_large_as_the_middle_crop_needs(least: float, kept: int) -> None:
    """224 / sqrt(0.95) is 229.8; the others would be 258.7 and 302, and 256 is the most."""
    assert augment.stored_size(Augment(hflip=False, color_jitter=0, crop_area=least), 224) == kept


def test_nothing_asked_for_changes_nothing() -> None:
    assert not any(
        isinstance(m, v2.ColorJitter)
        for m in augment.train_transform(Augment(hflip=True, color_jitter=0), 6).transforms
    )
    assert torch.equal(drawn(Augment(hflip=False, color_jitter=0), 20), IMAGE.expand(20, -1, -1, -1))


@pytest.mark.parametrize("amount", [0.05, 0.3])
def test_the_jitter_is_torchvisions_in_brightness_contrast_and_saturation(amount: float) -> None:
    images = drawn(Augment(hflip=False, color_jitter=amount), 30)
    torch.manual_seed(0)
    jitter = v2.ColorJitter(brightness=amount, contrast=amount, saturation=amount, hue=0)
    assert torch.equal(images, torch.stack([jitter(IMAGE) for _ in range(30)]))


def test_each_image_of_a_batch_is_changed_by_itself() -> None:
    torch.manual_seed(0)
    batch = IMAGE.permute(1, 2, 0).expand(12, -1, -1, -1)
    changed = augment.augmented(batch, augment.train_transform(Augment(hflip=True, color_jitter=0.3), 6))
    assert changed.shape == batch.shape
    assert changed.dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in changed}) == 12


def test_a_batch_comes_back_in_its_own_layout() -> None:
    batch = torch.arange(2 * 4 * 5 * 3, dtype=torch.uint8).reshape(2, 4, 5, 3)
    assert torch.equal(augment.augmented(batch, v2.Identity()), batch)
    assert torch.equal(augment.augmented(batch, v2.RandomHorizontalFlip(1.0)), batch.flip(2))


def test_one_view_is_the_unchanged_image_alone() -> None:
    assert augment.views(Augment(hflip=True, color_jitter=0.2), 6, 1, seed=5) is None


def test_views_carry_all_that_makes_them() -> None:
    settings = Augment(hflip=True, color_jitter=0.25)
    views = augment.views(settings, 6, 4, seed=5)
    assert views is not None
    digest = hashlib.sha256(Path(augment.__file__).read_bytes()).hexdigest()
    assert (views.count, views.seed) == (4, 5)
    assert views.key == {"hflip": True, "vflip": False, "crop_area": 1.0, "color_jitter": 0.25, "code": digest}
    batch = IMAGE.permute(1, 2, 0)[None]
    torch.manual_seed(1)
    changed = views.change(batch)
    torch.manual_seed(1)
    assert torch.equal(changed, augment.augmented(batch, augment.train_transform(settings, 6)))
