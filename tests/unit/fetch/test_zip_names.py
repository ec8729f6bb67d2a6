"""Names in zips that do not tell their encoding, packed as old tools pack them."""

import io
import zipfile
from pathlib import Path

import pytest

from scrapline.fetch.archives import unpack
from scrapline.system.errors import ScraplineError


def packed(names: list[str], encoding: str, path: Path) -> Path:
    """A zip whose names are bytes of an encoding, without the flag that would say UTF-8."""
    raw = io.BytesIO()
    stand_ins = {chr(65 + n) * len(name.encode(encoding)): name.encode(encoding) for n, name in enumerate(names)}
    with zipfile.ZipFile(raw, "w") as archive:
        for stand_in in stand_ins:
            archive.writestr(stand_in, b"a photo")
    data = raw.getvalue()
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in.encode(), name)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp932", ["ガラス/写真1.jpg", "アルミ/2.jpg", "紙/3.jpg"]),
        ("gbk", ["玻璃/照片.jpg", "金属/2.jpg"]),
        ("cp437", ["métal/1.jpg", "carton abîmé/2.jpg"]),
        ("cp1252", ["métal/1.jpg", "carton abîmé/2.jpg"]),
        ("utf-8", ["стекло/1.jpg", "ガラス/2.jpg"]),
        ("utf-8", ["métal/1.jpg", "Müll/2.jpg"]),
    ],
)
def test_an_unmistakable_encoding_is_read(tmp_path: Path, encoding: str, names: list[str]) -> None:
    archive = packed(names, encoding, tmp_path / "x.zip")
    (tmp_path / "out").mkdir()
    assert sorted(unpack(archive, tmp_path / "out", called="x.zip")) == sorted(names)
    assert all((tmp_path / "out" / name).is_file() for name in names)


@pytest.mark.parametrize(
    ("encoding", "names"), [("cp866", ["СТЕКЛО/1.jpg"]), ("cp949", ["유리/1.jpg"]), ("gbk", ["玻璃/1.jpg"])]
)
def test_others_are_refused_in_one_line(tmp_path: Path, encoding: str, names: list[str]) -> None:
    archive = packed(names, encoding, tmp_path / "x.zip")
    (tmp_path / "out").mkdir()
    with pytest.raises(ScraplineError, match=r"x\.zip does not tell the encoding of its names .* fetch the folder"):
        unpack(archive, tmp_path / "out", called="x.zip")
