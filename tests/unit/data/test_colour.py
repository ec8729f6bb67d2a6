"""Stored colours become the sRGB that a colour-managed viewer shows; right values come from the standards' formulas.

sRGB: IEC 61966-2-1. Display P3: the same curve, primaries of SMPTE RP 431-2, here as adapted to D50.
"""

import io
import struct
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from scrapline.data import imaging

Floats = npt.NDArray[np.float64]

COLOURS = np.array([(220, 30, 30), (30, 200, 40), (40, 60, 220), (230, 220, 60), (128, 128, 128)], np.uint8)
SRGB_TO_XYZ = np.array([(0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410)])
P3_TO_XYZ = np.array([(0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407)])
CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_CURVE = struct.pack(">4sIHH5i", b"para", 0, 3, 0, *(round(value * 65536) for value in CURVE))
MANAGED = [("PNG", {}), ("WEBP", {"lossless": True}), ("TIFF", {}), ("JPEG", {"quality": 98, "subsampling": 0})]


def linear(levels: Floats) -> Floats:
    return np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)


def encoded(light: Floats) -> Floats:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)


def profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 4 with these tags (ICC.1:2010, 7.2 and 7.3)."""
    tags = {b"wtpt": b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)} | tags
    at, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        padded = content + bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, at + len(body), len(content))
        body += padded
    header = struct.pack(">I4sI4s4s4s", at + len(body), bytes(4), 0x04200000, b"mntr", space, b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + table + body


def p3() -> bytes:
    columns = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), P3_TO_XYZ.T, strict=True))
    points = {k: b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in c)) for k, c in columns.items()}
    return profile(b"RGB ", points | {b"rTRC": SRGB_CURVE, b"gTRC": SRGB_CURVE, b"bTRC": SRGB_CURVE})


def grey_of_gamma(gamma: float) -> bytes:
    curve = struct.pack(">4sIIH", b"curv", 0, 1, round(gamma * 256))
    return profile(b"GRAY", {b"kTRC": curve})


def stripes(colours: npt.NDArray[np.uint8]) -> Image.Image:
    """A column of 16 pixels for each colour."""
    return Image.fromarray(np.repeat(colours[None], 16, axis=0).repeat(16, axis=1))


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def seen(data: bytes) -> npt.NDArray[np.int64]:
    """The colours of the columns, [N, 3], the same on the way of preparation and of the network's input."""
    decoded = imaging.decode(data, 512)
    width = decoded.pixels.shape[1]
    small = imaging.load(data, imaging.Preprocessing(80, 512))
    columns = decoded.pixels[8, 8::16].astype(np.int64)
    assert np.abs(small[40, [80 * (x * 16 + 8) // width for x in range(width // 16)]] - columns).max() <= 2
    return columns


@pytest.mark.parametrize(("kind", "options"), MANAGED)
def test_a_photo_in_display_p3_is_seen_as_a_viewer_shows_it(kind: str, options: dict[str, object]) -> None:
    stored = encoded(linear(COLOURS / 255) @ SRGB_TO_XYZ.T @ np.linalg.inv(P3_TO_XYZ).T)
    wide = stripes((stored * 255).round().astype(np.uint8))
    assert np.abs(np.asarray(wide)[8, 8::16].astype(int) - COLOURS).max() > 15
    assert np.abs(seen(file_of(wide, kind, icc_profile=p3(), **options)) - COLOURS).max() <= 3
    assert not imaging.decode(file_of(wide, kind, icc_profile=p3(), **options), 512).plain


def test_a_grey_photo_of_another_gamma_is_seen_as_a_viewer_shows_it() -> None:
    levels = np.array([20, 90, 160, 240], np.uint8)
    data = file_of(stripes(levels), "PNG", icc_profile=grey_of_gamma(1.8))
    wanted = encoded((levels / 255) ** 1.8) * 255
    assert np.abs(seen(data) - wanted[:, None]).max() <= 3


@pytest.mark.parametrize(
    "broken",
    [lambda: p3()[:200], lambda: b"not a profile", lambda: bytes(128), lambda: grey_of_gamma(1.8)],
    ids=["cut", "text", "zeros", "for grey"],
)
def test_a_profile_that_is_of_no_use_leaves_the_colours(broken: Callable[[], bytes]) -> None:
    assert (seen(file_of(stripes(COLOURS), "PNG", icc_profile=broken())) == COLOURS).all()


def test_ink_is_read_either_way_round_as_the_file_says() -> None:
    """Adobe's programs store CMYK JPEGs inverted and mark them so; a file without that mark is stored as it is."""
    ink = stripes(COLOURS).convert("CMYK")
    marked = file_of(ink, "JPEG", quality=98)
    at = marked.index(b"\xff\xee")
    length = int.from_bytes(marked[at + 2 : at + 4])
    unmarked = file_of(Image.fromarray(255 - np.asarray(ink), "CMYK"), "JPEG", quality=98)
    unmarked = unmarked[:at] + unmarked[at + 2 + length :]
    assert b"Adobe" in marked
    assert b"Adobe" not in unmarked
    assert np.abs(seen(marked) - COLOURS).max() <= 12
    assert np.abs(seen(unmarked) - COLOURS).max() <= 12


@pytest.mark.parametrize(("alpha", "shown"), [(0, COLOURS), (255, COLOURS), (128, 255 - (255 - COLOURS) // 2)])
def test_a_bitmap_whose_fourth_channel_was_left_at_zero_is_opaque(alpha: int, shown: npt.NDArray[np.int64]) -> None:
    blue_first = np.asarray(stripes(COLOURS))[::-1, :, ::-1]
    height, width = blue_first.shape[:2]
    rows = np.dstack([blue_first, np.full((height, width), alpha, np.uint8)]).tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(rows), 2835, 2835, 0, 0) + masks
    header += b"BGRs" + bytes(108 - len(header) - 4)
    data = b"BM" + struct.pack("<IHHI", 14 + 108 + len(rows), 0, 0, 14 + 108) + header + rows
    assert np.abs(seen(data) - shown).max() <= 2
