"""Names in pictures: the text objects of charts, the pixels of contact sheets."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.figure import Figure
from PIL import Image, ImageChops

from scrapline.data import lettering
from scrapline.data.contact_sheets import Thumb, contact_sheet
from scrapline.evaluate import plots

HARD = ["A$$B", "cans $5 & $6", r"a_b\c 100%", "métal", "Жесть", "$x^2$"]


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Each test begins as a new process does, and leaves no font behind."""
    lettering._font_of.clear()
    lettering._font_files.cache_clear()
    yield
    lettering._font_of.clear()
    lettering._font_files.cache_clear()


@pytest.fixture
def font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed font that has 玻 and 璃, each a solid square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 800), (800, 800), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    square = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "square"])
    builder.setupCharacterMap({ord("玻"): "square", ord("璃"): "square"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "square": square})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "square": (1000, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "squares.ttf"
    builder.save(path)
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path)])
    monkeypatch.setattr(font_manager.fontManager, "ttflist", list(font_manager.fontManager.ttflist))
    return path


@pytest.fixture
def no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])


def labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], chart: str) -> list[str]:
    """The class labels as drawn: what matplotlib was given, none of it read as mathematics, no glyph missing."""
    kept: list[Figure] = []
    save = plots._save
    monkeypatch.setattr(plots, "_save", lambda figure, path: (kept.append(figure), save(figure, path)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a missing glyph is a warning
        if chart == "confusion":
            plots.confusion_matrix(tmp_path / "c.png", np.eye(len(names), dtype=np.int64), names, "Test")
        else:
            plots.purity(tmp_path / "c.png", [(name, 0.9, 0.8) for name in names], 0.95)
    ticks = kept[0].axes[0].get_xticklabels()
    assert not any(tick.get_parse_math() for tick in ticks)
    return [tick.get_text() for tick in ticks]


@pytest.mark.parametrize("chart", ["confusion", "purity"])
def test_charts_show_names_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chart: str) -> None:
    assert labels(tmp_path, monkeypatch, HARD, chart) == HARD


@pytest.mark.parametrize("chart", ["confusion", "purity"])
@pytest.mark.usefixtures("font")
def test_charts_use_an_installed_font_that_has_the_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chart: str
) -> None:
    said: list[str] = []
    monkeypatch.setattr(lettering, "info", said.append)
    assert labels(tmp_path, monkeypatch, ["玻璃", "metal"], chart) == ["玻璃", "metal"]
    assert lettering.chart_style(["玻璃"])["font.family"] == ["DejaVu Sans", "Squares"]
    assert said == []


@pytest.mark.usefixtures("no_font")
def test_letters_that_no_font_has_are_shown_by_number_and_named_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(lettering, "info", said.append)
    assert labels(tmp_path, monkeypatch, ["玻璃", "罐"], "confusion") == ["[73BB][7483]", "[7F50]"]
    contact_sheet("罐", [])
    assert len(said) == 1
    assert said[0].startswith("no installed font has 玻: pictures show such letters by their number, [73BB]")


@pytest.mark.usefixtures("no_font")
def test_control_characters_are_never_drawn_and_marks_stay_with_their_letters() -> None:
    assert lettering.for_chart("red\x1b[31m\n\u202e") == "red[001B][31m[000A][202E]"
    assert lettering.printable("a\tb\x7f") == "a[0009]b[007F]"
    assert lettering.for_chart("me\u0301tal ♻\ufe0f") == "me\u0301tal ♻"


def test_long_names_are_shortened_in_the_middle() -> None:
    shown = lettering.for_chart("a" * 100 + "b" * 100)
    assert shown == "a" * 16 + "…" + "b" * 15
    assert lettering.for_chart("c" * 32) == "c" * 32


def ink(sheet: Image.Image) -> Image.Image:
    return ImageChops.invert(sheet.convert("L"))


def box(text: str, *, most_px: int = 500) -> tuple[int, int, int, int]:
    """Where one line of text has ink."""
    from PIL import ImageDraw

    sheet = Image.new("RGB", (600, 40), "white")
    lettering.write(ImageDraw.Draw(sheet), (5, 5), text, size=16, fill="black", most_px=most_px)
    found = ink(sheet).getbbox()
    assert found is not None
    return found


@pytest.mark.usefixtures("font")
def test_contact_sheets_draw_each_letter_in_a_font_that_has_it() -> None:
    """Two squares of 0.8 x 16 pixels, one em apart."""
    left, top, right, bottom = box("玻璃")
    assert (right - left, bottom - top) == pytest.approx((1.8 * 16, 0.8 * 16), abs=1.5)
    assert box("玻璃 x")[2] > right


def test_contact_sheets_of_plain_names_are_drawn_as_pillow_draws_them() -> None:
    from PIL import ImageDraw, ImageFont

    ours, pillows = (Image.new("RGB", (300, 40), "white") for _ in range(2))
    lettering.write(ImageDraw.Draw(ours), (6, 5), "glass: 9 (of 10)", size=16, fill="black", most_px=290)
    ImageDraw.Draw(pillows).text((6, 5), "glass: 9 (of 10)", fill="black", font=ImageFont.load_default(16))
    assert ours.tobytes() == pillows.tobytes()


def test_a_long_caption_stays_in_its_cell_and_a_long_title_on_its_page() -> None:
    grey = Image.new("RGB", (100, 80), "grey")
    long = Thumb(grey, (f"said {'w' * 200} 97%",))
    page = contact_sheet("w" * 200, [long, Thumb(grey)])
    caption = page.crop((128, 28 + 96, 256, page.height))  # under the second picture, which has none
    assert ink(caption).getbbox() is None
    assert ink(page.crop((page.width - 6, 0, page.width, 28))).getbbox() is None


def test_pictures_are_the_same_on_every_run(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        plots.confusion_matrix(tmp_path / name, np.eye(6, dtype=np.int64), HARD, "Test")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert mpl.rcParams["text.parse_math"], "others' settings stay"
