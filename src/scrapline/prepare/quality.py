"""Look at every image for real: quarantine the bad, drop the doubles."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from scrapline.data import imaging
from scrapline.data.duplicates.thumbnails import thumbnail
from scrapline.data.errors import UndeclaredDepthError
from scrapline.data.sources import FolderSource, Item, Source


@dataclass(frozen=True, slots=True)
class Photo:
    """A usable image. `suffix` is of the bytes that go into the shards: the file's own, or a PNG or JPEG made of it.

    `thumbnail` numbers the image's row in the file of thumbnails.
    """

    image_id: str
    class_name: str
    source_path: str
    width: int
    height: int
    stored_bytes: int
    suffix: str
    spooled: bool
    thumbnail: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """A quarantined image, as quarantine.csv lists it."""

    source_path: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Undeclared:
    """An image of 16 bits that declares no depth; `level` is its highest value. It is examined again with the depth."""

    level: int


@dataclass(frozen=True)
class Examination:
    """What one image became, with the SHA-256 of its file for the data set's digest.

    `thumbnail` is what a usable image is compared by: RGB at 64 x 64 pixels.
    """

    sha256: str
    result: Photo | Rejected | Undeclared
    thumbnail: bytes = b""


@dataclass(frozen=True)
class Examiner:
    """Decodes and hashes one image after another; picklable. Bytes that had to be made anew go to `spool`.

    `undeclared_bits` 0: an image whose depth the folder's range must say gives an Undeclared.
    """

    source: Source
    spool: Path
    min_side: int
    max_side: int
    undeclared_bits: int = 0

    def __call__(self, item: Item) -> Examination:
        """Examine one image. A bad one gives a Rejected with its reason, never an exception."""
        data = self.source.read(item)
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            return self._examine(item, data, sha256)
        except UndeclaredDepthError as error:
            return Examination(sha256, Undeclared(error.level))
        except imaging.ImageError as error:
            foreign = error.reason == "unreadable" and Path(item.path).suffix.lower() not in imaging.IMAGE_SUFFIXES
            return Examination(sha256, Rejected(item.path, "unsupported" if foreign else error.reason, str(error)))

    def _examine(self, item: Item, data: bytes, sha256: str) -> Examination:
        image_id = sha256[:16]
        decoded = imaging.decode(data, self.max_side, undeclared_bits=self.undeclared_bits)
        width, height = decoded.original_size
        if min(width, height) < self.min_side:
            raise imaging.ImageError("too_small", f"{width}x{height}, the shorter side needs {self.min_side} pixels")
        image = decoded.image
        stored, suffix = data, "png" if decoded.format == "PNG" else "jpg"
        if decoded.scaled:
            stored, suffix = imaging.encode_jpeg(image), "jpg"
        elif not decoded.kept:
            stored, suffix = imaging.encode_png(image), "png"
        spooled = not (decoded.kept and isinstance(self.source, FolderSource))
        if spooled:
            (self.spool / f"{image_id}.{suffix}").write_bytes(stored)
        photo = Photo(
            image_id,
            item.class_name,
            item.path,
            image.width,
            image.height,
            len(stored),
            suffix,
            spooled,
            thumbnail=-1,
        )
        return Examination(sha256, photo, thumbnail(decoded.pixels).tobytes())


def drop_doubles(photos: Iterable[Photo], rank: Callable[[Photo], int]) -> tuple[list[Photo], list[Rejected]]:
    """Keep one of each set of byte-identical images, and none where their classes disagree.

    `rank` says which of identical files stays: the lowest, then the first by path. Kept photos come sorted by id.
    """
    ordered = sorted(photos, key=lambda photo: (photo.image_id, rank(photo), photo.source_path))
    kept: list[Photo] = []
    rejected: list[Rejected] = []
    for _, same in groupby(ordered, key=lambda photo: photo.image_id):
        first, *others = same
        if any(other.class_name != first.class_name for other in others):
            paths = [first.source_path, *(other.source_path for other in others)]
            detail = "the same bytes as "
            rejected += [
                Rejected(path, "label_conflict", detail + ", ".join(other for other in paths if other != path))
                for path in paths
            ]
            continue
        kept.append(first)
        rejected += [
            Rejected(other.source_path, "duplicate", f"the same bytes as {first.source_path}") for other in others
        ]
    return kept, rejected


def count_reasons(rejected: Iterable[Rejected]) -> dict[str, int]:
    """How many images each reason took, sorted by reason."""
    return dict(sorted(Counter(entry.reason for entry in rejected).items()))
