"""Class names in pictures: each letter in a font that has it, or as a legible stand-in where none is installed.

matplotlib is imported only where a text needs more letters than Pillow's own font has.
"""

import io
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import ImageDraw, ImageFont

from scrapline.cli.console import info

CHART_COLUMNS = 32
_ELLIPSIS = "…"
_PILLOWS_OWN = ""
# The font of each letter looked up so far, None where no font has it.
_font_of: dict[str, str | None] = {}


def for_chart(name: str) -> str:
    """A name as a chart's label: whole up to 32 columns, shortened in the middle beyond."""
    return _shortened(_letters(name), lambda text: _columns(text) <= CHART_COLUMNS)


def chart_style(names: Iterable[str]) -> Any:
    """Settings (a dict) for matplotlib.rc_context under which labels stand as they are: no `$` is mathematics."""
    from matplotlib import font_manager

    letters = [letter for name in names for letter in _letters(name) if not letter.isascii()]
    paths = {path: None for letter in letters if (path := _font_of[letter]) not in (None, _PILLOWS_OWN)}
    families = ["DejaVu Sans"]
    for path in paths:
        family = font_manager.get_font(path).family_name
        if family not in families:
            font_manager.fontManager.addfont(path)
            families.append(family)
    return {"text.parse_math": False, **({"font.family": families} if len(families) > 1 else {})}


def write(draw: ImageDraw.ImageDraw, at: tuple[int, int], text: str, *, size: int, fill: str, most_px: int) -> None:
    """Draw one line of text from its top left corner, shortened in the middle to at most `most_px` pixels."""
    line = _shortened(_letters(text), lambda shorter: _length_px(shorter, size) <= most_px)
    x, baseline = float(at[0]), at[1] + _font(_PILLOWS_OWN, size).getmetrics()[0]
    for path, run in _runs(line):
        font = _font(path, size)
        draw.text((x, baseline), run, fill=fill, font=font, anchor="ls")
        x += font.getlength(run)


def printable(text: str) -> str:
    """The text with a stand-in such as [001B], its number in Unicode, for every control character."""
    return "".join(character if character.isprintable() else _stand_in(character) for character in text)


def _letters(text: str) -> list[str]:
    """The text's letters, each with the marks that combine with it; stand-ins for what no font can show."""
    clusters: list[str] = []
    for character in text:
        if "\ufe00" <= character <= "\ufe0f":  # chooses between forms of an emoji, and is not seen itself
            continue
        if clusters and unicodedata.category(character).startswith("M"):
            clusters[-1] += character
        else:
            clusters.append(character)
    _look_up({cluster for cluster in clusters if not cluster.isascii() and cluster.isprintable()})
    return [
        cluster
        if cluster.isprintable() and (cluster.isascii() or _font_of[cluster] is not None)
        else _stand_in(cluster)
        for cluster in clusters
    ]


def _stand_in(cluster: str) -> str:
    return "".join(f"[{ord(character):04X}]" for character in cluster)


def _shortened(letters: list[str], fits: Callable[[str], bool]) -> str:
    """All letters if they fit, else as many of the first and of the last as do, with an ellipsis between."""
    whole = "".join(letters)
    if fits(whole):
        return whole
    for kept in range(len(letters) - 1, 0, -1):
        text = "".join(letters[: (kept + 1) // 2]) + _ELLIPSIS + "".join(letters[len(letters) - kept // 2 :])
        if fits(text):
            return text
    return _ELLIPSIS


def _columns(text: str) -> int:
    """How wide a text is, in letters of the Latin alphabet."""
    return sum(
        0 if unicodedata.category(c).startswith("M") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _length_px(text: str, size: int) -> float:
    return sum(_font(path, size).getlength(run) for path, run in _runs(text))


def _runs(text: str) -> list[tuple[str, str]]:
    """The text cut where the font changes: (font file, part). A blank goes on in the font before it."""
    fonts: list[tuple[str, str]] = []
    for letter in _letters(text):
        path = _PILLOWS_OWN if letter.isascii() else _font_of[letter]
        fonts.append((fonts[-1][0] if letter == " " and fonts else path or _PILLOWS_OWN, letter))
    return [(path, "".join(letter for _, letter in run)) for path, run in groupby(fonts, key=lambda pair: pair[0])]


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    own = ImageFont.load_default(size)
    assert isinstance(own, ImageFont.FreeTypeFont)  # Pillow is built with FreeType
    return own if path == _PILLOWS_OWN else ImageFont.truetype(path, size)


def _look_up(letters: set[str]) -> None:
    """Find the first font that has each letter with its marks, reading each font once; note where there is none."""
    wanted = sorted(letters - _font_of.keys())
    if not wanted:
        return
    from matplotlib.ft2font import FT2Font

    for path in (_PILLOWS_OWN, *_font_files()):
        try:
            font = FT2Font(path or io.BytesIO(_font(_PILLOWS_OWN, 10).font_bytes))
        except (OSError, RuntimeError):
            continue  # damaged, or of a kind that FreeType does not know
        if not font.scalable:
            continue
        _font_of.update({letter: path for letter in wanted if all(font.get_char_index(ord(c)) for c in letter)})
        wanted = [letter for letter in wanted if letter not in _font_of]
        if not wanted:
            return
    if None not in _font_of.values():  # one line a run
        info(
            f"no installed font has {wanted[0]}: pictures show such letters by their number, {_stand_in(wanted[0])}; "
            "install a font that has them"
        )
    _font_of.update(dict.fromkeys(wanted))


@cache
def _font_files() -> tuple[str, ...]:
    """matplotlib's DejaVu Sans, then what is installed: regular styles first, each by its path."""
    import matplotlib as mpl
    from matplotlib.font_manager import findSystemFonts

    # The first shows boxes for all letters, the second draws in colours that neither library lays out.
    names = [path for path in findSystemFonts() if not any(w in Path(path).stem for w in ("LastResort", "ColorEmoji"))]
    odd = ("Bold", "Italic", "Oblique", "Black", "Light", "Thin", "Medium", "Condensed", "Mono")
    ordered = sorted(names, key=lambda path: (any(style in Path(path).stem for style in odd), path))
    return (str(Path(mpl.get_data_path(), "fonts/ttf/DejaVuSans.ttf")), *ordered)
