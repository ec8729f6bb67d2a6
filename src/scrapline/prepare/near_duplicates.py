"""What was joined and why, for people: a table of all pairs, and a page of the groups side by side."""

import csv
from collections import defaultdict
from pathlib import Path

from PIL import Image

from scrapline.data import imaging
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.prepare.cleaning import Cleaned, StoredBytes
from scrapline.prepare.grouping import Joined

_GROUPS_SHOWN = 40
_PHOTOS_SHOWN = 4
_COLUMNS = 8


def write_near_duplicates(table: Path, page: Path, cleaned: Cleaned, reader: StoredBytes, max_side: int) -> None:
    """Write near_duplicates.csv, one line a pair, and the page of the first groups, those of many classes first."""
    group_of = dict(zip((p.image_id for p in cleaned.grouped.photos), cleaned.grouped.groups, strict=True))
    with table.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(["group", "first", "second", "reason", "mean", "plain", "bold"])
        for joined in cleaned.grouped.joined:
            numbers = ["", "", ""] if joined.likeness is None else [f"{each:.3f}" for each in joined.likeness]
            group = group_of[joined.first.image_id]
            lines.writerow([group, joined.first.source_path, joined.second.source_path, joined.reason, *numbers])
    groups: defaultdict[str, list[Joined]] = defaultdict(list)
    for joined in cleaned.grouped.joined:
        groups[group_of[joined.first.image_id]].append(joined)
    order = sorted(groups, key=lambda name: (-_classes(groups[name]), -len(groups[name]), name))
    thumbs = []
    for number, name in enumerate(order[:_GROUPS_SHOWN], 1):
        thumbs += _row(f"group {number}", groups[name], cleaned, reader, max_side)
    title = f"near-duplicates: {min(len(order), _GROUPS_SHOWN)} of {len(order)} groups, up to 4 photos of each"
    contact_sheet(title, thumbs, columns=_COLUMNS).save(page)


def _row(title: str, pairs: list[Joined], cleaned: Cleaned, reader: StoredBytes, max_side: int) -> list[Thumb]:
    """A group's first photos, each with what joins it to an earlier one."""
    photos = sorted({photo.image_id: photo for pair in pairs for photo in (pair.first, pair.second)}.items())
    row = []
    for place, (image_id, photo) in enumerate(photos[:_PHOTOS_SHOWN]):
        reason = next((pair.reason for pair in pairs if pair.second.image_id == image_id), "")
        said = f"{title}: {len(photos)} photos" if place == 0 else reason
        how, _, turned = said.partition(", ")
        caption = (photo.source_path, cleaned.split.get(image_id, "left out"), how, turned)
        row.append(Thumb(imaging.decode(reader(photo), max_side).image, caption))
    return row + [Thumb(Image.new("RGB", (1, 1), "white"))] * (_PHOTOS_SHOWN - len(row))


def _classes(pairs: list[Joined]) -> int:
    return len({photo.class_name for pair in pairs for photo in (pair.first, pair.second)})
