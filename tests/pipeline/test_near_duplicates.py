"""Folders with copies go through `prepare` whole: a fixed camera, an augmented export, one photo under two labels."""

import csv
from collections import defaultdict
from pathlib import Path

from PIL import Image, ImageOps

from conftest import jpeg, noise
from copies import Belt
from pipeline.test_odd_folder import prepare, project, rows
from scrapline import paths

CLASSES = ("glass", "metal", "plastic")


def groups(root: Path) -> dict[str, list[str]]:
    """Paths of each group."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, row in rows(root / paths.MANIFEST).items():
        found[row["group"]].append(path)
    return found


def test_photos_of_a_fixed_camera_are_each_a_group(tmp_path: Path) -> None:
    root = project(tmp_path)
    for number, photo in enumerate(Belt("stripes", 0.35, 3, 0).photos(60, 5)):
        path = root / f"data/raw/{CLASSES[number % 3]}/{number:02d}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(jpeg(photo, quality=90))
    prepare(root)
    assert len(groups(root)) == 60


def test_an_export_with_turned_and_mirrored_copies_keeps_each_photo_in_one_split(tmp_path: Path) -> None:
    root = project(tmp_path)
    for name in CLASSES[:2]:
        (root / "data/raw" / name).mkdir()
        for number in range(12):
            photo = noise(number + 100 * (name == "metal"), (200, 160))
            turned = photo.transpose(Image.Transpose.ROTATE_90)
            for kind, copy in {"a": photo, "b": ImageOps.mirror(photo), "c": turned}.items():
                (root / f"data/raw/{name}/{number:02d}{kind}.jpg").write_bytes(jpeg(copy, quality=92))
    said = prepare(root)
    assert "24 groups of near-duplicates, each within one split: results/preparation/near_duplicates.png" in said
    found = groups(root)
    assert {tuple(path[:-5] for path in members) for members in found.values()} == {
        (f"{name}/{number:02d}",) * 3 for name in CLASSES[:2] for number in range(12)
    }
    split = {path: row["split"] for path, row in rows(root / paths.MANIFEST).items()}
    assert all(len({split[path] for path in members}) == 1 for members in found.values())
    with (root / paths.NEAR_DUPLICATES).open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert {row["first"][:-5] == row["second"][:-5] for row in table} == {True}
    assert len(table) >= 48
    # Two groups a line: 12 lines of a picture and four lines of text below the title.
    assert Image.open(root / paths.NEAR_DUPLICATES_PAGE).size == (8 * 128, 28 + 12 * (96 + 4 * 14 + 4))


def test_a_photo_under_two_labels_is_quarantined_in_both_unless_declared_different(tmp_path: Path) -> None:
    root = project(tmp_path)
    for name in CLASSES[:2]:
        (root / "data/raw" / name).mkdir()
        for number in range(8):
            photo = noise(number + 100 * (name == "metal"), (200, 160))
            (root / f"data/raw/{name}/{number}.jpg").write_bytes(jpeg(photo, quality=92))
    (root / "data/raw/metal/copy.jpg").write_bytes(jpeg(noise(3, (200, 160)), quality=75))
    assert "quarantined 2 as label_conflict, the first glass/3.jpg" in prepare(root)
    quarantined = rows(root / paths.QUARANTINE)
    assert {path: row["detail"] for path, row in quarantined.items()} == {
        "glass/3.jpg": "the same picture, saved again, as metal/copy.jpg",
        "metal/copy.jpg": "the same picture, saved again, as glass/3.jpg",
    }
    (root / paths.PAIRS).parent.mkdir(parents=True)
    (root / paths.PAIRS).write_text("first,second,verdict\nglass/3.jpg,metal/copy.jpg,different\n")
    prepare(root)
    assert len(groups(root)) == 17
