"""Unpack a zip or tar archive that nobody vouches for: streamed member by member through an `Intake`'s checks."""

import bz2
import errno
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from scrapline.data.names import visible
from scrapline.fetch.download import ByteBar
from scrapline.fetch.intake import MAX_BYTES, Intake, check_room
from scrapline.fetch.zip_names import zip_names
from scrapline.system.errors import ScraplineError

CHUNK = 1 << 20
HEADERS = 1 << 20
READ_AHEAD = 1 << 17  # as much as a decompressor may have taken from the archive before a member starts

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_COMPRESSED: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(ValueError, IndexError, OverflowError, RecursionError),  # what the two modules let through on forged headers
)


def unpack(archive: Path, into: Path, *, called: str, max_bytes: int = MAX_BYTES) -> list[str]:
    """Unpack a zip or tar (plain, gzip, bzip2 or xz) into a folder; the paths of its files, relative to it.

    Hidden files and the litter of macOS and Windows are left out. `called` is the archive's name in messages. Raises
    ScraplineError, and may leave files in the folder, where the archive is damaged or `Intake` refuses it.
    """
    intake = Intake(called, into, archive.stat().st_size, max_bytes)
    try:
        with archive.open("rb") as raw, ByteBar(f"unpacking {archive.name}") as bar:
            head = raw.read(8)
            raw.seek(0)
            if head.startswith(_ZIP):
                _unzip(raw, intake, bar)
            else:
                opener = next((opener for magic, opener in _COMPRESSED.items() if head.startswith(magic)), None)
                with opener(raw) if opener else nullcontext(raw) as plain:
                    _untar(plain, raw, intake, bar)
    except NotImplementedError:
        raise ScraplineError(
            f"{called} is packed in a way that Python cannot read: repack it as .zip or .tar.gz"
        ) from None
    except _DAMAGE as error:
        raise _damaged(called, error) from None
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # the disk's, not the archive's
            raise
        raise _damaged(called, error) from None
    return intake.files


def _unzip(raw: IO[bytes], intake: Intake, bar: ByteBar) -> None:
    with zipfile.ZipFile(raw) as archive:
        wanted: list[tuple[zipfile.ZipInfo, PurePosixPath]] = []
        names = zip_names(archive.infolist(), intake.called)
        for info, name in zip(archive.infolist(), names, strict=True):
            path = intake.admit(name, folder=info.is_dir())
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise intake.refuse(info.filename, "is a link or a device")
            if info.flag_bits & 0x1:
                raise intake.refuse(info.filename, "is encrypted")
            if not info.is_dir() and visible(path):
                wanted.append((info, path))
        bar.total = sum(info.file_size for info, _ in wanted)
        if bar.total > intake.max_bytes:
            raise intake.too_large()
        check_room(intake.into, bar.total, intake.called)
        for info, path in wanted:
            with archive.open(info) as stream:
                intake.take(path, _unzipped(stream, info.compress_size))
            bar.at(intake.produced)


def _unzipped(stream: IO[bytes], packed: int) -> Iterator[tuple[bytes, int]]:
    while piece := stream.read(CHUNK):
        yield piece, packed


def _untar(plain: IO[bytes], raw: IO[bytes], intake: Intake, bar: ByteBar) -> None:
    bar.total = intake.size
    check_room(intake.into, intake.size, intake.called)
    stream = _Forward(plain)
    try:
        tar: Any = tarfile.TarFile(fileobj=cast(IO[bytes], stream))
    except tarfile.ReadError:
        raw.seek(0)
        page = " (it is a web page)" if raw.read(100).lstrip().startswith(b"<") else ""
        raise ScraplineError(
            f"{intake.called} is no zip or tar archive{page}: unpack it and fetch the folder"
        ) from None
    while (member := tar.next()) is not None:
        tar.members = []  # or a TarInfo of every member would stay in memory
        path = intake.admit(member.name, folder=member.isdir())
        if not member.isdir():
            if not member.isreg() or member.issparse():
                raise intake.refuse(member.name, "is a link, a device or a sparse file")
            intake.take(path, _untarred(stream, member.size, raw))
        stream.allowance = HEADERS
        bar.at(raw.tell())
    if stream.last != bytes(tarfile.BLOCKSIZE):  # tarfile takes a cut between two members for the end
        raise tarfile.ReadError("it breaks off")
    while piece := stream.take(CHUNK):  # so that the checksum at the end is read, too
        intake.count(len(piece), PurePosixPath("the end"))


def _untarred(stream: "_Forward", size: int, raw: IO[bytes]) -> Iterator[tuple[bytes, int]]:
    start = raw.tell()
    while size > 0:
        piece = stream.take(min(CHUNK, size))
        if not piece:
            raise EOFError("it breaks off")
        size -= len(piece)
        yield piece, raw.tell() - start + READ_AHEAD


class _Forward:
    """A stream that tarfile reads headers from, and never more of it than HEADERS between two members."""

    def __init__(self, plain: IO[bytes]) -> None:
        self.allowance = HEADERS
        self.last = b""
        self._plain = plain
        self._at = 0

    def take(self, count: int) -> bytes:
        """The next bytes, for a member's content."""
        piece = self._plain.read(count)
        self._at += len(piece)
        return piece

    def read(self, count: int) -> bytes:
        """The next bytes, for a header."""
        self.allowance -= count
        if count < 0 or self.allowance < 0:
            raise tarfile.HeaderError("a header of impossible size")
        self.last = self.take(count)
        return self.last

    def seek(self, to: int) -> None:
        """Skip what is left of a block."""
        self.read(to - self._at)

    def tell(self) -> int:
        """How many bytes were read."""
        return self._at


def _damaged(called: str, error: Exception) -> ScraplineError:
    detail = str(error) or type(error).__name__
    return ScraplineError(f"{called} is damaged ({detail}): download or copy it again")
