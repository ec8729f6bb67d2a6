"""What is printed steers no terminal, and needs no letter that the terminal lacks."""

import io
import json
import sys

import pytest
from rich.table import Table

from scrapline.cli import tables
from scrapline.cli.console import SafeConsole
from scrapline.cli.text import as_json, printable

# Title, colour, C1's one-byte CSI, carriage return, delete, right-to-left override, lone surrogate, line separator.
HOSTILE = "a\x1b]0;title\x07b\x1b[31mc\x9b2Jd\re\x7ff\u202eg\udcffh\u2028i"
SHOWN = r"a\x1b]0;title\x07b\x1b[31mc\x9b2Jd\x0de\x7ff\u202eg\udcffh\u2028i"


def test_what_steers_a_terminal_is_shown_as_an_escape() -> None:
    assert printable(HOSTILE) == SHOWN


@pytest.mark.parametrize("text", ["métal", "玻璃", "👨\u200d👩\u200d👧", "a b\tc\nd", "עברית", ""])
def test_letters_of_every_script_stay(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize("terminal", [True, False])
def test_nothing_of_a_file_reaches_the_terminal_as_a_command(terminal: bool) -> None:
    """Rich's own colours do; what a text holds does not, be it printed, in a table or in a progress bar's place."""
    stream = io.StringIO()
    console = SafeConsole(
        file=stream, force_terminal=terminal, color_system="standard" if terminal else None, width=200, highlight=False
    )
    table = Table(box=None, show_header=False)
    table.add_row(HOSTILE)
    console.print("plain \x9b2J", markup=False)
    console.print(table)
    console.print("styled", style="red")
    text = stream.getvalue()
    assert not {char for char in text if char in "\x07\x9b\x7f\r\u202e\udcff\u2028"}
    assert "\x1b]" not in text
    assert text.count("\x1b") == (2 if terminal else 0), "one colour on, and off again"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_can_be_read_back_from_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {"image": f"Ж玻璃.jpg{HOSTILE}", "note": "é"}
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace"))
    tables.show_json(content)
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert json.loads(text) == content
    assert not {char for char in text if char in "\x1b\x9b\x7f\u202e\udcff\u2028"}


def test_json_keeps_letters_that_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))
    assert as_json({"class": "métal 玻璃"}) == '{"class": "métal 玻璃"}'
