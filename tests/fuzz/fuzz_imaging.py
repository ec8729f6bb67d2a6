"""Any bytes through imaging: `python tests/fuzz/fuzz_imaging.py [libFuzzer options] corpus`."""

import contextlib
import io
import os
import random
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

SIDES = (512, 24, 1)
INPUT_SIZE = 8
REASONS = {"unreadable", "truncated", "unsupported"}
PNG = b"\x89PNG\r\n\x1a\n"
TIFF = {b"II", b"MM"}


def check(data: bytes, max_side: int) -> None:
    """AssertionError, or whatever imaging let through, unless it does with these bytes what it promises."""
    from scrapline.data import imaging  # here, so that main() can have it instrumented

    preprocessing = imaging.Preprocessing(INPUT_SIZE, max_side)
    with _silence(data):
        decoded, refusal = _decode(data, max_side)
        again, refusal_again = _decode(data, max_side)
        if decoded is None or again is None:
            assert refusal == refusal_again
            reason, message = refusal
            assert reason in REASONS
            assert message.strip()
            assert message.isprintable(), "more than a line"
            assert " at 0x" not in message, "an address, another one in every run"
            return
        pixels = np.asarray(decoded.image)
        assert decoded.image.mode == "RGB"
        assert min(decoded.image.size) >= 1
        assert max(decoded.image.size) <= max_side or min(decoded.image.size) <= max(1, -(-max_side // 2))
        assert min(decoded.original_size) >= 1
        np.testing.assert_array_equal(np.asarray(again.image), pixels)
        network = imaging.load(data, preprocessing)
        assert (network.dtype, network.shape) == (np.uint8, (INPUT_SIZE, INPUT_SIZE, 3))
        if decoded.plain:
            assert decoded.image.size == decoded.original_size
            np.testing.assert_array_equal(np.asarray(imaging.Image.open(io.BytesIO(data)).convert("RGB")), pixels)
        stored = imaging.encode_png(decoded.image)
        from_store = imaging.decode(stored, max_side)
        assert from_store.plain
        np.testing.assert_array_equal(np.asarray(from_store.image), pixels)
        np.testing.assert_array_equal(imaging.load(stored, preprocessing), network)


def _decode(data: bytes, max_side: int) -> tuple[Any, tuple[str, str]]:
    from scrapline.data import imaging

    try:
        return imaging.decode(data, max_side), ("", "")
    except imaging.ImageError as error:
        return None, (error.reason, str(error))


@contextlib.contextmanager
def _silence(data: bytes) -> Iterator[None]:
    """Nothing on stderr, from C libraries neither. Only libtiff may complain: Pillow gives no way to keep it quiet."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as libraries, contextlib.redirect_stderr(io.StringIO()) as python:
        os.dup2(libraries.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        libraries.seek(0)
        said = python.getvalue() + ("" if data[:2] in TIFF else libraries.read().decode(errors="replace"))
        assert not said, f"on stderr: {said}"


def _with_right_checksums(data: bytes) -> bytes:
    """A PNG's chunks with their CRCs made right, without which no mutation gets past Pillow's first look."""
    out, at = bytearray(PNG), len(PNG)
    while at + 12 <= len(data):
        end = at + 8 + struct.unpack_from(">I", data, at)[0]
        out += data[at:end] + struct.pack(">I", zlib.crc32(data[at + 4 : end]))
        at = end + 4
    return bytes(out + data[at:])


def main() -> None:
    """Hand `check` to libFuzzer."""
    import atheris

    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))
    with atheris.instrument_imports(include=["PIL", "scrapline"]):
        from scrapline.data import imaging

        imaging.Image.init()

    def one_input(data: bytes) -> None:
        check(data, SIDES[len(data) % len(SIDES)])

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        mutated = atheris.Mutate(data, max_size)
        if mutated.startswith(PNG) and random.Random(seed).random() < 0.9:
            return _with_right_checksums(mutated)[:max_size]
        return mutated

    # The same code on smaller images: four kilobytes can hold 100 megapixels of one colour, which take seconds.
    imaging.Image.MAX_IMAGE_PIXELS = 250_000
    atheris.Setup(sys.argv, one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
