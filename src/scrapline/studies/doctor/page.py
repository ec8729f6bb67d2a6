"""The findings as one HTML page that holds its pictures: what is worst first."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from PIL import Image

from scrapline import paths
from scrapline.cli.console import track
from scrapline.data import imaging, shards
from scrapline.measures.intervals import wilson_by_group
from scrapline.studies.doctor.judged import Judged
from scrapline.studies.doctor.kinds import Kind, Pair

_SHOWN = 60
_OF_A_KIND = 6
_SIDE = 168
_MAX_SIDE = 512


@dataclass(frozen=True)
class Card:
    """A photo with what is said of it."""

    image_id: str
    path: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Some photos that have one thing wrong with them, the worst first; `of` is how many there are."""

    title: str
    about: str
    of: int
    cards: list[Card]


def sections(table: pd.DataFrame) -> list[Section]:
    """What is wrong with photos, from the table."""
    wrong = table[table["likely_wrong"] == 1]
    twin = table[table["near_duplicate_of_another_class"] != ""]
    unlike = table[table["unlike_others"] == 1].sort_values("distance", ascending=False, kind="stable")
    dark = table[table["too_dark"] == 1].sort_values("brightness", kind="stable")
    blurred = table[table["blurred"] == 1].sort_values("sharpness", kind="stable")
    return [
        _section(
            "Likely wrong labels",
            "by networks that had not seen the photo, and by the labels of those that look most like it",
            wrong,
            _label,
        ),
        _section(
            "Near-duplicates with different labels",
            "one of the two is wrong, or they show both",
            twin,
            lambda line: (f"is in {line['class']}", f"like {line['near_duplicate_of_another_class']}"),
        ),
        _section(
            "Unlike all others",
            "farthest from its tenth-nearest neighbour; nothing need be wrong with it",
            unlike,
            lambda line: (f"is in {line['class']}", f"distance {line['distance']:.2f}"),
        ),
        _section(
            "Too dark", "less bright than 15 % of white", dark, lambda line: (f"brightness {line['brightness']:.0%}",)
        ),
        _section(
            "Blurred",
            "less than a quarter as sharp as the middle photo",
            blurred,
            lambda line: (f"sharpness {line['sharpness']:.1f}",),
        ),
    ]


def write(
    path: Path, judged: Judged, table: pd.DataFrame, found: list[Section], pairs: list[Pair], kinds: list[Kind]
) -> None:
    """Write the page; names from files are escaped."""
    halves = [
        (kind, [judged.rows[at] for at in kind.easy[:_OF_A_KIND]], [judged.rows[at] for at in kind.hard[:_OF_A_KIND]])
        for kind in kinds
    ]
    wanted = {card.image_id for section in found for card in section.cards}
    wanted |= {row.image_id for _, easy, hard in halves for row in easy + hard}
    right = judged.labels == judged.predicted
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    page = environment.get_template("page.html.j2").render(
        by=judged.by,
        photos=len(table),
        right=float(right.mean()),
        interval=wilson_by_group(right, [row.group for row in judged.rows]),
        sections=found,
        pairs=pairs,
        halves=halves,
        pictures=_pictures(wanted, {row.split for row in judged.rows}),
    )
    path.write_text(page, encoding="utf-8", newline="\n")


def _section(title: str, about: str, table: pd.DataFrame, say: Any) -> Section:
    cards = [Card(line["image_id"], line["source_path"], say(line)) for _, line in table.head(_SHOWN).iterrows()]
    return Section(title, about, len(table), cards)


def _label(line: Any) -> tuple[str, ...]:
    return (f"is in {line['class']}", f"said: {line['said']}, {line['confidence']:.0%}")


def _pictures(wanted: set[str], splits: Iterable[str]) -> dict[str, str]:
    """The photos as small JPEGs, to be put into the page itself."""
    samples = (sample for split in sorted(splits) for sample in shards.read(paths.PREPARED, split))
    some = (sample for sample in samples if sample.image_id in wanted)
    return {sample.image_id: _inline(sample.data) for sample in track(some, "pictures", len(wanted))}


def _inline(data: bytes) -> str:
    image = imaging.decode(data, _MAX_SIDE).image
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    small = io.BytesIO()
    image.save(small, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(small.getvalue()).decode("ascii")
