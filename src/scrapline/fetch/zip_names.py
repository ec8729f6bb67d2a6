"""The names in a zip archive that does not tell their encoding, where there is but one that they can be."""

import unicodedata
import zipfile
from collections.abc import Callable, Sequence

from scrapline.system.errors import ScraplineError

_UTF8_FLAG = 0x800
_KANA = ("HIRAGANA", "KATAKANA")


def zip_names(members: Sequence[zipfile.ZipInfo], called: str) -> list[str]:
    """Every member's name; ScraplineError, with the way out, where its letters could be those of several encodings."""
    unmarked = [info.filename for info in members if not info.flag_bits & _UTF8_FLAG and _as_cp437(info.filename)]
    if not unmarked:
        return [info.filename for info in members]
    raw = [name.encode("cp437") for name in unmarked]  # what Python takes them for, and undoes exactly
    fitting = [encoding for encoding, plausible in _ENCODINGS.items() if _fits(raw, encoding, plausible)]
    if _fits(raw, "utf-8", lambda names: True):  # its form is such that no other encoding's letters have it by chance
        fitting = ["utf-8"]
    if len(fitting) != 1:
        raise ScraplineError(
            f"{called} does not tell the encoding of its names ({unmarked[0]!r} among them): unpack it where it was "
            "made and fetch the folder, or pack it with UTF-8 names"
        )
    decoded = dict(zip(unmarked, (name.decode(fitting[0]) for name in raw), strict=True))
    return [decoded.get(info.filename, info.filename) for info in members]


def _as_cp437(name: str) -> bool:
    """Whether Python took a name's bytes for cp437, as it does where nothing says what they are."""
    try:
        return not name.isascii() and bool(name.encode("cp437"))
    except UnicodeEncodeError:  # it was told by a field of the member's own
        return False


def _fits(names: Sequence[bytes], encoding: str, plausible: Callable[[list[str]], bool]) -> bool:
    try:
        return plausible([name.decode(encoding) for name in names])
    except UnicodeDecodeError:
        return False


def _letters(names: list[str]) -> list[str]:
    return [letter for name in names for letter in name if not letter.isascii()]


def _japanese(names: list[str]) -> bool:
    """Full-width letters only, kana among them, which no other encoding's bytes give by chance."""
    kinds = [
        unicodedata.name(letter, "").split()[0] if unicodedata.name(letter, "") else "" for letter in _letters(names)
    ]
    return any(kind in _KANA for kind in kinds) and all(
        kind in (*_KANA, "CJK") or kind == "FULLWIDTH" for kind in kinds
    )


def _chinese(names: list[str]) -> bool:
    """Characters of GB 2312 only."""
    return all(unicodedata.name(letter, "").startswith("CJK") and _in_gb2312(letter) for letter in _letters(names))


def _in_gb2312(letter: str) -> bool:
    try:
        return bool(letter.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def _korean(names: list[str]) -> bool:
    return all(unicodedata.name(letter, "").startswith("HANGUL") for letter in _letters(names))


def _western(names: list[str]) -> bool:
    """Single Latin letters with accents among plain ones."""
    latin = all(unicodedata.name(letter, "").startswith("LATIN SMALL LETTER") for letter in _letters(names))
    return latin and all(
        sum(not letter.isascii() for letter in name)
        <= sum(letter.isalpha() and letter.isascii() for letter in name) / 2
        for name in names
    )


# Besides UTF-8, which its form tells: here the letters must be such as names are made of.
_ENCODINGS: dict[str, Callable[[list[str]], bool]] = {
    "cp932": _japanese,
    "gbk": _chinese,
    "euc_kr": _korean,
    "cp437": _western,
    "cp1252": _western,
}
