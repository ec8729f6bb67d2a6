"""Keys of what is kept in caches: hashes of all that decides it."""

import hashlib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from scrapline.system import processor


def maker(files: Iterable[Path], libraries: Iterable[str]) -> bytes:
    """A key for what decides how something is learned: these files of code, libraries' versions, and the processor."""
    versions = [f"{name} {_version(name)}" for name in sorted(libraries)]
    kind = [processor.name(), *sorted(processor.instructions())]
    return key_of(*(path.read_bytes() for path in sorted(files)), *(text.encode() for text in versions + kind))


def key_of(*parts: bytes) -> bytes:
    """A key of 16 bytes for what these parts say together."""
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(len(part).to_bytes(8, "little") + part)
    return made.digest()


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
