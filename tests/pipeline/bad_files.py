"""Files that nobody should trust: archives, models and images, as bytes."""

import io
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from conftest import CLASSES, jpeg, noise

SMALL = "shufflenet_v2_x0_5"

Member = tuple[str, bytes]


@dataclass(frozen=True)
class Odd:
    """An image file that is not what it seems: kept, with this size in the manifest, or quarantined for a reason."""

    name: str
    data: bytes
    size: tuple[int, int] | None = None
    reason: str = ""
    detail: str = ""


def saved(save: Callable[..., Any], content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    save(content, buffer, **options)
    return buffer.getvalue()


def zipped(*members: Member, mode: int = 0, encrypted: bool = False) -> bytes:
    """`mode` is what the first member is on Unix; `encrypted` is only said of them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (path, content) in enumerate(members):
            info = zipfile.ZipInfo(path)
            info.external_attr = mode << 16 if number == 0 else 0
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    data = bytearray(buffer.getvalue())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(magic)
        while encrypted and at >= 0:
            data[at + offset] |= 1
            at = data.find(magic, at + 1)
    return bytes(data)


def tarred(*members: Member, link: bool = False) -> bytes:
    """A tar.gz; with `link`, the first member is a symbolic link."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number, (path, content) in enumerate(members):
            info = tarfile.TarInfo(path)
            info.size = len(content)
            if link and number == 0:
                info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@cache
def state_dict() -> bytes:
    """A plain state dict of a small network."""
    import torch  # here and below, since most cases do without the seconds that this takes
    import torchvision

    return saved(torch.save, torchvision.models.get_model(SMALL).state_dict())


@cache
def old_state_dict() -> bytes:
    """As PyTorch saved it before 1.6: pickles one after another, and no archive around them."""
    import torch

    return saved(torch.save, {"weight": torch.zeros(64)}, _use_new_zipfile_serialization=False)


def list_of_tensors() -> bytes:
    import torch

    return saved(torch.save, [torch.zeros(2)])


@cache
def checkpoint() -> bytes:
    """A checkpoint of ours."""
    import torch

    from scrapline.data.imaging import Preprocessing
    from scrapline.model.checkpoint import FORMAT_VERSION
    from scrapline.model.classifier import Classifier

    content = {"format_version": FORMAT_VERSION, "arch": SMALL, "classes": list(CLASSES), "temperature": 1.0}
    content |= {"preprocessing": Preprocessing(32, 512).to_dict(), "weights": {"name": "none"}}
    return saved(torch.save, content | {"state_dict": Classifier(SMALL, len(CLASSES)).torchvision_state()})


class Malicious:
    """Makes a file called `ran` where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("ran"),))


def malicious() -> bytes:
    """In the archive that torch.save makes."""
    import torch

    return saved(torch.save, {"weight": Malicious()})


def malicious_pickle() -> bytes:
    """Without an archive."""
    return pickle.dumps(Malicious(), protocol=2)


@cache
def foreign_onnx(**metadata: str) -> bytes:
    """A valid ONNX model that is not of our making."""
    import onnx
    from onnx import TensorProto, helper

    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 64]) for name in ("images", "out")]
    weight = helper.make_tensor("w", TensorProto.FLOAT, [64, 64], np.eye(64).ravel().tolist())
    node = helper.make_node("MatMul", ["images", "w"], ["out"])
    graph = helper.make_graph([node], "g", ends[:1], ends[1:], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    for key, value in metadata.items():
        model.metadata_props.add(key=f"scrapline.{key}", value=value)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    return saved(lambda content, stream: content.save(stream, kind, **options), image)


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def black_png(side: int) -> bytes:
    """A square of grey levels, packed row by row: the pixels never stand in memory."""
    packer = zlib.compressobj()
    rows = b"".join(packer.compress(bytes(1 + side)) for _ in range(side)) + packer.flush()
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return png((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


@cache
def odd_images() -> tuple[Odd, ...]:
    """Each with content of its own, or it would be a double of another."""
    size = (48, 40)
    photos = [noise(9000 + number, size) for number in range(14)]
    turned = Image.Exif()
    turned[0x0112] = 6
    deep = Image.fromarray(np.asarray(photos[0].convert("L")).astype(np.uint16) * 257)
    whole = encoded(photos[1], "PNG")
    signature_and_size = 8 + 25
    bomb = png((b"zTXt", b"Comment\0\0" + zlib.compress(bytes(30_000_000))))[8:]
    bombed = whole[:signature_and_size] + bomb + whole[signature_and_size:]
    return (
        Odd("one-pixel.png", encoded(Image.new("RGB", (1, 1)), "PNG"), reason="too_small", detail="1x1"),
        Odd("enormous.png", black_png(20_000), reason="unsupported", detail="more than 100 megapixels"),
        Odd("zero-bytes.jpg", b"", reason="unreadable", detail="an empty file"),
        Odd("text.jpg", b"not a photo\n", reason="unreadable", detail="not an image"),
        Odd("phone.heic", b"\0\0\0\x18ftypheic and more", reason="unreadable", detail="not an image"),
        Odd("progressive-cut.jpg", half(jpeg(photos[2], progressive=True)), reason="truncated", detail="truncated"),
        Odd("baseline-cut.jpg", jpeg(photos[3])[:-300], reason="truncated", detail="truncated"),
        Odd("cut.png", half(encoded(photos[4], "PNG")), reason="truncated", detail="truncated"),
        Odd("text-bomb.png", bombed, reason="unreadable", detail="too large"),
        Odd("floats.tif", encoded(Image.new("F", size), "TIFF"), reason="unsupported", detail="floating-point pixels"),
        Odd("png-inside.jpg", encoded(photos[5], "PNG"), size),
        Odd("corrupt-exif.jpg", jpeg(photos[6], exif=b"Exif\0\0MM\0*\xff\xff\xff\xff garbage"), size),
        Odd("sixteen-bit.png", encoded(deep, "PNG"), size),
        Odd("transparent-palette.png", encoded(photos[7].quantize(16), "PNG", transparency=3), size),
        Odd("cmyk.jpg", jpeg(photos[8].convert("CMYK")), size),
        Odd("animated.gif", encoded(photos[9], "GIF", save_all=True, append_images=photos[10:12]), size),
        Odd("turned.jpg", jpeg(photos[12], exif=turned), (40, 48)),
    )
