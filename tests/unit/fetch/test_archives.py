"""Archives from anywhere: good ones unpack, bad ones are refused whole, in one line that names the member."""

import bz2
import gzip
import io
import lzma
import random
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from scrapline.fetch import archives, intake
from scrapline.fetch.archives import unpack
from scrapline.system.errors import ScraplineError

GOOD = {"set/glass/1.jpg": b"one", "set/glass/2.jpg": b"two" * 500, "set/metal/1.jpg": b"three"}
LITTER = {"__MACOSX/set/glass/._1.jpg": b"x", "set/.DS_Store": b"x", "set/glass/Thumbs.db": b"x", ".git/config": b"x"}


def make_zip(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, compression)
    return path


def make_tar(path: Path, files: dict[str, bytes], *, mode: str = "w", format: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=format) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def make_tar_member(path: Path, name: str, **fields: object) -> Path:
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        for field, value in fields.items():
            setattr(info, field, value)
        archive.addfile(info)
    return path


def unpacked(archive: Path, into: Path, **limits: int) -> dict[str, bytes]:
    into.mkdir()
    files = unpack(archive, into, called=str(archive), **limits)
    return {file: (into / file).read_bytes() for file in files}


def on_disk(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_unpacks_without_litter(tmp_path: Path, compression: int) -> None:
    archive = make_zip(tmp_path / "a.zip", GOOD | LITTER, compression)
    assert unpacked(archive, tmp_path / "out") == GOOD
    assert on_disk(tmp_path / "out") == set(GOOD)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar_unpacks_without_litter_whatever_it_is_called(tmp_path: Path, mode: str, format: int) -> None:
    archive = make_tar(tmp_path / "download", GOOD | LITTER, mode=mode, format=format)
    assert unpacked(archive, tmp_path / "out") == GOOD
    assert on_disk(tmp_path / "out") == set(GOOD)


def test_tar_of_long_and_foreign_names_and_all_sizes_around_a_block(tmp_path: Path) -> None:
    files = {f"glass/{'n' * 180}/ü {size}.jpg": b"x" * size for size in (0, 1, 511, 512, 513, 1024, archives.CHUNK + 1)}
    archive = make_tar(tmp_path / "a.tar", files)
    assert unpacked(archive, tmp_path / "out") == files


def test_tar_that_tar_made_with_folders_and_leading_dots(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name in (".", "./glass", "./glass"):
            folder = tarfile.TarInfo(name)
            folder.type = tarfile.DIRTYPE
            archive.addfile(folder)
        info = tarfile.TarInfo("./glass/1.jpg")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"one"))
    assert unpacked(tmp_path / "a.tar", tmp_path / "out") == {"glass/1.jpg": b"one"}


def test_unpacked_files_get_plain_modes(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo("glass/1.jpg")
        info.mode = 0o6777
        archive.addfile(info)
    unpacked(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out/glass/1.jpg").stat().st_mode & (stat.S_ISUID | stat.S_ISGID | 0o111)


BAD_NAMES = [
    ("/etc/evil.jpg", "absolute path"),
    ("../evil.jpg", "climbs out"),
    ("glass/../../evil.jpg", "climbs out"),
    ("C:/evil.jpg", "absolute path"),
    ("c:evil.jpg", "absolute path"),
    ("glass\\evil.jpg", "backslash"),
    ("..\\evil.jpg", "backslash"),
    ("glass/\x1b[2J.jpg", "control characters"),
    ("glass/" + "n" * 1000, "more than 1000 characters"),
]


@pytest.mark.parametrize("make", [make_zip, make_tar])
@pytest.mark.parametrize(("name", "reason"), BAD_NAMES)
def test_bad_names_are_refused_and_named(
    tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path], name: str, reason: str
) -> None:
    archive = make(tmp_path / "bad", {"glass/1.jpg": b"one", name: b"evil"})
    with pytest.raises(ScraplineError, match=reason) as caught:
        unpacked(archive, tmp_path / "deep")
    assert str(archive) in str(caught.value)
    assert repr(name)[1:20] in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert on_disk(tmp_path) <= {"bad", "deep/glass/1.jpg"}


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ("glass/1.jpg", "glass/1.jpg", "twice"),
        ("glass/1.jpg", "glass/1.JPG", "twice"),
        ("glass/1.jpg", "./glass//1.jpg", "twice"),
        ("glass/\u00fc.jpg", "glass/u\u0308.jpg", "twice"),
        ("glass/1", "glass/1/2.jpg", "a file and a folder at once"),
        ("glass/1/2.jpg", "glass/1", "a file and a folder at once"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_collide_are_refused(tmp_path: Path, kind: str, first: str, second: str, reason: str) -> None:
    archive = tmp_path / f"bad.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as out:
            out.writestr(first, b"1")
            out.writestr(second, b"2")
    else:
        with tarfile.open(archive, "w") as out:
            out.addfile(tarfile.TarInfo(first))
            out.addfile(tarfile.TarInfo(second))
    with pytest.raises(ScraplineError, match=reason):
        unpacked(archive, tmp_path / "out")


@pytest.mark.parametrize(
    "fields",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "glass/2.jpg"},
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.BLKTYPE},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.GNUTYPE_SPARSE},
        {"type": b"9"},
    ],
)
def test_tar_members_that_are_no_plain_files_are_refused(tmp_path: Path, fields: dict[str, object]) -> None:
    archive = make_tar_member(tmp_path / "bad.tar", "glass/link.jpg", **fields)
    with pytest.raises(ScraplineError, match=r"glass/link.jpg' is a link, a device or a sparse file"):
        unpacked(archive, tmp_path / "out")
    assert not on_disk(tmp_path / "out")


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_zip_members_that_are_no_plain_files_are_refused(tmp_path: Path, mode: int) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("glass/1.jpg", b"one")
        info = zipfile.ZipInfo("glass/link.jpg")
        info.external_attr = (mode | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ScraplineError, match=r"glass/link.jpg' is a link or a device"):
        unpacked(tmp_path / "bad.zip", tmp_path / "out")
    assert not on_disk(tmp_path / "out")


def test_encrypted_zip_is_refused(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "bad.zip", {"glass/1.jpg": b"one"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(ScraplineError, match=r"glass/1.jpg' is encrypted"):
        unpacked(archive, tmp_path / "out")


def test_unknown_compression_is_said(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "bad.zip", {"glass/1.jpg": b"one"})
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 10] = 9  # Deflate64, as Windows writes for large files
    content[8] = 9
    archive.write_bytes(content)
    with pytest.raises(ScraplineError, match="packed in a way that Python cannot read"):
        unpacked(archive, tmp_path / "out")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_too_many_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    archive = make(tmp_path / "many", {f"glass/{n}.jpg": b"" for n in range(11)})
    monkeypatch.setattr(intake, "MAX_FILES", 11)
    assert len(unpacked(archive, tmp_path / "enough")) == 11
    monkeypatch.setattr(intake, "MAX_FILES", 10)
    with pytest.raises(ScraplineError, match="more than 10 files"):
        unpacked(archive, tmp_path / "out")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_bytes_that_come_out_are_limited(tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path]) -> None:
    archive = make(tmp_path / "large", {"glass/1.jpg": b"1" * 3000, "metal/1.jpg": b"2" * 3000})
    assert len(unpacked(archive, tmp_path / "enough", max_bytes=20_000)) == 2
    with pytest.raises(ScraplineError, match="--max-gb"):
        unpacked(archive, tmp_path / "out", max_bytes=5_999)
    assert make is make_tar or not on_disk(tmp_path / "out")  # a zip says its size beforehand


def forge_zip_sizes(archive: Path, size: int) -> None:
    """Make every header of a zip claim that its member unpacks to `size` bytes."""
    content = bytearray(archive.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(magic)
        content[at + offset : at + offset + 4] = size.to_bytes(4, "little")
    archive.write_bytes(content)


def test_claimed_sizes_are_not_believed(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "liar.zip", {"glass/1.jpg": b"1" * 100_000})
    forge_zip_sizes(archive, 10)
    with pytest.raises(ScraplineError, match="damaged"):
        unpacked(archive, tmp_path / "out")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file()) <= 10


BOMB = 60_000_000


def zip_bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("glass/bomb.jpg", "w") as out:
        for _ in range(BOMB // 1_000_000):
            out.write(bytes(1_000_000))
    return path


def tar_bomb(path: Path) -> Path:
    with gzip.open(path, "wb") as out:
        info = tarfile.TarInfo("glass/bomb.jpg")
        info.size = BOMB
        out.write(info.tobuf())
        for _ in range(BOMB // 1_000_000):
            out.write(bytes(1_000_000))
    return path


def tar_header_bomb(path: Path) -> Path:
    with gzip.open(path, "wb") as out:
        info = tarfile.TarInfo("././@PaxHeader")
        info.type, info.size = tarfile.XHDTYPE, BOMB
        out.write(info.tobuf())
        for _ in range(BOMB // 1_000_000):
            out.write(bytes(1_000_000))
    return path


def tar_tail_bomb(path: Path) -> Path:
    with gzip.open(path, "wb") as out:
        out.write(tarfile.TarInfo("glass/1.jpg").tobuf())
        for _ in range(BOMB // 1_000_000):
            out.write(bytes(1_000_000))
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (zip_bomb, r"bomb.jpg' (unpacks|brings it) to more than 200 times"),
        (tar_bomb, r"bomb.jpg' (unpacks|brings it) to more than 200 times"),
        (tar_header_bomb, "header of impossible size"),
        (tar_tail_bomb, "more than 200 times"),
    ],
)
def test_bombs_stop_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Path], message: str
) -> None:
    produced = 0
    count = intake.Intake.count

    def counting(self: intake.Intake, size: int, path: object) -> None:
        nonlocal produced
        produced += size
        count(self, size, path)  # type: ignore[arg-type]

    monkeypatch.setattr(intake.Intake, "count", counting)
    archive = make(tmp_path / "bomb")
    assert archive.stat().st_size < BOMB // 200
    with pytest.raises(ScraplineError, match=message):
        unpacked(archive, tmp_path / "out")
    written = sum(path.stat().st_size for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert written <= produced < BOMB
    assert written < BOMB // 2


@pytest.mark.parametrize("make", [make_zip, partial(make_tar, mode="w:gz")])
def test_a_bomb_among_photos_is_found(tmp_path: Path, make: Callable[[Path, dict[str, bytes]], Path]) -> None:
    files = {"glass/1.jpg": random.Random(0).randbytes(1_000_000), "glass/bomb.jpg": bytes(BOMB)}
    with pytest.raises(ScraplineError, match=r"bomb.jpg' unpacks to more than 200 times its packed size"):
        unpacked(make(tmp_path / "bomb", files), tmp_path / "out")


def test_small_members_make_a_bomb_together(tmp_path: Path) -> None:
    files = {f"glass/{n}.bmp": bytes(5_000_000) for n in range(4)}
    archive = make_zip(tmp_path / "bomb.zip", files)
    with pytest.raises(ScraplineError, match="brings it to more than 200 times"):
        unpacked(archive, tmp_path / "out")
    assert len(on_disk(tmp_path / "out")) < len(files)


@pytest.mark.parametrize(("mode", "suffix"), [("w", ""), ("w:gz", ".gz"), ("w:bz2", ".bz2"), ("w:xz", ".xz")])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_tars_are_damaged(tmp_path: Path, mode: str, suffix: str, share: float) -> None:
    rng = random.Random(0)
    archive = make_tar(
        tmp_path / f"cut.tar{suffix}", {f"glass/{n}.jpg": rng.randbytes(5000) for n in range(20)}, mode=mode
    )
    content = archive.read_bytes().rstrip(b"\0")
    archive.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ScraplineError, match=r"cut.tar.* is damaged .* again"):
        unpacked(archive, tmp_path / "out")


def test_a_tar_cut_between_two_members_is_damaged(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "cut.tar", {"glass/1.jpg": b"1" * 512, "metal/1.jpg": b"2" * 512})
    archive.write_bytes(archive.read_bytes()[:1024])
    with pytest.raises(ScraplineError, match="is damaged"):
        unpacked(archive, tmp_path / "out")


def test_a_cut_zip_is_damaged(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "cut.zip", GOOD)
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(ScraplineError, match=r"is damaged .* again"):
        unpacked(archive, tmp_path / "out")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_wrong_checksum_is_damaged(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    make_tar(tmp_path / "a.tar", {"glass/1.jpg": random.Random(0).randbytes(50_000)})
    content = bytearray(pack((tmp_path / "a.tar").read_bytes()))
    content[-6] ^= 0xFF
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(ScraplineError, match="is damaged"):
        unpacked(tmp_path / "bad", tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "no zip or tar archive", id="empty"),
        pytest.param(b"hello " * 1000, "no zip or tar archive: unpack it and fetch the folder", id="text"),
        pytest.param(b"Rar!\x1a\x07\x01\x00" + b"x" * 2000, "no zip or tar archive", id="rar"),
        pytest.param(b"\n<!DOCTYPE html><html>sign in</html>" + b" " * 2000, "it is a web page", id="web page"),
        pytest.param(gzip.compress(b"hello " * 1000, mtime=0), "no zip or tar archive", id="gzipped text"),
    ],
)
def test_what_is_no_archive_is_said_so(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ScraplineError, match=message):
        unpacked(tmp_path / "file", tmp_path / "out")


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_full_disk_is_seen_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path, dict[str, bytes]], Path]
) -> None:
    archive = make(tmp_path / "a", GOOD)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(ScraplineError, match="are free"):
        unpacked(archive, tmp_path / "out")
    assert not on_disk(tmp_path / "out")


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "tar.xz"])
def test_forged_bytes_never_give_anything_but_one_line(tmp_path: Path, kind: str) -> None:
    """Whatever stands in an archive, unpacking gives files inside the folder or a ScraplineError."""
    rng = random.Random(1)
    good = tmp_path / f"good.{kind}"
    make_zip(good, GOOD) if kind == "zip" else make_tar(good, GOOD, mode="w:" + kind[4:] if kind[4:] else "w")
    content = good.read_bytes().rstrip(b"\0") + bytes(1024 if kind == "tar" else 0)
    refused = 0
    for round_ in range(150):
        forged = bytearray(content)
        for _ in range(rng.randint(1, 4)):
            forged[rng.randrange(len(forged))] = rng.randrange(256)
        (tmp_path / "forged").write_bytes(forged)
        try:
            unpacked(tmp_path / "forged", tmp_path / f"out{round_}")
        except ScraplineError:
            refused += 1
        shutil.rmtree(tmp_path / f"out{round_}")
    assert refused > 20
    assert on_disk(tmp_path) == {good.name, "forged"}
