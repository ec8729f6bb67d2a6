"""Bytes in, RGB pixels at the model's size out: the one path for training, evaluation, parity and the line."""

import io
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import pi_heif  # type: ignore[import-untyped]
from PIL import Image, UnidentifiedImageError

from scrapline.data import colour, depth, jpeg
from scrapline.data.errors import ImageError as ImageError
from scrapline.data.scaling import middle, shrink
from scrapline.data.scaling import scale as scale

Pixels = npt.NDArray[np.uint8]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *("jpg", "jpeg", "jpe", "jfif", "mpo", "png", "webp", "bmp", "gif", "tif", "tiff"),
        *("ppm", "pgm", "pbm", "pnm", "heic", "heif", "avif"),
    )
)
# The only formats whose parsers an untrusted file meets; an MPO is opened as the JPEG that it begins with.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "HEIF", "AVIF")

_MAX_PIXELS = 100_000_000
_ORIENTATION_TAG = 0x0112
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1),
    8: np.rot90,
}

# Work is shared out image by image; threads of OpenCV's own would only get in the way.
cv2.setNumThreads(1)
# Pillow refuses more than twice this number, and warns, which would tell nobody, between the two.
Image.MAX_IMAGE_PIXELS = _MAX_PIXELS // 2
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# A damaged tag block costs the metadata, not the photo.
warnings.filterwarnings("ignore", module=r"PIL\..*", category=UserWarning)
logging.getLogger("PIL").addHandler(logging.NullHandler())
pi_heif.register_heif_opener()


@dataclass(frozen=True)
class Preprocessing:
    """How bytes become the network's input; travels in the checkpoint and in the ONNX file.

    `max_side` and `input_size` are pixels; `mean` and `std` are per RGB channel on a scale of 0 to 1.
    `interpolation` is how the last step of scaling samples, by torchvision's name: bilinear or bicubic.
    `undeclared_bits` is the depth of the training photos' 16-bit files that declare none; None where there were none.
    `crop_pct`, timm's word, is the share of the short side that the square in the middle has which is cut out: 0.875
    where torchvision scales to 256 and takes 224. None squeezes the whole photo into the square.
    """

    input_size: int
    max_side: int
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    undeclared_bits: int | None = None
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    crop_pct: float | None = None

    @property
    def geometry(self) -> str:
        """What becomes of a photo's shape, for people."""
        square = f"{self.input_size} x {self.input_size} pixels"
        if self.crop_pct is None:
            return f"squeezed whole to {square}"
        return f"cut to the middle {self.crop_pct:.1%} of the short side, at {square}"

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers, for JSON and checkpoints."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Preprocessing":
        """The inverse of `to_dict`."""
        return cls(**raw | {"mean": tuple(raw["mean"]), "std": tuple(raw["std"])})


@dataclass(frozen=True)
class Decoded:
    """A photo as plain RGB, uint8 [H, W, 3], scaled down as asked; `original_size` is (width, height) as stored.

    `plain` says that any viewer shows the stored bytes as these pixels: nothing was turned, flattened or scaled.
    `format` is Pillow's name of the file's format; `scaled` and `deep` that it was too large, or of more than 8 bits.
    """

    pixels: Pixels
    original_size: tuple[int, int]
    plain: bool
    format: str
    scaled: bool
    deep: bool
    animated: bool

    @property
    def kept(self) -> bool:
        """Whether its bytes go into the shards as they are: one JPEG or PNG, of eight bits, not scaled down."""
        return self.format in {"JPEG", "PNG"} and not (self.scaled or self.deep or self.animated)

    @property
    def image(self) -> Image.Image:
        """The pixels for Pillow, without any of the file's metadata."""
        return Image.fromarray(self.pixels)


def decode(data: bytes, max_side: int, *, undeclared_bits: int | None = None) -> Decoded:
    """Decode one photo for real: EXIF orientation, palette, alpha, CMYK, depth and animation become plain sRGB.

    Alpha is laid on white, an animation gives its first frame, an embedded profile is applied, and a photo with a
    side past `max_side` pixels is scaled down to it, but for a long one's short side, which keeps half of `max_side`.
    `undeclared_bits`: as in Preprocessing. Raises ImageError with the reason and detail that quarantine.csv shows.
    """
    return _decode(data, max_side, undeclared_bits)


def load(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """The whole path from a file's bytes to the network's uint8 input [S, S, 3]. Raises ImageError."""
    short_side = math.ceil(preprocessing.input_size / (preprocessing.crop_pct or 1.0))
    decoded = _decode(data, preprocessing.max_side, preprocessing.undeclared_bits, short_side=short_side)
    return _to_square(decoded.pixels, preprocessing)


def from_array(pixels: Pixels, preprocessing: Preprocessing) -> Pixels:
    """RGB pixels, uint8 [H, W, 3], to the network's uint8 input [S, S, 3], by `load`'s steps after decoding.

    Raises ImageError for any other array.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:
        raise ImageError("unreadable", f"no RGB picture: {pixels.dtype} {list(pixels.shape)}")
    return _to_square(shrink(pixels, preprocessing.max_side), preprocessing)


def encode_png(image: Image.Image) -> bytes:
    """Lossless, so that an odd photo that fits has the same pixels in training as on the line."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def encode_jpeg(image: Image.Image) -> bytes:
    """Of high quality, each pixel with its own colour (4:4:4): an eighth of the bytes of a scaled-down photo's PNG."""
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def _decode(data: bytes, max_side: int, undeclared_bits: int | None, *, short_side: int = 0) -> Decoded:
    """Decode; what is only to be scaled to `short_side` may lie in the thread's scratch memory, and be halved."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        if depth.has_tiff_directory(data):
            raise ImageError("unsupported", "a layout of TIFF that is not known") from None
        raise ImageError("unreadable", "not an image" if data else "an empty file") from None
    except Image.DecompressionBombError:
        raise ImageError("unsupported", f"more than {_MAX_PIXELS // 10**6} megapixels") from None
    except Exception as error:  # Pillow's parsers raise whatever a damaged header makes them trip over
        raise ImageError("unreadable", _one_line(error)) from None
    size, mode = image.size, image.mode
    try:
        deep = depth.is_deep(data, image)
        animated = getattr(image, "n_frames", 1) > 1  # walks through the whole file, damaged or not
        # libjpeg scales while it decodes: a 50-megapixel photo never stands in memory whole.
        image.draft("RGB", (2 * max_side, 2 * max_side))
        pixels = jpeg.sound(data, image, short_side if max(size) <= max_side else 0)
        if pixels is None:
            flat = depth.to_eight_bits(data, image, undeclared_bits) if deep else image
            flat.load()
            pixels = np.asarray(colour.to_rgb(flat))
            mode = flat.mode
        managed = colour.to_srgb(pixels, mode, image.info.get("icc_profile"))
        pixels = pixels if managed is None else managed
        turn = _TURNS.get(_orientation(image))
        pixels = shrink(turn(pixels) if turn else pixels, max_side)
    except ImageError:
        raise
    except Exception as error:
        cut_short = "truncated" in str(error) or "broken data stream" in str(error) or isinstance(error, EOFError)
        raise ImageError("truncated" if cut_short else "unreadable", _one_line(error)) from None
    plain = image.format in {"JPEG", "PNG"} and mode in {"RGB", "L"} and turn is None and not animated
    plain = plain and pixels.shape[1::-1] == size and "transparency" not in image.info and not deep and managed is None
    scaled = max(size) > max_side and sorted(pixels.shape[:2]) != sorted(size)
    return Decoded(np.ascontiguousarray(pixels), size, plain, str(image.format), scaled, deep, animated)


def _to_square(pixels: Pixels, preprocessing: Preprocessing) -> Pixels:
    if preprocessing.crop_pct is not None:
        pixels = middle(pixels, preprocessing.crop_pct)
    return scale(pixels, preprocessing.input_size, preprocessing.input_size, preprocessing.interpolation)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # a corrupt EXIF block says nothing
        return 1


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
