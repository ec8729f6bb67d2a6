"""Fill data/raw with photos from a folder, an archive, the web or TrashNet: all of them, or nothing changes."""

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.table import Table
from rich.text import Text

from scrapline import paths
from scrapline.cli.console import console, info, track
from scrapline.data.names import nfc, visible
from scrapline.data.sources import TRASHNET_SHA256, ContentDigest, FolderSource
from scrapline.fetch import trashnet
from scrapline.fetch.archives import unpack
from scrapline.fetch.download import check_sha256, check_url, download
from scrapline.fetch.intake import MAX_BYTES, check_room, unsafe_name
from scrapline.fetch.layout import Layout, find_classes
from scrapline.fetch.lists import Lists, read
from scrapline.system.errors import ScraplineError
from scrapline.system.files import sha256
from scrapline.system.outs import recover, replacing, scratch

WORK = paths.RAW.with_name(".fetch.partial")
_OTHERWISE = "check the address and the connection, or get the archive by other means and fetch the local file"


@dataclass(frozen=True, kw_only=True)
class Request:
    """What the user asked for: see `data_preparation.py fetch --help`."""

    source: str
    split: Path | None = None
    archive: Path | None = None
    replace: bool = False
    sha256: str | None = None
    max_bytes: int = MAX_BYTES


@dataclass(frozen=True)
class Fetched:
    """What now lies in data/raw, and the name of the split lists that came with it."""

    counts: dict[str, int]
    ignored: int
    digest: str
    lists: str | None


@dataclass(frozen=True)
class _Photos:
    """Files below a folder, which may be taken apart if it is ours: name in NFC -> name on disk."""

    root: Path
    on_disk: dict[str, str]
    ours: bool


def fetch(request: Request) -> Fetched:
    """Fill data/raw and, where there are lists, data/splits/<name>.

    Everything is written beside its place and renamed at the end. Raises ScraplineError for all that a user can cause.
    """
    with scratch(WORK) as work:
        recover(paths.RAW)
        if request.source == trashnet.NAME and (present := _present(request)):
            return present
        _check(request)
        lists = _lists(request)
        photos = _photos(request, work)
        layout = find_classes(list(photos.on_disk), _named(request))
        if lists:
            lists.check_present(layout.files)
        targets = [paths.RAW] + ([lists.place] if lists else [])
        with replacing(*targets) as partial:
            _bring(photos, layout, partial[0])
            digest = content_digest(partial[0], len(layout.files))
            if request.source == trashnet.NAME:
                trashnet.check_content(digest, _named(request))
            if lists:
                lists.write(partial[1])
    return Fetched(layout.counts, layout.ignored, digest, lists.name if lists else None)


def _present(request: Request) -> Fetched | None:
    """TrashNet as it already lies there, whole and with its lists; None where anything is missing or asked anew."""
    if request.replace or not paths.RAW.is_dir():
        return None
    try:
        lists = read(paths.SPLIT_LISTS / trashnet.NAME)
    except ScraplineError:
        return None
    if request.split and trashnet.read_split(request.split).lines != lists.lines:
        return None
    counts = Counter(item.class_name for item in FolderSource(paths.RAW).items())
    digest = content_digest(paths.RAW, counts.total())
    return Fetched(dict(counts), 0, digest, trashnet.NAME) if digest == TRASHNET_SHA256 else None


def print_summary(fetched: Fetched) -> None:
    """Say what came in, and what to do with it."""
    table = Table("class", "photos")
    table.columns[1].justify = "right"
    for name, number in fetched.counts.items():
        table.add_row(Text(name), str(number))
    table.add_row("all", str(sum(fetched.counts.values())), style="bold")
    console.print(table)
    if fetched.ignored:
        info(f"{fetched.ignored} files lay in no class folder and were left out")
    info(f"content digest {fetched.digest}")
    if fetched.lists:
        info(f"{paths.SPLIT_LISTS / fetched.lists} is used by `data.split.scheme: lists` with `lists: {fetched.lists}`")
    recipe = "trashnet" if fetched.lists == trashnet.NAME else "own-photos"
    info(f"next:\n  dvc add {paths.RAW}\n  cp recipes/{recipe}.yaml {paths.PARAMS}\n  dvc repro")


def content_digest(root: Path, total: int) -> str:
    """ContentDigest of a folder of class folders, as `prepare` reports it."""
    digest = ContentDigest()
    source = FolderSource(root)
    for item in track(source.items(), "verifying photos", total):
        digest.add(item.path, sha256(root / item.path))
    return digest.hexdigest()


def _check(request: Request) -> None:
    """Everything that can be known before anything is read or written."""
    if request.archive and request.source != trashnet.NAME:
        raise ScraplineError(f"--archive goes with `fetch trashnet`; fetch your own with `fetch {request.archive}`")
    if request.archive:
        _check_local(request.archive)
        if request.archive.is_dir():
            raise ScraplineError(f"--archive {request.archive} is a folder: give the archive file itself")
    if "://" in request.source:
        check_url(request.source)
    elif request.source != trashnet.NAME:
        _check_local(Path(request.source))
    if request.sha256:
        check_sha256(request.sha256)
        if Path(request.source).is_dir():
            raise ScraplineError("--sha256 is the hash of an archive: leave it out for a folder")
    if not request.replace and (paths.RAW.is_file() or (paths.RAW.is_dir() and any(paths.RAW.iterdir()))):
        raise ScraplineError(
            f"{paths.RAW} is not empty: replace all of it with --replace (a version that was `dvc add`ed stays in "
            "DVC's cache), or move it away"
        )


def _check_local(given: Path) -> None:
    if not given.exists():
        raise ScraplineError(f"{given} is not here: give an archive, a folder, an http(s) address, or `trashnet`")
    real, raw = given.resolve(), paths.RAW.resolve()
    if real.is_relative_to(raw) or raw.is_relative_to(real):
        raise ScraplineError(
            f"{given} and {paths.RAW} overlap, and {paths.RAW} is what gets replaced: move it out first"
        )


def _named(request: Request) -> str:
    """What to call the source in messages."""
    return str(request.archive or trashnet.ARCHIVE_URL) if request.source == trashnet.NAME else request.source


def _photos(request: Request, work: Path) -> _Photos:
    """The files of the source: where they lie, or unpacked into `work`."""
    if request.source != trashnet.NAME and Path(request.source).is_dir():
        root = Path(request.source)
        return _Photos(root, _in_one_form(root, _files_below(root)), ours=False)
    expected = request.sha256.lower() if request.sha256 else None
    if "://" in request.source:
        archive = download(request.source, work, sha256=expected, otherwise=_OTHERWISE, max_bytes=request.max_bytes)
        if not expected:
            info(f"SHA-256 of the download: {sha256(archive)} (--sha256 with it makes sure of the same file next time)")
    else:
        archive = request.archive or (
            trashnet.download_archive(work) if request.source == trashnet.NAME else Path(request.source)
        )
        if expected and (found := sha256(archive)) != expected:
            raise ScraplineError(f"{_named(request)} has the SHA-256 {found}, not {expected}: get the file again")
    unpacked = work / "unpacked"
    unpacked.mkdir()
    files = unpack(archive, unpacked, called=_named(request), max_bytes=request.max_bytes)
    return _Photos(unpacked, {file: file for file in files}, ours=True)


def _in_one_form(root: Path, files: list[str]) -> dict[str, str]:
    on_disk: dict[str, str] = {}
    for file in files:
        if on_disk.setdefault(nfc(file), file) != file:
            raise ScraplineError(f"{root}: `{nfc(file)}` is there in two Unicode forms: rename one of them")
    return on_disk


def _files_below(root: Path) -> list[str]:
    """Relative paths of the visible files below a folder; links are followed, and each folder is read once."""

    def fail(error: OSError) -> None:
        raise error

    files: list[str] = []
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, followlinks=True, onerror=fail):
        below = PurePosixPath(Path(folder).relative_to(root).as_posix())
        folders[:] = sorted(name for name in folders if visible(PurePosixPath(name)))
        if (real := os.path.realpath(folder)) in seen:
            folders.clear()
            continue
        seen.add(real)
        for name in filter(lambda name: visible(PurePosixPath(name)), names):
            file = (below / name).as_posix()
            if reason := unsafe_name(file):
                raise ScraplineError(f"{root}: {file!r} {reason}: rename it")
            if not Path(folder, name).exists():
                raise ScraplineError(f"{root}: {file} is a link to nothing: bring its photo back, or remove it")
            if Path(folder, name).is_file():
                files.append(file)
    return sorted(files)


def _bring(photos: _Photos, layout: Layout, raw: Path) -> None:
    """Move the class folders into place, or copy the files where they are the user's."""
    top = photos.root / layout.top
    if photos.ours:
        for name in layout.counts:
            (top / name).replace(raw / name)
        return
    sources = {file: photos.root / photos.on_disk[(layout.top / file).as_posix()] for file in layout.files}
    check_room(raw, sum(source.stat().st_size for source in sources.values()), str(photos.root))
    for file, source in track(sources.items(), "copying photos", len(sources)):
        (raw / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, raw / file)


def _lists(request: Request) -> Lists | None:
    """The split lists that come with the photos; ScraplineError where others of that name are there already."""
    if request.source == trashnet.NAME:
        lists = trashnet.read_split(request.split) if request.split else trashnet.download_split()
    elif request.split:
        lists = read(request.split)
    else:
        return None
    if not request.replace:
        lists.check_same()
    return lists
