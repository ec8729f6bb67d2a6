"""The report on what became of the images: on the console, as JSON and CSV, and as pictures."""

import csv
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from scrapline.cli.console import info
from scrapline.data import imaging, splitting
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.data.duplicates.groups import group_names
from scrapline.data.pins import Pin
from scrapline.data.sources import describe
from scrapline.params import Data
from scrapline.paths import NEAR_DUPLICATES, NEAR_DUPLICATES_PAGE
from scrapline.prepare import quality
from scrapline.prepare.cleaning import Cleaned, Examined, StoredBytes
from scrapline.prepare.near_duplicates import write_near_duplicates
from scrapline.system.files import write_json

_SHEET_IMAGES = 40


def write_report(folder: Path, cleaned: Cleaned, reader: StoredBytes, facts: dict[str, Any], max_side: int) -> None:
    """Write report.json, class_balance.csv, quarantine.csv, the near-duplicates and a contact sheet per class."""
    classes = reader.source.classes
    balance = Counter((photo.class_name, cleaned.split[photo.image_id]) for photo in cleaned.photos)
    copies = _copies(cleaned)
    report = facts | {
        "kept": len(cleaned.photos),
        "quarantined": quality.count_reasons(cleaned.rejected),
        "unlisted_images_in_training": cleaned.unlisted,
        "near_duplicate_groups": sum(size > 1 for size in copies.values()),
        "near_duplicate_images": sum(size for size in copies.values() if size > 1),
        "groups_to_look_at": cleaned.grouped.large,
        "own_groups": _own_groups(cleaned),
        "pins": _pins(cleaned),
        "splits": {name: sum(balance[c, name] for c in classes) for name in splitting.SPLITS},
        "groups": {name: len(_groups(cleaned, name)) for name in splitting.SPLITS},
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
        "group": data.group.model_dump(mode="json", exclude_none=True) if data.group else None,
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
    grouped = sum(size > 1 for size in _copies(cleaned).values())
    if grouped:
        groups = "1 group" if grouped == 1 else f"{grouped} groups"
        info(f"  {groups} of near-duplicates, each within one split: {NEAR_DUPLICATES_PAGE} shows them")
    for name, size in cleaned.grouped.large.items():
        info(f"  group {name} has {size} photos: look whether they are one ({NEAR_DUPLICATES})")
    _print_own_groups(cleaned)
    _print_pins(cleaned)
    if cleaned.unlisted:
        info(f"  {cleaned.unlisted} images stand in no split list and train")


def _print_own_groups(cleaned: Cleaned) -> None:
    if (own := _own_groups(cleaned)) is None:
        return
    counts = ", ".join(f"{len(_groups(cleaned, name))} {name}" for name in splitting.SPLITS)
    info(
        f"  data.group puts {own['images']} photos into {own['groups']} groups, each within one split; with "
        f"{own['images_in_none']} photos in none and near-duplicates counted as one, there are {counts}"
    )
    for name, classes in list(own["of_several_classes"].items())[:1]:
        number = len(own["of_several_classes"])
        hold = "holds" if number == 1 else "hold"
        info(f"  {number} of them {hold} photos of several classes, the first `{name}` ({', '.join(classes)})")
    if own["joined_by_copies"]:
        info(f"  {own['joined_by_copies']} of them are one with others, since near-duplicates join them")


def _print_pins(cleaned: Cleaned) -> None:
    pins = _pins(cleaned)
    if pins["train_only"] or pins["left_out"]:
        info(
            f"  pinned train_only: {pins['train_only']}, which measure nothing; {pins['left_out']} more left out, "
            "being in one group with a photo to measure on"
        )
    if pins["measure_only"]:
        info(
            f"  pinned measure_only: {pins['measure_only']}; {pins['along']} others in their groups do not train either"
        )


def _own_groups(cleaned: Cleaned) -> dict[str, Any] | None:
    """What `data.group` made of the photos that stay; None where there is no such rule."""
    if cleaned.own is None:
        return None
    classes: defaultdict[str, set[str]] = defaultdict(set)
    units: defaultdict[str, set[str]] = defaultdict(set)
    own = [(photo, name) for photo in cleaned.photos for name in cleaned.own.get(photo.image_id, ())]
    for photo, name in own:
        classes[name].add(photo.class_name)
        units[cleaned.group[photo.image_id]].add(name)
    images = len({photo.image_id for photo, _ in own})
    return {
        "groups": len(classes),
        "images": images,
        "images_in_none": len(cleaned.photos) - images,
        "of_several_classes": {name: sorted(found) for name, found in sorted(classes.items()) if len(found) > 1},
        "joined_by_copies": sum(len(names) for names in units.values() if len(names) > 1),
    }


def _pins(cleaned: Cleaned) -> dict[str, int]:
    kept = Counter(cleaned.pins.get(photo.image_id, Pin.NONE) for photo in cleaned.photos)
    left_out = {entry.source_path for entry in cleaned.placed.rejected}
    pinned = [photo for photo in cleaned.grouped.photos if cleaned.pins.get(photo.image_id) is Pin.TRAIN_ONLY]
    return {
        "train_only": kept[Pin.TRAIN_ONLY],
        "left_out": sum(photo.source_path in left_out for photo in pinned),
        "measure_only": kept[Pin.MEASURE_ONLY],
        "along": cleaned.placed.along,
    }


def _copies(cleaned: Cleaned) -> Counter[str]:
    """How many photos that stay each group of copies has; those left out for a pin join none of the others."""
    kept = {photo.image_id for photo in cleaned.photos}
    pairs = [(j.first.image_id, j.second.image_id) for j in cleaned.grouped.joined]
    place = {photo.image_id: place for place, photo in enumerate(cleaned.photos)}
    both = [(place[first], place[second]) for first, second in pairs if first in kept and second in kept]
    return Counter(group_names([photo.image_id for photo in cleaned.photos], both))


def _groups(cleaned: Cleaned, split: str) -> set[str]:
    return {cleaned.group[photo.image_id] for photo in cleaned.photos if cleaned.split[photo.image_id] == split}
