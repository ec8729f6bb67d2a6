"""CSV files in data/splits that people write by hand, each line about photos."""

import csv
import io
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from scrapline.data.names import nfc
from scrapline.system.errors import ScraplineError

_ID_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its fields by column, and `where` it stands, for errors."""

    where: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Table:
    """The lines of one file, none where it is not there; `photos` are the columns that name a photo."""

    path: Path
    lines: list[Line]
    photos: tuple[str, ...]

    def check(self, paths: Collection[str], *, ids: bool = True) -> None:
        """Raise ScraplineError for the first name that is none of these paths nor, with `ids`, has an image_id's form.

        For a file that the source holds, without reading any.
        """
        for line in self.lines:
            for column in self.photos:
                name = line.fields[column]
                if name not in paths and not (ids and _like_an_id(name)):
                    raise unknown(line, name, ids=ids)


def read(path: Path, columns: tuple[str, ...], photos: tuple[str, ...]) -> Table:
    """A file with these columns, others being passed over. Raises ScraplineError where it is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return Table(path, [], photos)
    except OSError as error:
        raise ScraplineError(f"{path} cannot be read ({error.strerror}): make it a CSV file, or remove it") from None
    except UnicodeDecodeError:
        raise ScraplineError(f"{path} is not UTF-8 text: save it as that") from None
    table = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    try:
        if not set(columns) <= set(table.fieldnames or ()):
            names = ", ".join(columns[:-1]) + " and " + columns[-1]
            raise ScraplineError(f"{path} needs the columns {names} in its first line, with commas between")
        lines = []
        for row in table:
            fields = {column: nfc(row[column].strip()) for column in columns}
            fields |= {column: as_listed(fields[column]) for column in photos}
            lines.append(Line(f"{path}, line {table.line_num}", fields))
    except csv.Error as error:
        raise ScraplineError(f"{path} is no CSV ({error}): save it as that") from None
    return Table(path, lines, photos)


def as_listed(name: str) -> str:
    """A path as the manifest writes it, however a person did."""
    return nfc(name.strip()).replace("\\", "/").removeprefix("./")


def unknown(line: Line, name: str, *, ids: bool = True) -> ScraplineError:
    """The error for a name that no photo has."""
    neither = "neither an image_id nor a path `class/file`" if ids else "no path `class/file`"
    return ScraplineError(f"{line.where}: `{name}` is no photo of the source, {neither}: mend the line, or take it out")


def _like_an_id(name: str) -> bool:
    return len(name) == _ID_DIGITS and set(name) <= set("0123456789abcdef")
