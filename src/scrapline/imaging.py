"""Bytes in, RGB pixels at the model's size out: the one path for training, evaluation, parity and the line."""

import io
import logging
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

Pixels = npt.NDArray[np.uint8]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})

_FORMATS = frozenset({"JPEG", "MPO", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"})
_MAX_PIXELS = 100_000_000
_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow refuses more than twice this number, and warns, which would tell nobody, between the two.
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# A damaged tag block costs the metadata, not the photo.
warnings.filterwarnings("ignore", module=r"PIL\..*", category=UserWarning)
logging.getLogger("PIL").addHandler(logging.NullHandler())


class ImageError(Exception):
    """An image that cannot be used. `reason` is one of quarantine.csv's reasons; the message is its detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with both arguments."""
        return (ImageError, (self.reason, str(self)))


@dataclass(frozen=True)
class Preprocessing:
    """How bytes become the network's input; travels in the checkpoint and in the ONNX file.

    `max_side` and `input_size` are pixels; `mean` and `std` are per RGB channel on a scale of 0 to 1.
    """

    input_size: int
    max_side: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON and checkpoints."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`."""
        return cls(raw["input_size"], raw["max_side"], tuple(raw["mean"]), tuple(raw["std"]))


@dataclass(frozen=True)
class Decoded:
    """A photo as plain RGB, no side longer than asked; `original_size` is (width, height) as stored.

    `plain` says that any viewer shows the stored bytes as these pixels: nothing was turned, flattened or scaled.
    """

    image: Image.Image
    original_size: tuple[int, int]
    plain: bool


def decode(data: bytes, max_side: int) -> Decoded:
    """Decode one photo for real: EXIF orientation, palette, alpha, CMYK, 16 bit and animation become plain RGB.

    Alpha is laid on white, an animation gives its first frame, and a photo with a side past `max_side` pixels is
    scaled down to it. Raises ImageError with the reason and detail that quarantine.csv shows.
    """
    try:
        image = Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise ImageError("unreadable", "not an image" if data else "an empty file") from None
    except Image.DecompressionBombError:
        raise ImageError("unsupported", f"more than {_MAX_PIXELS // 10**6} megapixels") from None
    except Exception as error:  # Pillow's parsers raise whatever a damaged header makes them trip over
        raise ImageError("unreadable", _one_line(error)) from None
    if image.format not in _FORMATS:
        raise ImageError("unsupported", f"the format {image.format}")
    size, mode = image.size, image.mode
    try:
        animated = getattr(image, "n_frames", 1) > 1  # walks through the whole file, damaged or not
        # libjpeg scales while it decodes: a 50-megapixel photo never stands in memory whole.
        image.draft("RGB", (2 * max_side, 2 * max_side))
        image.load()
        upright = _upright(image)
        rgb = _shrink(_to_rgb(upright), max_side)
    except ImageError:
        raise
    except Exception as error:
        cut_short = "truncated" in str(error) or "broken data stream" in str(error) or isinstance(error, EOFError)
        raise ImageError("truncated" if cut_short else "unreadable", _one_line(error)) from None
    plain = image.format in {"JPEG", "PNG"} and mode in {"RGB", "L"} and upright is image and not animated
    plain = plain and rgb.size == size and "transparency" not in image.info
    rgb.info = {}  # a damaged colour profile would be written again, or be what writing trips over
    return Decoded(rgb, size, plain)


def resize(image: Image.Image, input_size: int) -> Pixels:
    """Scale an RGB image to the network's square, bilinear with antialiasing: uint8 [S, S, 3]."""
    return np.asarray(image.resize((input_size, input_size), Image.Resampling.BILINEAR))


def load(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """The whole path from a file's bytes to the network's uint8 input [S, S, 3]. Raises ImageError."""
    return resize(decode(data, preprocessing.max_side).image, preprocessing.input_size)


def encode_png(image: Image.Image) -> bytes:
    """Lossless, so that a scaled-down photo has the same pixels in training as on the line."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its EXIF orientation says; the same object where there is nothing to turn."""
    try:
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # a corrupt EXIF block says nothing
        return image
    # Not ImageOps.exif_transpose: it writes all of the EXIF block anew and trips over damage elsewhere in it.
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "I" or image.mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.int64).clip(0, 65535) >> 8
        return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise ImageError("unsupported", "floating-point pixels")
    if image.mode in {"RGBA", "LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _shrink(image: Image.Image, max_side: int) -> Image.Image:
    longest = max(image.size)
    if longest <= max_side:
        return image
    width, height = (max(1, round(side * max_side / longest)) for side in image.size)
    return image.resize((width, height), Image.Resampling.BILINEAR)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
