"""Pages of captioned thumbnails: what a person looks at to judge a class, a mistake or a belt."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from scrapline.data import lettering

_CELL = (128, 96)
_HEADER = 28
_CAPTION_LINE = 14
_INK = "#202020"


@dataclass(frozen=True)
class Thumb:
    """One image of a page, with the lines under it and the colour of its frame."""

    image: Image.Image
    caption: tuple[str, ...] = ()
    frame: str = "white"


def contact_sheet(title: str, thumbs: Sequence[Thumb], columns: int = 8) -> Image.Image:
    """One page with a title and all thumbs, each fitted into 128 x 96 pixels above its caption."""
    lines = max((len(thumb.caption) for thumb in thumbs), default=0)
    height = _CELL[1] + lines * _CAPTION_LINE + (4 if lines else 0)
    rows = max(1, -(-len(thumbs) // columns))
    sheet = Image.new("RGB", (columns * _CELL[0], _HEADER + rows * height), "white")
    draw = ImageDraw.Draw(sheet)
    lettering.write(draw, (6, 5), title, size=16, fill=_INK, most_px=sheet.width - 12)
    for number, thumb in enumerate(thumbs):
        left, top = number % columns * _CELL[0], _HEADER + number // columns * height
        fitted = thumb.image.copy()
        fitted.thumbnail((_CELL[0] - 8, _CELL[1] - 8), Image.Resampling.BILINEAR)
        x, y = left + (_CELL[0] - fitted.width) // 2, top + (_CELL[1] - fitted.height) // 2
        draw.rectangle((x - 3, y - 3, x + fitted.width + 2, y + fitted.height + 2), fill=thumb.frame)
        sheet.paste(fitted, (x, y))
        for line, text in enumerate(thumb.caption):
            at = (left + 5, top + _CELL[1] + line * _CAPTION_LINE)
            lettering.write(draw, at, text, size=11, fill=_INK, most_px=_CELL[0] - 8)
    return sheet
