"""Text that any terminal can take: what would steer it, or cannot be encoded, is shown as an escape."""

import json
import sys
import unicodedata
from typing import Any

# Kinds of characters that are never shown as they are: control, lone surrogate, line and paragraph separator.
_HIDDEN = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the direction of what follows, so that a name reads as another.
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LAYOUT = frozenset("\n\t")


def printable(text: str) -> str:
    """The text with everything that steers a terminal written as Python writes it (`\\x1b`); line ends and tabs stay.

    Names of files and classes, metadata, and libraries' messages may hold such characters, by accident or on purpose.
    """
    if text.isprintable():
        return text
    return "".join(_escaped(char) if _steers(char) else char for char in text)


def as_json(content: dict[str, Any], *, indent: int | None = None) -> str:
    """JSON for stdout: letters as they are where its encoding has them all, else escaped as JSON does."""
    plain = json.dumps(content, indent=indent, ensure_ascii=False)
    if not any(_steers(char) for char in plain) and _encodes(plain):
        return plain
    return json.dumps(content, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f")


def _steers(char: str) -> bool:
    return char in _TURNS or (char not in _LAYOUT and unicodedata.category(char) in _HIDDEN)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _encodes(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
