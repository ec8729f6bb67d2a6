"""CSV files that people write by hand about photos."""

from pathlib import Path

import pytest

from scrapline.data import user_tables
from scrapline.data.user_tables import Line
from scrapline.system.errors import ScraplineError

COLUMNS = ("photo", "pin")


def read(path: Path, content: bytes) -> user_tables.Table:
    path.write_bytes(content)
    return user_tables.read(path, COLUMNS, ("photo",))


def test_lines_are_read_however_they_were_written(tmp_path: Path) -> None:
    """A byte order mark, other columns, blanks, a folder named as on Windows, a decomposed letter, a missing field."""
    path = tmp_path / "t.csv"
    text = '\ufeffpin,photo,note\r\n a , .\\glass\\1.jpg ,x\r\n\r\nb,"./u\u0308, 2.jpg"\r\n'
    assert read(path, text.encode()).lines == [
        Line(f"{path}, line 2", {"photo": "./glass/1.jpg".removeprefix("./"), "pin": "a"}),
        Line(f"{path}, line 4", {"photo": "\u00fc, 2.jpg", "pin": "b"}),
    ]
    assert read(path, b"photo,pin\nglass/1.jpg\n").lines[0].fields == {"photo": "glass/1.jpg", "pin": ""}


def test_only_line_ends_end_a_line(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    text = 'photo,pin\ng/1.jpg,a\u2028b\x0bc\ng/2.jpg,"d\ne"\n'
    assert [line.fields["pin"] for line in read(path, text.encode()).lines] == ["a\u2028b\x0bc", "d\ne"]


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert user_tables.read(tmp_path / "none.csv", COLUMNS, ("photo",)).lines == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "needs the columns photo and pin in its first line"),
        (b"photo;pin\n", "needs the columns photo and pin in its first line, with commas"),
        (b"photo,pins\n", "needs the columns"),
        (b"\xff\xfe\x00photo", "is not UTF-8 text"),
        (b"photo,pin\n" + b"x" * 200_000 + b",a\n", "is no CSV"),
        (b'photo,pin\ng/1.jpg,"hard\ng/2.jpg,easy\n', "is no CSV"),
    ],
)
def test_a_file_that_is_no_such_table_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ScraplineError, match=rf"t\.csv.* {said}"):
        read(tmp_path / "t.csv", content)


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(ScraplineError, match=r"t\.csv cannot be read"):
        user_tables.read(tmp_path / "t.csv", COLUMNS, ("photo",))


def test_names_are_checked_before_any_photo_is_read(tmp_path: Path) -> None:
    """What looks like an image_id may be one: 16 small hexadecimal digits."""
    table = read(tmp_path / "t.csv", b"photo,pin\nglass/1.jpg,a\n0123456789abcdef,a\n")
    table.check({"glass/1.jpg"})
    with pytest.raises(ScraplineError, match="line 3: `0123456789abcdef` is no photo of the source, no path `class/f"):
        table.check({"glass/1.jpg"}, ids=False)
    for wrong in (b"glass/2.jpg", b"0123456789abcde", b"0123456789ABCDEF", b"0123456789abcdeg"):
        table = read(tmp_path / "t.csv", b"photo,pin\nglass/1.jpg,a\n" + wrong + b",a\n")
        with pytest.raises(ScraplineError, match=f"line 3: `{wrong.decode()}` is no photo of the source, neither an"):
            table.check({"glass/1.jpg"})
