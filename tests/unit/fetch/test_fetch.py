"""`fetch` fills data/raw from a folder, an archive or the web: all of it, or nothing changes."""

import hashlib
import io
import os
import shutil
import socket
import tarfile
import threading
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from scrapline.fetch import command as module
from scrapline.fetch import layout
from scrapline.fetch.command import Request, fetch
from scrapline.fetch.intake import unsafe_name
from scrapline.system.errors import ScraplineError

PHOTOS = {"glass/1.jpg": b"g1", "glass/2.jpg": b"g2", "metal/1.jpg": b"m1", "metal/side/2.jpg": b"m2"}
OLD = {"paper/1.jpg": b"old", "trash/1.jpg": b"older"}
LISTS = {"train": ["glass/1.jpg", "metal/1.jpg"], "val": ["metal/side/2.jpg"], "test": ["glass/2.jpg"]}


@pytest.fixture(autouse=True)
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty repository to stand in, a cache of its own, and no waiting between retries."""
    root = tmp_path / "repository"
    root.mkdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    return root


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def write_lists(folder: Path, lists: dict[str, list[str]] = LISTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for split, lines in lists.items():
        (folder / f"{split}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


def tree(folder: Path | str) -> dict[str, bytes]:
    """Every file below a folder, hidden ones, too."""
    root = Path(folder)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def digest_of(files: dict[str, bytes]) -> str:
    lines = sorted(f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in files.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# Sources and layouts


@pytest.mark.parametrize("prefix", ["", "set/", "outer/set/", "./set/"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_archive_fills_raw_below_any_wrapper(tmp_path: Path, pack: object, prefix: str) -> None:
    files = {prefix + name: content for name, content in PHOTOS.items()}
    litter = {"__MACOSX/glass/._1.jpg": b"x", f"{prefix}.DS_Store": b"x", f"{prefix}README.txt": b"hello"}
    fetched = fetch(Request(source=str(pack(tmp_path / "photos", files | litter))))  # type: ignore[operator]
    assert tree("data") == {f"raw/{name}": content for name, content in PHOTOS.items()}
    assert fetched.counts == {"glass": 2, "metal": 2}
    assert fetched.ignored == 1
    assert fetched.digest == digest_of(PHOTOS)
    assert fetched.lists is None


def test_folder_is_copied_and_stays(tmp_path: Path) -> None:
    source = write(tmp_path / "mine", {f"set/{name}": content for name, content in PHOTOS.items()})
    write(source, {"top.txt": b"t", "set/notes.txt": b"n", ".hidden/a": b"x", "set/glass/Thumbs.db": b"x"})
    before = tree(source)
    fetched = fetch(Request(source=str(source)))
    assert tree("data/raw") == PHOTOS
    assert tree(source) == before
    assert fetched.ignored == 2
    assert fetched.digest == digest_of(PHOTOS)


def test_linked_photos_become_photos(tmp_path: Path) -> None:
    real = write(tmp_path / "real", PHOTOS)
    source = tmp_path / "mine"
    (source / "metal").mkdir(parents=True)
    (source / "metal/1.jpg").symlink_to(real / "metal/1.jpg")
    (source / "glass").symlink_to(real / "glass")
    (real / "glass/loop").symlink_to(real / "glass")
    fetch(Request(source=str(source)))
    assert tree("data/raw") == {name: PHOTOS[name] for name in ("glass/1.jpg", "glass/2.jpg", "metal/1.jpg")}
    assert not any(path.is_symlink() for path in Path("data/raw").rglob("*"))


def test_pipes_in_a_folder_are_not_read(tmp_path: Path) -> None:
    source = write(tmp_path / "mine", PHOTOS)
    os.mkfifo(source / "glass/pipe")
    fetch(Request(source=str(source)))
    assert tree("data/raw") == PHOTOS


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no level with two or more class folders"),
        (["a.jpg", "b.jpg"], "no level with two or more class folders"),
        (["glass/1.jpg", "glass/2.jpg"], "no level with two or more class folders"),
        (["set/glass/1.jpg", "set/README"], "no level with two or more class folders"),
        (["set/train/glass/1.jpg", "set/test/glass/1.jpg"], "divided into test, train"),
        (["Glass/1.jpg", "glass/1.jpg"], "differ only in case"),
        (["a:b/1.jpg", "glass/1.jpg"], "a character that Windows does not allow: rename it"),
    ],
)
def test_unusable_layouts(files: list[str], message: str) -> None:
    with pytest.raises(ScraplineError, match=f"photos.zip.* {message}"):
        layout.find_classes(files, "photos.zip")


def test_a_class_called_test_among_others_is_a_class() -> None:
    assert layout.find_classes(["test/1.jpg", "glass/1.jpg"], "it").counts == {"glass": 1, "test": 1}


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(source="nowhere.zip"), "nowhere.zip is not here"),
        (Request(source="ftp://example.org/a.zip"), "only http and https"),
        (Request(source="file:///etc/passwd"), "only http and https"),
        (Request(source="http://"), "names no host"),
        (Request(source="http://[bad/a.zip"), "no valid address"),
        (Request(source="source", archive=Path("a.zip")), "--archive goes with `fetch trashnet`"),
        (Request(source="source", sha256="abc"), "64 hexadecimal digits"),
        (Request(source="source", sha256="a" * 64), "leave it out for a folder"),
        (Request(source="trashnet", archive=Path("nowhere.zip")), "nowhere.zip is not here"),
        (Request(source="trashnet", archive=Path("source")), "is a folder"),
        (Request(source="."), "overlap"),
        (Request(source="data/raw"), "overlap"),
        (Request(source="data/raw/inner.zip"), "overlap"),
        (Request(source="source", split=Path("nowhere")), "nowhere/train.txt is not here"),
    ],
)
def test_wrong_requests_are_refused_before_anything_changes(request_: Request, message: str) -> None:
    write(Path("source"), PHOTOS)
    zipped(Path(write(Path("data/raw"), OLD), "inner.zip"), PHOTOS)
    before = tree(".")
    with pytest.raises(ScraplineError, match=message):
        fetch(Request(**vars(request_) | {"replace": True}))
    assert tree(".") == before


def test_a_link_to_nothing_and_a_name_with_control_characters(tmp_path: Path) -> None:
    source = write(tmp_path / "mine", PHOTOS)
    (source / "glass/gone.jpg").symlink_to(tmp_path / "nothing")
    with pytest.raises(ScraplineError, match=r"glass/gone.jpg is a link to nothing"):
        fetch(Request(source=str(source)))
    (source / "glass/gone.jpg").unlink()
    (source / "glass/a\nb.jpg").write_bytes(b"x")
    with pytest.raises(ScraplineError, match=r"'glass/a\\nb.jpg' has control characters"):
        fetch(Request(source=str(source)))
    assert tree(".") == {}


def test_a_full_disk_is_seen_before_copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "mine", PHOTOS)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=3))
    monkeypatch.setattr(shutil, "copyfile", lambda *paths: pytest.fail("copied"))
    with pytest.raises(ScraplineError, match="are free"):
        fetch(Request(source=str(source)))
    assert tree(".") == {}


# Replacing


def test_photos_that_are_there_are_not_touched_without_replace(tmp_path: Path) -> None:
    write(Path("data/raw"), OLD)
    archive = zipped(tmp_path / "new.zip", PHOTOS)
    with pytest.raises(ScraplineError, match=r"data/raw is not empty: .* --replace"):
        fetch(Request(source=str(archive)))
    assert tree("data") == {f"raw/{name}": content for name, content in OLD.items()}
    fetch(Request(source=str(archive), replace=True))
    assert tree("data") == {f"raw/{name}": content for name, content in PHOTOS.items()}


def test_an_empty_raw_is_filled(tmp_path: Path) -> None:
    Path("data/raw").mkdir(parents=True)
    fetch(Request(source=str(zipped(tmp_path / "new.zip", PHOTOS))))
    assert tree("data/raw") == PHOTOS


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_replacing_never_writes_through_the_links_of_dvc(tmp_path: Path, link: str) -> None:
    cache = write(tmp_path / "cache", {"ab/cdef": b"cached"})
    (cache / "ab/cdef").chmod(0o444)
    write(Path("data/raw"), {"metal/1.jpg": b"old"})
    Path("data/raw/glass").mkdir()
    getattr(Path("data/raw/glass/1.jpg"), link)(cache / "ab/cdef")
    Path("data/raw/metal/1.jpg").chmod(0o444)
    fetch(Request(source=str(zipped(tmp_path / "new.zip", PHOTOS)), replace=True))
    assert tree("data/raw") == PHOTOS
    assert tree(cache) == {"ab/cdef": b"cached"}


def test_replacing_a_linked_raw_keeps_what_it_pointed_to(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", OLD)
    Path("data").mkdir()
    Path("data/raw").symlink_to(elsewhere)
    fetch(Request(source=str(zipped(tmp_path / "new.zip", PHOTOS)), replace=True))
    assert not Path("data/raw").is_symlink()
    assert tree("data/raw") == PHOTOS
    assert tree(elsewhere) == OLD


def bad_archive(path: Path) -> Path:
    return zipped(path, PHOTOS | {"metal/../../evil.jpg": b"x"})


def cut_archive(path: Path) -> Path:
    tarred(path, PHOTOS)
    path.write_bytes(path.read_bytes()[:-40])
    return path


def flat_archive(path: Path) -> Path:
    return zipped(path, {"1.jpg": b"x"})


@pytest.mark.parametrize("make", [bad_archive, cut_archive, flat_archive])
def test_a_failed_replace_changes_nothing(tmp_path: Path, make: object) -> None:
    write(Path("data/raw"), OLD)
    archive = make(tmp_path / "bad")  # type: ignore[operator]
    with pytest.raises(ScraplineError):
        fetch(Request(source=str(archive), replace=True))
    assert tree(".") == {f"data/raw/{name}": content for name, content in OLD.items()}
    assert [path.name for path in Path("data").iterdir()] == ["raw"]


class Stopped(BaseException):
    """Ctrl-C or SIGTERM, as far as the code under it can tell."""


@pytest.mark.parametrize("replaced", [True, False])
@pytest.mark.parametrize(
    "where",
    ["fetch.command.unpack", "fetch.command.find_classes", "fetch.command.content_digest", "fetch.lists.Lists.write"],
)
def test_an_interruption_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, replaced: bool
) -> None:
    if replaced:
        write(Path("data/raw"), OLD)
        write_lists(Path("data/splits/mine"), {"train": ["paper/1.jpg"], "val": [], "test": []})
    before = tree(".")

    def stop(*args: object, **options: object) -> None:
        raise Stopped

    monkeypatch.setattr(f"scrapline.{where}", stop)
    archive, lists = zipped(tmp_path / "new.zip", PHOTOS), write_lists(tmp_path / "mine")
    with pytest.raises(Stopped):
        fetch(Request(source=str(archive), split=lists, replace=True))
    assert tree(".") == before
    assert not [path for path in Path().rglob(".*") if path.name.startswith(".")]


@pytest.mark.parametrize(("replaced", "renames"), [(True, 0), (True, 1), (True, 2), (True, 3), (False, 0), (False, 1)])
def test_an_interruption_among_the_last_renames_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replaced: bool, renames: int
) -> None:
    """With photos and lists to replace there are two renames aside and two into place; without, only the latter."""
    if replaced:
        write(Path("data/raw"), OLD)
        write_lists(Path("data/splits/mine"), {"train": ["paper/1.jpg"], "val": [], "test": []})
    before = tree(".")
    final = {"raw", "mine", ".raw.old", ".mine.old"}
    done = 0

    def stopping(original: object, source: object, target: object) -> object:
        nonlocal done
        at = Path(str(target))
        if at.name in final and at.parent.name in ("data", "splits"):
            if done == renames:
                done += 100
                raise Stopped
            done += 1
        return original(source, target)  # type: ignore[operator]

    monkeypatch.setattr(os, "replace", partial(stopping, os.replace))
    monkeypatch.setattr(Path, "replace", lambda self, target: stopping(os.rename, self, target))
    with pytest.raises(Stopped):
        fetch(
            Request(
                source=str(zipped(tmp_path / "new.zip", PHOTOS)), split=write_lists(tmp_path / "mine"), replace=True
            )
        )
    assert tree(".") == before


def test_what_a_killed_run_left_is_recovered_and_cleared(tmp_path: Path) -> None:
    write(Path("data/.raw.old"), OLD)
    write(Path("data/.fetch.partial"), {"unpacked/glass/9.jpg": b"x"})
    write(Path("data/.raw.partial"), {"glass/9.jpg": b"x"})
    archive = zipped(tmp_path / "new.zip", PHOTOS)
    with pytest.raises(ScraplineError, match="is not empty"):
        fetch(Request(source=str(archive)))
    assert tree("data/raw") == OLD
    write(Path("data/.raw.old"), {"glass/8.jpg": b"x"})
    fetch(Request(source=str(archive), replace=True))
    assert tree("data") == {f"raw/{name}": content for name, content in PHOTOS.items()}


# Split lists


def test_lists_come_in_with_the_photos(tmp_path: Path) -> None:
    lists = write_lists(tmp_path / "by-week.v2", {split: lines[::-1] for split, lines in LISTS.items()})
    fetched = fetch(Request(source=str(zipped(tmp_path / "new.zip", PHOTOS)), split=lists))
    assert fetched.lists == "by-week.v2"
    assert tree("data/splits") == {
        f"by-week.v2/{split}.txt": "".join(f"{line}\n" for line in lines).encode() for split, lines in LISTS.items()
    }


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (LISTS | {"val": ["glass/2.jpg"]}, "stands in both"),
        (LISTS | {"val": ["metal/9.jpg"]}, "1 photos that are not there, the first `metal/9.jpg`"),
        ({"train": ["glass/1.jpg"], "val": []}, "test.txt is not here"),
    ],
)
def test_wrong_lists_change_nothing(tmp_path: Path, lists: dict[str, list[str]], message: str) -> None:
    folder = write_lists(tmp_path / "mine", lists)
    with pytest.raises(ScraplineError, match=message):
        fetch(Request(source=str(zipped(tmp_path / "new.zip", PHOTOS)), split=folder))
    assert tree(".") == {}


def test_lists_of_the_same_name_are_replaced_only_when_told(tmp_path: Path) -> None:
    archive, folder = zipped(tmp_path / "new.zip", PHOTOS), write_lists(tmp_path / "mine")
    other = write_lists(Path("data/splits/mine"), {"train": ["paper/1.jpg"], "val": [], "test": []})
    with pytest.raises(ScraplineError, match=r"data/splits/mine holds other lists: .* --replace"):
        fetch(Request(source=str(archive), split=folder))
    (other / "val.txt").unlink()
    with pytest.raises(ScraplineError, match="data/splits/mine holds other lists"):
        fetch(Request(source=str(archive), split=folder))
    fetch(Request(source=str(archive), split=folder, replace=True))
    expected = tree("data/splits")
    shutil.rmtree("data/raw")
    fetch(Request(source=str(archive), split=Path("data/splits/mine")))
    assert tree("data/splits") == expected


# The web


@dataclass
class Site:
    """What a test's own server sends: path -> status, headers and body; `asked` counts the requests."""

    port: int = 0
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def add(self, path: str, body: bytes, *, status: int = 200, **headers: str) -> str:
        sent = {"Content-Length": str(len(body))} | {key.replace("_", "-"): value for key, value in headers.items()}
        self.pages[path] = (status, sent, body)
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def site() -> Iterator[Site]:
    content = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content.asked.append(self.path)
            status, headers, body = content.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    content.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield content
    server.shutdown()
    server.server_close()
    thread.join()


def one_line(caught: pytest.ExceptionInfo[ScraplineError], url: str) -> str:
    message = str(caught.value)
    assert url in message
    assert "\n" not in message
    assert len(message) < 300
    return message


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_from_the_web(tmp_path: Path, site: Site, pack: object) -> None:
    archive = pack(tmp_path / "a", {f"set/{name}": content for name, content in PHOTOS.items()})  # type: ignore[operator]
    url = site.add("/files/download?id=3", archive.read_bytes())
    fetch(Request(source=url))
    assert tree(".") == {f"data/raw/{name}": content for name, content in PHOTOS.items()}
    assert site.asked == ["/files/download?id=3"]


def test_the_hash_of_a_free_download_is_said(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(module, "info", said.append)
    body = zipped(tmp_path / "a.zip", PHOTOS).read_bytes()
    fetch(Request(source=site.add("/a.zip", body)))
    assert hashlib.sha256(body).hexdigest() in said[0]


def test_a_redirect_is_followed(tmp_path: Path, site: Site) -> None:
    real = site.add("/real.zip", zipped(tmp_path / "a.zip", PHOTOS).read_bytes())
    fetch(Request(source=site.add("/latest", b"", status=302, Location=real)))
    assert tree("data/raw") == PHOTOS


def test_a_pinned_download_is_verified_and_kept(tmp_path: Path, site: Site) -> None:
    body = zipped(tmp_path / "a.zip", PHOTOS).read_bytes()
    url, pin = site.add("/a.zip", body), hashlib.sha256(body).hexdigest()
    fetch(Request(source=url, sha256=pin.upper()))
    site.pages.clear()
    fetch(Request(source=url, sha256=pin, replace=True))
    assert tree("data/raw") == PHOTOS
    assert site.asked == ["/a.zip"]


def test_another_hash_than_pinned_changes_nothing(tmp_path: Path, site: Site) -> None:
    body = zipped(tmp_path / "a.zip", PHOTOS).read_bytes()
    url = site.add("/a.zip", body)
    with pytest.raises(ScraplineError, match="is not the file expected") as caught:
        fetch(Request(source=url, sha256="0" * 64))
    message = str(caught.value)
    assert url in message
    assert hashlib.sha256(body).hexdigest() in message
    assert tree(".") == {}
    assert tree(tmp_path / "cache") == {}


def test_a_local_archive_is_verified_too(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", PHOTOS)
    with pytest.raises(ScraplineError, match="has the SHA-256"):
        fetch(Request(source=str(archive), sha256="0" * 64))
    fetch(Request(source=str(archive), sha256=hashlib.sha256(archive.read_bytes()).hexdigest()))
    assert tree("data/raw") == PHOTOS


def test_a_refused_connection_is_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/a.zip"
        with pytest.raises(ScraplineError) as caught:
            fetch(Request(source=url))
    message = one_line(caught, url)
    assert "Connection refused" in message
    assert "check the address and the connection" in message
    assert tree(".") == {}


def test_a_download_that_breaks_off_is_one_line_after_retries(tmp_path: Path, site: Site) -> None:
    write(Path("data/raw"), OLD)
    url = site.add("/a.zip", b"PK\x03\x04" + b"x" * 1000, Content_Length="5000")
    with pytest.raises(ScraplineError) as caught:
        fetch(Request(source=url, replace=True))
    assert "broke off" in one_line(caught, url)
    assert len(site.asked) == 3
    assert tree(".") == {f"data/raw/{name}": content for name, content in OLD.items()}


def test_a_truncated_archive_of_unknown_length_is_damaged(tmp_path: Path, site: Site) -> None:
    url = site.add("/a.zip", b"")
    body = zipped(tmp_path / "a.zip", PHOTOS).read_bytes()[:-30]
    site.pages["/a.zip"] = (200, {}, body)
    with pytest.raises(ScraplineError, match="is damaged") as caught:
        fetch(Request(source=url))
    one_line(caught, url)
    assert tree(".") == {}


@pytest.mark.parametrize("status", [403, 404, 500])
def test_what_the_server_answers_is_said(site: Site, status: int) -> None:
    url = site.add("/a.zip", b"no", status=status)
    with pytest.raises(ScraplineError) as caught:
        fetch(Request(source=url))
    assert f"the server answers {status}" in one_line(caught, url)


def test_a_web_page_instead_of_an_archive(site: Site) -> None:
    url = site.add("/login", b"<!DOCTYPE html><html>sign in first</html>")
    with pytest.raises(ScraplineError, match="it is a web page") as caught:
        fetch(Request(source=url))
    one_line(caught, url)
    assert tree(".") == {}


def test_a_retry_that_succeeds_is_a_success(tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    body = zipped(tmp_path / "a.zip", PHOTOS).read_bytes()
    url = site.add("/a.zip", b"busy", status=503)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: site.add("/a.zip", body))
    fetch(Request(source=url))
    assert tree("data/raw") == PHOTOS
    assert len(site.asked) == 2


# The command


def test_the_command_tells_what_came_and_what_is_next(tmp_path: Path) -> None:
    import data_preparation

    with module.console.capture() as captured:
        result = CliRunner().invoke(
            data_preparation.app,
            [
                "fetch",
                str(zipped(tmp_path / "a.zip", PHOTOS | {"x.txt": b""})),
                "--split",
                str(write_lists(tmp_path / "w1")),
            ],
        )
    said = captured.get()
    assert result.exit_code == 0
    assert tree("data/raw") == PHOTOS
    for expected in ("glass", "4", "1 files lay in no class folder", digest_of(PHOTOS), "data/splits/w1"):
        assert expected in said
    assert "dvc add data/raw\n  cp recipes/own-photos.yaml params.yaml\n  dvc repro" in said


def test_the_command_passes_its_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    import data_preparation

    requests: list[Request] = []
    monkeypatch.setattr(module, "fetch", requests.append)
    monkeypatch.setattr(module, "print_summary", lambda fetched: None)
    options = ["--split", "s", "--archive", "a.zip", "--replace", "--sha256", "ab", "--max-gb", "1.5"]
    assert CliRunner().invoke(data_preparation.app, ["fetch", "trashnet", *options]).exit_code == 0
    assert CliRunner().invoke(data_preparation.app, ["fetch", "photos"]).exit_code == 0
    assert requests == [
        Request(
            source="trashnet",
            split=Path("s"),
            archive=Path("a.zip"),
            replace=True,
            sha256="ab",
            max_bytes=1_500_000_000,
        ),
        Request(source="photos", max_bytes=20_000_000_000),
    ]


@pytest.mark.parametrize("announced", [True, False])
def test_a_download_past_the_limit_is_broken_off(tmp_path: Path, site: Site, announced: bool) -> None:
    body = zipped(tmp_path / "x.zip", PHOTOS).read_bytes()
    address = site.add("/x.zip", body)
    if not announced:
        site.pages["/x.zip"] = (200, {}, body)
    with pytest.raises(ScraplineError, match=r"larger than 1e-07 GB and was broken off: allow more with --max-gb"):
        fetch(Request(source=address, max_bytes=100))
    assert tree("data") == {}


@pytest.mark.parametrize(("name", "reason"), [("a:b.jpg", "does not allow"), ("CON.jpg", "keeps for itself")])
def test_names_that_windows_cannot_hold_are_one_line_there(name: str, reason: str) -> None:
    assert reason in str(unsafe_name(f"glass/{name}", windows=True))
    assert unsafe_name(f"glass/{name}", windows=False) is None


def test_names_come_in_one_unicode_form(tmp_path: Path) -> None:
    nfd = unicodedata.normalize("NFD", "métal")
    fetch(Request(source=str(write(tmp_path / "photos", {f"{nfd}/1.jpg": b"m", "verre/1.jpg": b"v"}))))
    assert tree("data/raw") == {"métal/1.jpg": b"m", "verre/1.jpg": b"v"}
    archive = zipped(tmp_path / "x.zip", {f"{nfd}/2.jpg": b"m2", "verre/2.jpg": b"v2"})
    fetch(Request(source=str(archive), replace=True))
    assert tree("data/raw") == {"métal/2.jpg": b"m2", "verre/2.jpg": b"v2"}
