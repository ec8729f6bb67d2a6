"""More than eight bits to eight, by what the file declares; TIFFs are written bit by bit, so no library has a say."""

import struct

import numpy as np
import numpy.typing as npt
import pytest

import odd_folder
from scrapline.data import imaging
from scrapline.data.errors import ImageError, UndeclaredDepthError

Levels = npt.NDArray[np.int64]

SHOWN = np.array([20, 90, 160, 240])
S_MAX_SAMPLE_VALUE, SAMPLE_FORMAT = 341, 339


def columns(channels: int = 1) -> Levels:
    """Eight-bit levels [H, W] or [H, W, 3] in columns 16 wide; green has half of red's, blue a quarter."""
    grey = np.repeat(SHOWN[None], 16, axis=0).repeat(16, axis=1)
    return grey if channels == 1 else np.dstack([grey, grey // 2, grey // 4])


def tiff(levels: Levels, bits: int, tags: tuple[tuple[int, int], ...] = (), photometric: int = 1) -> bytes:
    """A TIFF of one strip (TIFF 6.0, section 2): whole words for 16 bits, else packed, each row from a new byte on."""
    height, width = levels.shape[:2]
    channels = 1 if levels.ndim == 2 else levels.shape[2]
    rows = b""
    for row in levels.reshape(height, -1):
        text = "".join(format(int(value), f"0{bits}b") for value in row)
        packed = text + "0" * (-len(text) % 8)
        rows += row.astype("<u2").tobytes() if bits == 16 else int(packed, 2).to_bytes(len(packed) // 8, "big")
    short, long = 3, 4
    entries = [(256, long, 1, width), (257, long, 1, height), (259, short, 1, 1), (277, short, 1, channels)]
    entries += [(262, short, 1, 2 if channels == 3 else photometric), (278, long, 1, height)]
    entries.append((279, long, 1, len(rows)))
    after = 8 + 2 + 12 * (len(entries) + len(tags) + 2) + 4
    rest = b""
    for tag, value in ((258, bits), *tags):  # one for each channel
        entries.append((tag, short, channels, value if channels == 1 else after + len(rest)))
        rest += struct.pack("<3H", *[value] * 3)
    entries.append((273, long, 1, after + len(rest)))
    body = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(4) + rest + rows


def seen(data: bytes, undeclared_bits: int | None = None) -> Levels:
    """The levels of the columns, of the first channel that differs: [N] where all are grey, else [N, 3]."""
    found = imaging.decode(data, 512, undeclared_bits=undeclared_bits).pixels[8, 8::16].astype(np.int64)
    assert (
        imaging.load(data, imaging.Preprocessing(64, 512, undeclared_bits=undeclared_bits))[32, 8::16] == found
    ).all()
    return found[:, 0] if (found == found[:, :1]).all() else found


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_of_sixteen_bits_is_scaled_by_the_greatest_value_that_it_declares(bits: int, channels: int) -> None:
    declared = ((S_MAX_SAMPLE_VALUE, (1 << bits) - 1),)
    found = seen(tiff(columns(channels) << (bits - 8), 16, declared))
    assert (found == (SHOWN if channels == 1 else columns(3)[0, 8::16])).all()


@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_depth_that_no_file_declares_is_the_folders(bits: int, channels: int) -> None:
    data = tiff(columns(channels) << (bits - 8), 16)
    assert (seen(data, undeclared_bits=bits) == (SHOWN if channels == 1 else columns(3)[0, 8::16])).all()
    with pytest.raises(UndeclaredDepthError) as caught:
        imaging.decode(data, 512)
    assert caught.value.level == 240 << (bits - 8)
    with pytest.raises(UndeclaredDepthError):
        imaging.decode(data, 512, undeclared_bits=bits - 2)


def test_values_of_all_sixteen_bits_need_no_declaration() -> None:
    assert (seen(tiff(columns() * 257, 16)) == SHOWN).all()


def test_white_is_zero_where_the_file_says_so() -> None:
    assert (seen(tiff(65535 - columns() * 257, 16, photometric=0)) == SHOWN).all()


def test_twelve_bits_packed_are_twelve_bits() -> None:
    assert (seen(tiff(columns() << 4, 12)) == SHOWN).all()


@pytest.mark.parametrize(("bits", "channels"), [(10, 1), (14, 1), (10, 3), (12, 3), (14, 3)])
def test_what_no_decoder_unpacks_is_unsupported_and_not_damaged(bits: int, channels: int) -> None:
    with pytest.raises(ImageError) as caught:
        imaging.decode(tiff(columns(channels) << (bits - 8), bits), 512)
    assert caught.value.reason == "unsupported"


def test_signed_values_are_unsupported() -> None:
    with pytest.raises(ImageError, match="signed or floating-point"):
        imaging.decode(tiff(columns() * 100, 16, ((SAMPLE_FORMAT, 2),)), 512)


def test_a_level_of_a_deep_png_that_is_declared_transparent_is_white() -> None:
    data = odd_folder.deep_png(columns() * 257, ((b"tRNS", struct.pack(">H", 90 * 257)),))
    assert (seen(data) == [20, 255, 160, 240]).all()
