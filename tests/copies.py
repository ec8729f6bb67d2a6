"""Photos whose objects are known, the ways a copy of a photo comes about, and how well the copies are found.

`PYTHONPATH=src:tests python -m copies` writes docs/duplicates.csv and the table of docs/duplicates.md.
"""

import csv
import hashlib
import io
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from conftest import ROOT, TRASHNET, jpeg
from scrapline.data import imaging
from scrapline.data.duplicates.finder import Copies, find_copies
from scrapline.data.duplicates.thumbnails import SIZE, thumbnail
from scrapline.measures.intervals import wilson
from scrapline.rendering import load_recipe, render_jpeg

TABLE = ROOT / "docs/duplicates.csv"
PAGE = ROOT / "docs/duplicates.md"
COLUMNS = ["set", "change", "photos", "found", "in_wrong_group"]

# So few photos of a fixed camera do not tell what all of them share; they are measured as they are.
FEW = 4
NONE = "none"

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def cropped(image: Image.Image, rng: np.random.Generator, *, share: float) -> Image.Image:
    """As much off each side."""
    width, height = image.size
    across, down = round(share * width), round(share * height)
    return image.crop((across, down, width - across, height - down))


def turned(image: Image.Image, rng: np.random.Generator, *, fill: int) -> Image.Image:
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), 2 * float(rng.choice([-1, 1])), 1)
    return Image.fromarray(cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=fill))


def shifted(image: Image.Image, rng: np.random.Generator, *, fill: int) -> Image.Image:
    pixels = np.asarray(image)
    right, down = 8 * rng.choice([-1, 1], 2)
    matrix = np.array([[1, 0, right], [0, 1, down]], np.float32)
    return Image.fromarray(cv2.warpAffine(pixels, matrix, pixels.shape[1::-1], borderMode=fill))


def stamped(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A date in a corner, some with a black box behind it."""
    image = image.copy()
    draw, (width, height) = ImageDraw.Draw(image), image.size
    font = ImageFont.load_default(max(8, round(0.07 * height)))
    text = f"2026-11-{rng.integers(1, 29):02d} 12:{rng.integers(60):02d}"
    box = draw.textbbox((0, 0), text, font)
    left = rng.choice([0.03 * width, 0.97 * width - box[2]])
    top = rng.choice([0.03 * height, 0.97 * height - box[3]])
    if rng.random() < 0.5:
        draw.rectangle((left - 2, top - 2, left + box[2] + 2, top + box[3] + 2), "black")
    draw.text((left, top), text, rng.choice(["white", "orange"]), font)
    return image


def bordered(image: Image.Image, rng: np.random.Generator, *, colour: str) -> Image.Image:
    return ImageOps.expand(image, round(0.05 * max(image.size)), colour)


def resized(image: Image.Image, rng: np.random.Generator, *, by: float) -> Image.Image:
    size = (max(1, round(image.width * by)), max(1, round(image.height * by)))
    return image.resize(size, Image.Resampling.BICUBIC)


def enhanced(
    image: Image.Image, rng: np.random.Generator, *, what: type[ImageEnhance.Contrast], by: float
) -> Image.Image:
    return what(image).enhance(by)


def transposed(image: Image.Image, rng: np.random.Generator, *, how: Image.Transpose) -> Image.Image:
    return image.transpose(how)


def kept(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return image


# What was done, how much of it, by which function, and at which JPEG quality the copy is saved.
CHANGES: list[tuple[str, str, Change, int]] = [
    *(("saved again", f"quality {quality}", kept, quality) for quality in (30, 50, 75, 95)),
    *(("resized", f"x {by}", partial(resized, by=by), 92) for by in (0.25, 0.5, 2, 4)),
    *(("cropped", f"{share:.0%} a side", partial(cropped, share=share), 92) for share in (0.02, 0.05)),
    ("turned", "2 degrees, black corners", partial(turned, fill=cv2.BORDER_CONSTANT), 92),
    ("turned", "2 degrees, mirrored corners", partial(turned, fill=cv2.BORDER_REFLECT), 92),
    ("shifted", "8 pixels, edge repeated", partial(shifted, fill=cv2.BORDER_REPLICATE), 92),
    ("shifted", "8 pixels, black", partial(shifted, fill=cv2.BORDER_CONSTANT), 92),
    ("mirrored", "", partial(transposed, how=Image.Transpose.FLIP_LEFT_RIGHT), 92),
    ("flipped", "", partial(transposed, how=Image.Transpose.FLIP_TOP_BOTTOM), 92),
    *(
        ("turned", f"{degrees} degrees", partial(transposed, how=Image.Transpose[f"ROTATE_{degrees}"]), 92)
        for degrees in (90, 180, 270)
    ),
    *(
        (what.__name__.lower(), f"x {by}", partial(enhanced, what=what, by=by), 92)
        for what in (ImageEnhance.Brightness, ImageEnhance.Contrast)
        for by in (0.8, 1.2)
    ),
    *(("border", f"5 %, {colour}", partial(bordered, colour=colour), 92) for colour in ("black", "white")),
    ("stamp", "a date", stamped, 92),
]


@dataclass(frozen=True)
class Belt:
    """A fixed camera over one belt: `side` is the objects' size by the photo's height, `noise` in levels.

    `drift`: by which share the light goes up and down.
    """

    ground: str
    side: float
    noise: float
    drift: float

    @property
    def name(self) -> str:
        return f"belt, {self.ground}, objects of {self.side:.0%}, noise {self.noise:g}"

    def photos(self, count: int, seed: int, size: tuple[int, int] = (320, 240)) -> list[Image.Image]:
        """So many photos, on each another object."""
        rng = np.random.default_rng(seed)
        width, height = size
        ground = self._ground(size, rng)
        at_x = np.mgrid[0:height, 0:width][1] / width - 0.5
        photos = []
        for number in range(count):
            image = Image.fromarray(ground.clip(0, 255).astype(np.uint8))
            across, down = self.side * height * rng.uniform(0.7, 1.3, 2)
            left, top = rng.uniform(4, width - across - 4), rng.uniform(4, height - down - 4)
            colour = np.array([(60, 160, 90), (190, 190, 200), (40, 90, 210)][number % 3])
            tint = tuple((colour + rng.integers(-25, 25, 3)).clip(0, 255).tolist())
            draw = ImageDraw.Draw(image)
            shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
            shape((left, top, left + across, top + down), fill=tint)
            levels = np.asarray(image.filter(ImageFilter.GaussianBlur(1))).astype(float)
            light = 1 + self.drift * (np.sin(number / 17 + seed) + 0.5 * np.sin(number / 29) * at_x)
            levels = levels * light[..., None] + rng.normal(0, self.noise, (height, width, 3))
            photos.append(Image.fromarray(levels.clip(0, 255).astype(np.uint8)))
        return photos

    def _ground(self, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        width, height = size
        y, x = np.mgrid[0:height, 0:width]
        levels = np.full((height, width), rng.uniform(60, 150))
        if self.ground == "stripes":
            levels += rng.uniform(4, 14) * np.sin(x / rng.uniform(4, 14)) + 15 * y / height
        elif self.ground == "rubber":
            levels += 8 * cv2.GaussianBlur(rng.normal(0, 8, (height, width)), (0, 0), 1.5)
        elif self.ground == "mesh":
            levels += 12 * ((x // 14 + y // 14) % 2)
        elif self.ground == "clouds":
            levels += cv2.GaussianBlur(rng.normal(0, 400, (height, width)), (0, 0), 12)
        away = ((x - width / 2) / (0.62 * width)) ** 2 + ((y - height / 2) / (0.67 * height)) ** 2
        levels += rng.normal(0, 3, (height, width)) - rng.uniform(5, 30) * away
        return np.dstack([levels * rng.uniform(0.85, 1.1) for _ in range(3)])


BELTS = (
    Belt("stripes", 0.35, 3, 0.0),
    Belt("stripes", 0.15, 12, 0.1),
    Belt("plain", 0.25, 6, 0.1),
    Belt("rubber", 0.12, 8, 0.15),
    Belt("mesh", 0.2, 5, 0.1),
    Belt("clouds", 0.4, 10, 0.2),
)


def trashnet(count: int) -> list[Image.Image]:
    with zipfile.ZipFile(TRASHNET / "dataset-resized.zip") as photos:
        names = [name for name in photos.namelist() if name.endswith(".jpg") and "MACOSX" not in name]
        names.sort(key=lambda name: hashlib.sha256(f"table {name}".encode()).hexdigest())
        return [Image.open(io.BytesIO(photos.read(name))).convert("RGB") for name in names[:count]]


def rendered(count: int) -> list[Image.Image]:
    recipe = load_recipe(ROOT / "data/recipes/demo.yaml")
    drawn = [render_jpeg(recipe, recipe.materials[n % len(recipe.materials)], 5000 + n) for n in range(count)]
    return [Image.open(io.BytesIO(data)).convert("RGB") for data in drawn]


def small(data: bytes) -> bytes:
    """A file's thumbnail."""
    return thumbnail(imaging.decode(data, 512).pixels).tobytes()


def found(thumbnails: list[bytes], folder: Path) -> list[Copies]:
    path = folder / "thumbnails"
    path.write_bytes(b"".join(thumbnails))
    assert path.stat().st_size == len(thumbnails) * SIZE
    return find_copies(path, np.arange(len(thumbnails)))


def copies_of(photos: list[Image.Image], change: Change, quality: int, seed: int) -> list[bytes]:
    """Thumbnails of the changed photos; the originals are JPEGs themselves."""
    rng = np.random.default_rng(seed)
    opened = [Image.open(io.BytesIO(jpeg(photo, quality=92))).convert("RGB") for photo in photos]
    return [small(jpeg(change(photo, rng), quality=quality)) for photo in opened]


def measure(photos: list[Image.Image], change: Change, quality: int, folder: Path, seed: int = 0) -> tuple[int, int]:
    """How many photos are joined with their copy, and how many items with a different object."""
    count = len(photos)
    originals = [small(jpeg(photo, quality=92)) for photo in photos]
    pairs = {(each.first, each.second) for each in found(originals + copies_of(photos, change, quality, seed), folder)}
    wrong = {item for pair in pairs if pair[0] % count != pair[1] % count for item in pair}
    return sum((number, number + count) in pairs for number in range(count)), len(wrong)


def joined(photos: list[Image.Image], folder: Path) -> int:
    """How many photos of different objects are joined with another."""
    return len(
        {
            item
            for each in found([small(jpeg(p, quality=92)) for p in photos], folder)
            for item in (each.first, each.second)
        }
    )


def rows(folder: Path) -> list[dict[str, str]]:
    """What is found in photos, drawings and belts that no limit was chosen on."""
    sets = {"TrashNet": trashnet(240)[120:], "rendered": rendered(240)[120:]}
    sets |= {belt.name: belt.photos(60, 7000 + number) for number, belt in enumerate(BELTS)}
    mixed = BELTS[3].photos(60, 8001) + BELTS[4].photos(60, 8002)
    sets["two belts in one folder"] = mixed
    done = []
    for name, photos in sets.items():
        for number, (what, how, change, quality) in enumerate(CHANGES):
            recalled, wrong = measure(photos, change, quality, folder, number)
            done.append(dict(zip(COLUMNS, (name, f"{what} {how}".strip(), len(photos), recalled, wrong), strict=True)))
            print(*done[-1].values(), flush=True)
    for belt in BELTS:
        photos = sets[belt.name]
        wrong = sum(joined(photos[at : at + FEW], folder) for at in range(0, len(photos), FEW))
        done.append(
            dict(zip(COLUMNS, (f"{belt.name}, {FEW} photos a folder", NONE, len(photos), 0, wrong), strict=True))
        )
        print(*done[-1].values(), flush=True)
    return [{key: str(value) for key, value in row.items()} for row in done]


def markdown(table: list[dict[str, str]]) -> str:
    """Counts by change, for TrashNet, the renderer and all belts; then what was joined with a different object."""
    kinds = {"TrashNet": "TrashNet", "rendered": "rendered"}
    counts: dict[tuple[str, str], list[int]] = {}
    for row in table:
        key = row["change"], kinds.get(row["set"], "belts")
        entry = counts.setdefault(key, [0, 0, 0])
        for place, column in enumerate(("photos", "found", "in_wrong_group")):
            entry[place] += int(row[column])
    lines = ["| change | TrashNet | rendered | belts | of all, 95 % interval |", "|---|---:|---:|---:|---:|"]
    for change in dict.fromkeys(row["change"] for row in table if row["change"] != NONE):
        cells, total = [], [0, 0]
        for kind in ("TrashNet", "rendered", "belts"):
            photos, recalled, _ = counts[change, kind]
            cells.append(f"{recalled} / {photos}")
            total = [total[0] + recalled, total[1] + photos]
        among = wilson(*total)
        lines.append(
            f"| {change} | {' | '.join(cells)} | {total[0] / total[1]:.1%} ({among.low:.1%} to {among.high:.1%}) |"
        )
    lines += ["", "| set | items | joined with a different object |", "|---|---:|---:|"]
    for kind in dict.fromkeys(row["set"] for row in table if row["set"] != "TrashNet"):
        items = sum((1 if row["change"] == NONE else 2) * int(row["photos"]) for row in table if row["set"] == kind)
        wrong = sum(int(row["in_wrong_group"]) for row in table if row["set"] == kind)
        lines.append(f"| {kind} | {items} | {wrong} ({wrong / items:.2%}) |")
    return "\n".join(lines) + "\n"


def read_table() -> list[dict[str, str]]:
    with TABLE.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = rows(Path(folder))
    with TABLE.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    head, _, _ = PAGE.read_text(encoding="utf-8").partition("| change |")
    PAGE.write_text(head + markdown(table), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
