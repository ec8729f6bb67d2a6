"""Look at every image for real: quarantine the bad, drop the doubles."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path

from scrapline.data import imaging
from scrapline.data.duplicates import thumbnails
from scrapline.data.duplicates.thumbnails import thumbnail
from scrapline.data.errors import UndeclaredDepthError
from scrapline.data.learned import NOTHING, Learned, Record
from scrapline.data.sources import FolderSource, Item, Source
from scrapline.system.keys import key_of, maker

# Another time there may be enough of it.
_PERHAPS_FOR_WANT_OF_MEMORY = ("unreadable", "truncated")


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
    """Decodes and hashes images; picklable. Bytes that had to be made anew go to `spool`.

    `undeclared_bits` 0: an image whose depth the folder's range must say gives an Undeclared. What `learned` holds of
    an image's bytes is taken from there.
    """

    source: Source
    spool: Path
    min_side: int
    max_side: int
    undeclared_bits: int = 0
    learned: Learned = NOTHING

    def __call__(self, items: Sequence[Item]) -> list[Examination]:
        """Examine images. A bad one gives a Rejected with its reason, never an exception."""
        examined = []
        new: list[tuple[bytes, Record]] = []
        used: list[tuple[bytes, int]] = []
        settings = f"{self.min_side} {self.max_side} {self.undeclared_bits}".encode()
        for item in items:
            data = self.source.read(item)
            sha256 = hashlib.sha256(data)
            key = key_of(sha256.digest(), settings, _maker())
            record = self.learned.record(key)
            if record is None:
                record = self._look(data)
                if json.loads(record.verdict).get("reason") not in _PERHAPS_FOR_WANT_OF_MEMORY:
                    new.append((key, record))
            used.append((key, len(record.verdict) + len(record.thumbnail) + len(record.stored)))
            examined.append(self._examination(item, data, sha256.hexdigest(), record))
        self.learned.keep(new, used)
        return examined

    def _look(self, data: bytes) -> Record:
        """What an image's bytes are, whatever the file is called."""
        try:
            decoded = imaging.decode(data, self.max_side, undeclared_bits=self.undeclared_bits)
            width, height = decoded.original_size
            if min(width, height) < self.min_side:
                why = f"{width}x{height}, the shorter side needs {self.min_side} pixels"
                raise imaging.ImageError("too_small", why)
        except UndeclaredDepthError as error:
            return Record(json.dumps({"level": error.level}))
        except imaging.ImageError as error:
            return Record(json.dumps({"reason": error.reason, "detail": str(error)}))
        stored, suffix = b"", "png" if decoded.format == "PNG" else "jpg"
        if decoded.scaled:
            stored, suffix = imaging.encode_jpeg(decoded.image), "jpg"
        elif not decoded.kept:
            stored, suffix = imaging.encode_png(decoded.image), "png"
        usable = {"width": decoded.image.width, "height": decoded.image.height, "suffix": suffix}
        return Record(json.dumps(usable), thumbnail(decoded.pixels).tobytes(), stored)

    def _examination(self, item: Item, data: bytes, sha256: str, record: Record) -> Examination:
        verdict = json.loads(record.verdict)
        if "level" in verdict:
            return Examination(sha256, Undeclared(verdict["level"]))
        if "reason" in verdict:
            foreign = verdict["reason"] == "unreadable" and Path(item.path).suffix.lower() not in imaging.IMAGE_SUFFIXES
            reason = "unsupported" if foreign else verdict["reason"]
            return Examination(sha256, Rejected(item.path, reason, verdict["detail"]))
        image_id = sha256[:16]
        stored = record.stored or data
        spooled = bool(record.stored) or not isinstance(self.source, FolderSource)
        if spooled:
            (self.spool / f"{image_id}.{verdict['suffix']}").write_bytes(stored)
        photo = Photo(
            image_id, item.class_name, item.path, stored_bytes=len(stored), spooled=spooled, thumbnail=-1, **verdict
        )
        return Examination(sha256, photo, record.thumbnail)


@lru_cache(maxsize=1)
def _maker() -> bytes:
    """The key of all that decides what an image's bytes are found to be."""
    code = [*Path(imaging.__file__).parent.glob("*.py"), Path(thumbnails.__file__), Path(__file__)]
    return maker(code, ("numpy", "opencv-python-headless", "pi-heif", "pillow", "simplejpeg"))


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
