"""Write the prepared data set: shards, test frames, and the report on what became of the images."""

import csv
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scrapline.cli.console import info, track
from scrapline.data import imaging, shards, splitting
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.data.sources import describe
from scrapline.params import Data
from scrapline.paths import NEAR_DUPLICATES, NEAR_DUPLICATES_PAGE
from scrapline.prepare import quality
from scrapline.prepare.cleaning import Cleaned, Examined, StoredBytes, original
from scrapline.prepare.near_duplicates import write_near_duplicates
from scrapline.prepare.quality import Photo
from scrapline.system.files import write_json

_SHEET_IMAGES = 40


def write_shards(folder: Path, cleaned: Cleaned, reader: StoredBytes, data: Data) -> None:
    """Write the shards, manifest.csv and classes.json."""

    def read(row: shards.Row) -> tuple[str, bytes]:
        photo = cleaned.photos[bisect_left(cleaned.photos, row.image_id, key=lambda photo: photo.image_id)]
        return photo.suffix, reader(photo)

    rows = track(_rows(cleaned, data.shard_mb), "writing shards", len(cleaned.photos))
    shards.write(folder, rows, read, reader.source.classes)


def write_test_frames(folder: Path, cleaned: Cleaned, reader: StoredBytes, frames: int) -> int:
    """Lay out up to `frames` test images' own files as `<class>/<image_id>.<suffix>`, in turn from each class.

    A file without an image's suffix gets that of its bytes in the shards. Returns how many.
    """
    queues = [_of(cleaned, name, "test") for name in reader.source.classes]
    in_turn = [queue[turn] for turn in range(max(map(len, queues))) for queue in queues if turn < len(queue)]
    for photo in in_turn[:frames]:
        (folder / photo.class_name).mkdir(exist_ok=True)
        suffix, data = original(reader, photo)
        suffix = suffix if suffix in imaging.IMAGE_SUFFIXES else f".{photo.suffix}"
        (folder / photo.class_name / f"{photo.image_id}{suffix}").write_bytes(data)
    return min(frames, len(in_turn))


def write_report(folder: Path, cleaned: Cleaned, reader: StoredBytes, facts: dict[str, Any], max_side: int) -> None:
    """Write report.json, class_balance.csv, quarantine.csv, the near-duplicates and a contact sheet per class."""
    classes = reader.source.classes
    balance = Counter((photo.class_name, cleaned.split[photo.image_id]) for photo in cleaned.photos)
    group_sizes = Counter(cleaned.group[photo.image_id] for photo in cleaned.photos)
    report = facts | {
        "kept": len(cleaned.photos),
        "quarantined": quality.count_reasons(cleaned.rejected),
        "unlisted_images_in_training": cleaned.unlisted,
        "near_duplicate_groups": sum(size > 1 for size in group_sizes.values()),
        "near_duplicate_images": sum(size for size in group_sizes.values() if size > 1),
        "groups_to_look_at": cleaned.grouped.large,
        "splits": {name: sum(balance[c, name] for c in classes) for name in splitting.SPLITS},
        "classes": {c: {name: balance[c, name] for name in splitting.SPLITS} for c in classes},
    }
    write_json(folder / "report.json", report)
    with (folder / "class_balance.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["class", "split", "images"])
        table.writerows([c, name, balance[c, name]] for c in classes for name in splitting.SPLITS)
    with (folder / "quarantine.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["source_path", "reason", "detail"])
        table.writerows(
            (r.source_path, r.reason, r.detail) for r in sorted(cleaned.rejected, key=lambda r: r.source_path)
        )
    write_near_duplicates(folder / NEAR_DUPLICATES.name, folder / NEAR_DUPLICATES_PAGE.name, cleaned, reader, max_side)
    (folder / "contact_sheets").mkdir()
    for name in classes:
        photos = [photo for photo in cleaned.photos if photo.class_name == name]
        thumbs = [Thumb(imaging.decode(reader(photo), max_side).image) for photo in photos[:_SHEET_IMAGES]]
        title = f"{name}: {len(thumbs)} of {len(photos)} images"
        contact_sheet(title, thumbs).save(folder / "contact_sheets" / f"{name}.png")


def facts(examined: Examined, data: Data, test_frames: int) -> dict[str, Any]:
    """Where the images came from, for the report."""
    return {
        "source": data.source,
        "dataset": describe(data.source, examined.digest),
        "content_sha256": examined.digest,
        "split": data.split.model_dump(mode="json"),
        "images": examined.images,
        "test_frames": test_frames,
        "sixteen_bit_without_depth": {"images": examined.undeclared, "read_as_bits": examined.undeclared_bits},
    }


def print_summary(cleaned: Cleaned, examined: Examined) -> None:
    """Say on the console what became of the images."""
    images = examined.images
    if examined.undeclared:
        info(
            f"  {examined.undeclared} 16-bit images do not declare how many bits they use: all of them are read as "
            f"{examined.undeclared_bits} bits, by the highest value in any, and so will be the line's"
        )
    sizes = Counter(cleaned.split.values())
    info(f"{images} images, {len(cleaned.photos)} kept: " + ", ".join(f"{sizes[s]} {s}" for s in splitting.SPLITS))
    for reason, number in quality.count_reasons(cleaned.rejected).items():
        first = min(r.source_path for r in cleaned.rejected if r.reason == reason)
        info(f"  quarantined {number} as {reason}, the first {first}")
    grouped = sum(size > 1 for size in Counter(cleaned.group.values()).values())
    if grouped:
        groups = "1 group" if grouped == 1 else f"{grouped} groups"
        info(f"  {groups} of near-duplicates, each within one split: {NEAR_DUPLICATES_PAGE} shows them")
    for name, size in cleaned.grouped.large.items():
        info(f"  group {name} has {size} photos: look whether they are one ({NEAR_DUPLICATES})")
    if cleaned.unlisted:
        info(f"  {cleaned.unlisted} images stand in no split list and train")


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
            )


def _of(cleaned: Cleaned, class_name: str, split: str) -> list[Photo]:
    return [p for p in cleaned.photos if p.class_name == class_name and cleaned.split[p.image_id] == split]
