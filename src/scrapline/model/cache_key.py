"""What decides the pixels of prepared photos: part of the key under which anything made of them is cached."""

from importlib import metadata
from pathlib import Path
from typing import Any

import scrapline
from scrapline.data import shards
from scrapline.data.imaging import Preprocessing
from scrapline.system.files import sha256

_PACKAGE = Path(scrapline.__file__).parent
# What decodes, scales and computes. An optional one that is not installed counts as such.
LIBRARIES = ("numpy", "opencv-python-headless", "pi-heif", "pillow", "simplejpeg", "torch", "torchvision")


def of_photos(folder: Path, split: str, preprocessing: Preprocessing) -> dict[str, Any]:
    """A split's shards, how its photos are decoded and scaled, and by which code and libraries."""
    return {
        "shards": [sha256(path) for path in shards.paths(folder, split)],
        "preprocessing": preprocessing.to_dict(),
        "libraries": {name: version(name) for name in LIBRARIES},
        "code": {path.relative_to(_PACKAGE).as_posix(): sha256(path) for path in code_files()},
    }


def code_files() -> list[Path]:
    """The modules that may take part in making features: all that hold pixels and the network, sorted."""
    return sorted(path for folder in ("data", "model") for path in (_PACKAGE / folder).rglob("*.py"))


def version(distribution: str) -> str:
    """Of an installed package, `none` where it is not."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return "none"
