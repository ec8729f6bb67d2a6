"""A folder of odd image files, and the right value of each: `python tests/odd_folder.py FOLDER` writes it."""

import io
import struct
import sys
import unicodedata
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 40), (40, 60, 220), (230, 220, 60)
SIZE = (64, 48)
PHOTOS = 8
CLASSES = ("no", "1e3", "001", "10", "2")
# The quarters top left, top right, bottom left, bottom right of a photo that a viewer shows as stored.
STORED = (RED, GREEN, BLUE, YELLOW)
# EXIF 2.3, tag 0x0112: where row 0 and column 0 of the stored picture belong.
TURNED = {
    1: (RED, GREEN, BLUE, YELLOW),
    2: (GREEN, RED, YELLOW, BLUE),
    3: (YELLOW, BLUE, GREEN, RED),
    4: (BLUE, YELLOW, RED, GREEN),
    5: (RED, BLUE, GREEN, YELLOW),
    6: (BLUE, RED, YELLOW, GREEN),
    7: (YELLOW, GREEN, BLUE, RED),
    8: (GREEN, YELLOW, RED, BLUE),
}
NAMES = {
    "NFC": unicodedata.normalize("NFC", "métal.png"),
    "NFD": unicodedata.normalize("NFD", "aluminé.png"),
    "comma": "a, b.png",
    "quotes": 'it\'s "quoted".png',
    "emoji": "can 🥫.png",
    "200 characters": "x" * 196 + ".png",
}


@dataclass(frozen=True)
class Odd:
    """A file and what it must give: the four quarters' colours within `tolerance` levels, or else a reason."""

    name: str
    data: bytes
    quarters: tuple[tuple[int, int, int], ...] = ()
    reasons: tuple[str, ...] = ()
    tolerance: int = 3


def quarters() -> Image.Image:
    """The photo that all others are made of."""
    image = Image.new("RGB", SIZE)
    for number, colour in enumerate(STORED):
        left, top = number % 2 * SIZE[0] // 2, number // 2 * SIZE[1] // 2
        image.paste(colour, (left, top, left + SIZE[0] // 2, top + SIZE[1] // 2))
    return image


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """An image's file."""
    buffer = io.BytesIO()
    image.copy().save(buffer, kind, **options)  # a copy: Pillow leaves one encoder's settings on an image
    return buffer.getvalue()


def deep_png(levels: np.ndarray, chunks: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """A PNG of 16 bits, grey [H, W] or RGB [H, W, 3]."""
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2 if levels.ndim == 3 else 0, 0, 0, 0)
    parts = ((b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = (struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def files() -> list[Odd]:
    """Every odd file."""
    image, fine = quarters(), {"quality": 95, "subsampling": 0}
    plain = encoded(image, "JPEG", **fine)
    black = Image.new("RGB", SIZE)
    found = [Odd("plain.jpg", plain, STORED), Odd("plain.jfif", plain, STORED), Odd("no suffix", plain, STORED)]
    for number, shown in TURNED.items():
        exif = Image.Exif()
        exif[0x0112] = number
        found += [
            Odd(f"turned {number}.jpg", encoded(image, "JPEG", exif=exif, **fine), shown),
            Odd(f"turned {number}.png", encoded(image, "PNG", exif=exif), shown, tolerance=0),
            Odd(f"turned {number}.webp", encoded(image, "WEBP", exif=exif, lossless=True), shown, tolerance=0),
        ]
    found += [
        Odd("cmyk.jpg", encoded(image.convert("CMYK"), "JPEG", quality=95), STORED, tolerance=12),
        Odd("cmyk.tif", encoded(image.convert("CMYK"), "TIFF"), STORED, tolerance=2),
        Odd("ycck.jpg", ycck(image), STORED, tolerance=12),
        Odd("progressive.jpg", encoded(image, "JPEG", progressive=True, **fine), STORED),
        Odd("palette.png", encoded(image.quantize(8), "PNG"), STORED, tolerance=0),
        Odd("animated.gif", encoded(image, "GIF", save_all=True, append_images=[black.copy()]), STORED),
        Odd(
            "animated.webp", encoded(image, "WEBP", save_all=True, append_images=[black.copy()], lossless=True), STORED
        ),
        Odd("animated.png", encoded(image, "PNG", save_all=True, append_images=[black.copy()]), STORED, tolerance=0),
        Odd("two.mpo", encoded(image, "MPO", save_all=True, append_images=[black.copy()], **fine), STORED),
        Odd("pages.tif", encoded(image, "TIFF", save_all=True, append_images=[black.copy()]), STORED, tolerance=0),
        Odd("more after the end.jpg", plain + bytes(5000) + b"JUNK", STORED),
        Odd("photo.avif", encoded(image, "AVIF", quality=95, subsampling="4:4:4"), STORED, tolerance=6),
        Odd("photo.heic", (Path(__file__).parent / "data/quarters.heic").read_bytes(), STORED, tolerance=8),
        Odd("one pixel.png", encoded(Image.new("RGB", (1, 1), RED), "PNG"), (RED,) * 4, tolerance=0),
        Odd("10000x10.png", encoded(Image.new("RGB", (10000, 10), RED), "PNG"), (RED,) * 4, tolerance=0),
        Odd("100 megapixels.png", encoded(Image.new("1", (10000, 10000), 1), "PNG"), ((255,) * 3,) * 4, tolerance=0),
        Odd("too large.png", encoded(Image.new("1", (10001, 10000)), "PNG"), reasons=("unsupported",)),
    ]
    clear = image.convert("RGBA")
    clear.paste((0, 0, 0, 0), (0, 0, 32, 24))
    on_white = ((255, 255, 255), GREEN, BLUE, YELLOW)
    found += [Odd(f"alpha.{kind.lower()}", encoded(clear, kind), on_white, tolerance=0) for kind in ("PNG", "TIFF")]
    bits = Image.new("1", SIZE)
    bits.paste(1, (32, 0, 64, 48))
    found.append(Odd("one bit.png", encoded(bits, "PNG"), ((0,) * 3, (255,) * 3) * 2, tolerance=0))
    eight = np.asarray(image).astype(np.uint16)
    found += [
        Odd(f"{n} bits.png", deep_png(eight << (n - 8), ((b"sBIT", bytes([n] * 3)),)), STORED, tolerance=0)
        for n in (10, 12, 14, 16)
    ]
    found.append(Odd("16 bits grey.png", deep_png(eight[..., 0] * 257), tuple((c[0],) * 3 for c in STORED)))
    cuts = [len(plain) * tenth // 11 for tenth in range(1, 11)]
    found += [Odd(f"cut at {at}.jpg", plain[:at], reasons=("truncated", "unreadable")) for at in cuts]
    return found


def ycck(image: Image.Image) -> bytes:
    """A JPEG as Adobe's programs write ink: Y, Cb and Cr of the inverted colours and black, marked as transform 2."""
    cyan_magenta_yellow = Image.fromarray(255 - np.asarray(image))
    levels = 255 - np.asarray(cyan_magenta_yellow.convert("YCbCr"))  # Pillow inverts all four when it saves
    data = encoded(
        Image.fromarray(np.dstack([levels, np.zeros(levels.shape[:2], np.uint8)]), "CMYK"), "JPEG", quality=95
    )
    transform = data.index(b"Adobe") + 11
    return data[:transform] + b"\2" + data[transform + 1 :]


def photo(number: int) -> bytes:
    """A plain photo unlike any other."""
    levels = np.random.default_rng(number).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return encoded(Image.fromarray(levels).resize(SIZE, Image.Resampling.BICUBIC), "PNG")


def write(folder: Path) -> None:
    """The odd files in the first class, and plain photos in every class, the first under the odd names."""
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for copy in range(PHOTOS):
            (folder / name / f"{copy:03d}.png").write_bytes(photo(PHOTOS * number + copy))
    for odd in files():
        (folder / CLASSES[0] / odd.name).write_bytes(odd.data)
    for number, name in enumerate(NAMES.values()):
        (folder / CLASSES[number % len(CLASSES)] / name).write_bytes(photo(1000 + number))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
