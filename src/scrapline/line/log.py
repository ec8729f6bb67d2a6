"""The log of a run: one CSV row an item, in item order, on disk as soon as the item has ended."""

import csv
import io
from collections.abc import Iterable, Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from scrapline.line.row import COLUMNS, Row, from_cells, to_cells
from scrapline.system.errors import ScraplineError


class ResultsLog:
    """A CSV file written in place: however a run ends, the rows so far are a whole CSV file.

    Rows are handed to the system as they come. The first begins a new file, unless it is to `append`; until then an
    earlier run's file stays, and a link to where its content is kept is replaced, never written through.
    """

    def __init__(self, path: Path, *, append: bool = False) -> None:
        self._path, self._append = path, append
        self._stream: FileIO | None = None

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows. Raises OSError where they do not fit on the disk, with no part of them left behind."""
        try:
            if self._stream is None:
                self._stream = self._begun()
            _write_whole(self._stream, map(to_cells, rows))
        except OSError as error:
            error.filename = str(self._path)  # which the system does not say of a file that is open
            raise

    def begin(self) -> None:
        """Have a file with a header, whether or not there was an item."""
        self.write([])

    def _begun(self) -> FileIO:
        if self._append and self._path.exists() and self._path.stat().st_size > 0:
            return FileIO(self._path, "a")
        self._path.unlink(missing_ok=True)
        stream = FileIO(self._path, "x")
        _write_whole(stream, [COLUMNS])
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a log, one at a time; one at the end that is not whole is passed over.

    Raises ScraplineError for a file that is no such log.
    """
    lines = _whole_lines(path)
    if (header := next(lines, None)) is not None and tuple(header[0]) != COLUMNS:
        raise ScraplineError(f"{path} has other columns than a log of this version: begin a new run")
    for cells, end in lines:
        try:
            yield from_cells(cells)
        except ValueError as error:
            raise ScraplineError(f"{path} is damaged before byte {end} ({error}): begin a new run") from None


def cut_to_whole_rows(path: Path) -> None:
    """Cut off what a killed run or a power cut left of a last row."""
    whole = max((end for _, end in _whole_lines(path)), default=0)
    if whole < path.stat().st_size:
        with path.open("r+b") as stream:
            stream.truncate(whole)


def _whole_lines(path: Path) -> Iterator[tuple[list[str], int]]:
    """The cells of each row that is whole, the header's too, with the number of bytes up to its end."""
    with path.open("rb") as stream:
        end = 0

        def lines() -> Iterator[str]:
            nonlocal end
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                end += len(line)
                yield line.decode("utf-8", errors="replace")

        try:
            for cells in csv.reader(lines(), strict=True):
                yield cells, end
        except csv.Error as error:
            if "unexpected end of data" not in str(error):  # which is a quoted name that goes over lines, cut within
                raise ScraplineError(f"{path} is damaged before byte {end} ({error}): begin a new run") from None


def _write_whole(stream: FileIO, rows: Iterable[Iterable[object]]) -> None:
    """Append CSV rows, all of them or none."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    data, start = text.getvalue().encode(), stream.seek(0, io.SEEK_END)
    written = 0
    try:
        while written < len(data):
            written += stream.write(data[written:])
    except BaseException:  # a full disk or a signal, with half of it written
        stream.truncate(start)
        raise
