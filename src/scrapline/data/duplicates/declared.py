"""Pairs of photos that a person declared the same or different, in data/splits/pairs.csv."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scrapline.data.names import nfc
from scrapline.system.errors import ScraplineError

_COLUMNS = ["first", "second", "verdict"]
_VERDICTS = ("same", "different")


@dataclass(frozen=True)
class Declared:
    """Pairs of photos' numbers, the smaller first."""

    same: frozenset[tuple[int, int]] = frozenset()
    different: frozenset[tuple[int, int]] = frozenset()


def read_declared(path: Path, numbers: Mapping[str, int]) -> Declared:
    """The declared pairs; `numbers` leads from image_id and from source path to a photo's number.

    Nothing is declared where the file is not there. Raises ScraplineError with the line that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Declared()
    except OSError as error:
        raise ScraplineError(f"{path} cannot be read ({error.strerror}): make it a CSV file, or remove it") from None
    except UnicodeDecodeError:
        raise ScraplineError(f"{path} is not UTF-8 text: save it as that") from None
    table = csv.DictReader(text.splitlines())
    if table.fieldnames is None or not set(_COLUMNS) <= set(table.fieldnames):
        raise ScraplineError(f"{path} needs the columns first, second and verdict in its first line")
    said: dict[tuple[int, int], str] = {}
    for row in table:
        where = f"{path}, line {table.line_num}"
        low, high = sorted(_number(row[column], numbers, where) for column in ("first", "second"))
        verdict = (row["verdict"] or "").strip()
        if verdict not in _VERDICTS:
            raise ScraplineError(f"{where}: verdict `{verdict}` is not `same` or `different`")
        if low == high:
            raise ScraplineError(f"{where}: names one photo twice")
        if said.setdefault((low, high), verdict) != verdict:
            raise ScraplineError(f"{where}: the pair is declared both same and different: take one line out")
    return Declared(*(frozenset(pair for pair, verdict in said.items() if verdict == each) for each in _VERDICTS))


def _number(name: str | None, numbers: Mapping[str, int], where: str) -> int:
    listed = nfc((name or "").strip()).replace("\\", "/").removeprefix("./")
    if listed not in numbers:
        raise ScraplineError(f"{where}: `{listed}` is no usable photo of the source: neither an image_id nor a path")
    return numbers[listed]
