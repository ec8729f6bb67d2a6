"""Write the prepared data set: shards and test frames."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from scrapline.cli.console import track
from scrapline.data import imaging, shards, splitting
from scrapline.data.frames_table import write_frames_table
from scrapline.data.pins import Pin
from scrapline.params import Data
from scrapline.prepare.cleaning import Cleaned, StoredBytes, original
from scrapline.prepare.quality import Photo


def write_shards(folder: Path, cleaned: Cleaned, reader: StoredBytes, data: Data) -> None:
    """Write the shards, manifest.csv and classes.json."""

    def read(row: shards.Row) -> tuple[str, bytes]:
        photo = cleaned.photos[bisect_left(cleaned.photos, row.image_id, key=lambda photo: photo.image_id)]
        return photo.suffix, reader(photo)

    rows = track(_rows(cleaned, data.shard_mb), "writing shards", len(cleaned.photos))
    shards.write(folder, rows, read, reader.source.classes)


def write_test_frames(folder: Path, cleaned: Cleaned, reader: StoredBytes, frames: int) -> int:
    """Lay out up to `frames` test images' own files as `<class>/<image_id>.<suffix>`, in turn from each class.

    A file without an image's suffix gets that of its bytes in the shards. A table beside them gives each frame's group,
    and how many photos of the test split it stands for on the belt. Returns how many.
    """
    queues = [_of(cleaned, name, "test") for name in reader.source.classes]
    in_turn = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
    chosen = in_turn[:frames]
    laid_out = Counter(photo.class_name for photo in chosen)
    in_split = Counter(photo.class_name for photo in in_turn)
    rows = []
    for photo in chosen:
        (folder / photo.class_name).mkdir(exist_ok=True)
        suffix, data = original(reader, photo)
        suffix = suffix if suffix in imaging.IMAGE_SUFFIXES else f".{photo.suffix}"
        name = f"{photo.class_name}/{photo.image_id}{suffix}"
        (folder / name).write_bytes(data)
        stands_for = round(in_split[photo.class_name] / laid_out[photo.class_name], 6)
        rows.append((name, cleaned.group[photo.image_id], stands_for))
    write_frames_table(folder, sorted(rows))
    return len(chosen)


def _rows(cleaned: Cleaned, shard_mb: int) -> Iterator[shards.Row]:
    for split in sorted(splitting.SPLITS):
        photos = [photo for photo in cleaned.photos if cleaned.split[photo.image_id] == split]
        ids = [photo.image_id for photo in photos]
        names = shards.plan(split, ids, [photo.stored_bytes for photo in photos], shard_mb=shard_mb)
        for photo, shard in zip(photos, names, strict=True):
            yield shards.Row(
                photo.image_id,
                photo.class_name,
                split,
                cleaned.group[photo.image_id],
                photo.width,
                photo.height,
                photo.stored_bytes,
                photo.source_path,
                shard,
                cleaned.pins.get(photo.image_id, Pin.NONE),
            )


def _of(cleaned: Cleaned, class_name: str, split: str) -> list[Photo]:
    return [p for p in cleaned.photos if p.class_name == class_name and cleaned.split[p.image_id] == split]
