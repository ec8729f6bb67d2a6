"""Any way of storing colours to plain sRGB: ink, transparency, palettes, and embedded colour profiles."""

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Pixels = npt.NDArray[np.uint8]

_EXTRA_SAMPLES = 338
_ALPHA_MODES = frozenset({"RGBA", "LA", "PA", "La", "RGBa"})
_GREY_MODES = frozenset({"1", "L", "LA", "La"})
# The colour space in a profile's header, as modes of Pillow.
_SPACES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}
# Profiles of sRGB by different makers differ by as many levels.
_SAME_LEVELS = 2


def to_rgb(image: Image.Image) -> Image.Image:
    """A loaded image of eight bits as RGB, alpha laid on white; only a CMYK's profile is applied."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "CMYK":
        return _ink_to_rgb(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        rgba = image.convert("RGBA")
        if _no_alpha(image, rgba):
            return rgba.convert("RGB")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def to_srgb(pixels: Pixels, mode: str, profile: bytes | None) -> Pixels | None:
    """RGB pixels of an image that was stored in `mode` with an embedded profile, as sRGB; None where nothing changes.

    A profile that is broken, or of another kind of colours than the image's, changes nothing.
    """
    if not isinstance(profile, bytes) or mode in {"CMYK", "LAB"}:
        return None
    space, transform = _transform(profile)
    if transform is None or space == "CMYK" or (space == "L" and mode not in _GREY_MODES):
        return None
    channels: Pixels = np.ascontiguousarray(pixels[:, :, 0]) if space == "L" else np.ascontiguousarray(pixels)
    stored = Image.fromarray(channels)
    return np.asarray(transform.apply(stored))


def _ink_to_rgb(image: Image.Image) -> Image.Image:
    if image.format in {"JPEG", "MPO"} and "adobe" not in image.info:
        # Pillow turns the levels of every CMYK JPEG round, as Adobe's programs, and they alone, store them.
        image = Image.fromarray(255 - np.asarray(image), "CMYK")
    profile = image.info.get("icc_profile")
    space, transform = _transform(profile) if isinstance(profile, bytes) else ("", None)
    return transform.apply(image) if transform is not None and space == "CMYK" else image.convert("RGB")


def _no_alpha(image: Image.Image, rgba: Image.Image) -> bool:
    """Whether a fourth channel is there that means nothing: TIFF says so, and a BMP's is often left at zero."""
    if image.format == "TIFF" and image.mode == "RGBA":
        extra = getattr(image, "tag_v2", {}).get(_EXTRA_SAMPLES, 0)
        return not np.any(np.ravel(extra)[:1])
    return image.format == "BMP" and rgba.getchannel("A").getextrema() == (0, 0)


@lru_cache(maxsize=64)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """The mode that a profile is for, and the way from it to sRGB: None where it is of no use, or sRGB itself."""
    try:
        opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _SPACES[opened.profile.xcolor_space.strip()]
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(opened, ImageCms.ImageCmsProfile(srgb), mode, "RGB")
        if mode == "CMYK":
            return mode, transform
        steps = np.arange(0, 256, 15, dtype=np.uint8)
        cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(1, -1, 3)
        samples = Image.fromarray(cube if mode == "RGB" else steps.reshape(1, -1))
        moved = np.asarray(transform.apply(samples)).astype(int) - np.asarray(samples.convert("RGB"))
        return mode, transform if np.abs(moved).max() > _SAME_LEVELS else None
    except MemoryError:
        raise
    except Exception:  # littleCMS raises whatever a damaged profile makes it trip over
        return "", None
