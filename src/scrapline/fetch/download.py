"""Get one file from the web: progress, retries, and one line when it does not come."""

import re
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import pooch
import requests
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from scrapline.cli.console import console
from scrapline.fetch.intake import MAX_BYTES
from scrapline.system.errors import ScraplineError

RETRIES = 2
TIMEOUT_S = 30
CHUNK = 1 << 16


class ByteBar:
    """A progress bar that counts bytes; pooch drives one too, hence `update`, `reset` and `close`."""

    def __init__(self, description: str, *, max_bytes: int | None = None) -> None:
        columns = (
            TextColumn("{task.description:<28}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
        )
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console)
        self._task = self._progress.add_task(description, total=None)
        self._total = 0
        self._done = 0
        self._max_bytes = max_bytes

    def __enter__(self) -> "ByteBar":
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    @property
    def total(self) -> int:
        """The bytes to come; 0 where nobody knows. Setting it starts the count anew."""
        return self._total

    @total.setter
    def total(self, value: int) -> None:
        self._total = value
        self._done = 0
        self._check(value)
        self._progress.reset(self._task, total=value or None)

    def at(self, done: int) -> None:
        """Show that so many bytes are done."""
        self._progress.update(self._task, completed=done)

    def update(self, count: int) -> None:
        """Show that so many more bytes are done."""
        self._done += count
        self._check(self._done)
        self._progress.advance(self._task, count)

    def _check(self, count: int) -> None:
        if self._max_bytes is not None and count > self._max_bytes:
            raise ScraplineError(
                f"the download is larger than {self._max_bytes / 1e9:g} GB and was broken off: allow more with "
                "--max-gb if that is meant"
            )

    def reset(self) -> None:
        """Start the count anew."""
        self._done = 0
        self._progress.reset(self._task)

    def close(self) -> None:
        """Nothing: the context ends the bar."""


def check_url(url: str) -> None:
    """Raise ScraplineError unless the address is http or https and names a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ScraplineError(f"{url} is no valid address") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ScraplineError(f"{url}: only http and https addresses are fetched; download it and pass the local file")
    if not parts.hostname:
        raise ScraplineError(f"{url} is no valid address: it names no host")


def check_sha256(value: str) -> str:
    """The hash in lower case; ScraplineError unless it is 64 hex digits."""
    if not re.fullmatch("[0-9a-fA-F]{64}", value):
        raise ScraplineError(f"--sha256 {value} is no SHA-256: it has 64 hexadecimal digits")
    return value.lower()


def download(
    url: str, folder: Path | None, *, sha256: str | None = None, otherwise: str, max_bytes: int = MAX_BYTES
) -> Path:
    """Download a file; with a known hash it is verified, kept in the user's cache, and not downloaded twice.

    Without one it is downloaded every time, into `folder`. `otherwise` ends the ScraplineError of a failure: it says
    how to do without the network. No more than `max_bytes` are taken.
    """
    check_url(url)
    name = sha256 or "download"
    pooch.get_logger().setLevel("WARNING")
    known_hash = f"sha256:{sha256}" if sha256 else None
    keeper = pooch.create(
        path=pooch.os_cache("scrapline") if sha256 else folder,
        base_url="",
        registry={name: known_hash},
        urls={name: url},
        retry_if_failed=RETRIES,
    )
    try:
        with ByteBar(f"downloading {Path(urlsplit(url).path).name}"[:40], max_bytes=max_bytes) as bar:
            downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT_S)
            return Path(keeper.fetch(name, downloader=downloader))
    except (requests.RequestException, UnicodeError) as error:
        raise ScraplineError(f"{url} cannot be downloaded ({_reason(error)}): {otherwise}") from None
    except ValueError as error:
        got = re.search("but got ([0-9a-f]+)", str(error))
        raise ScraplineError(
            f"{url} is not the file expected: its SHA-256 is {got[1] if got else 'another'}, not {sha256}; nothing was "
            "kept. Check the address and the hash, or download it again"
        ) from None


def _reason(error: BaseException) -> str:
    """What went wrong in a few words: the server's answer, or the innermost cause."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code} {response.reason}".strip()
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT_S} s"
    root = error
    while (inner := root.__cause__ or root.__context__) is not None:
        root = inner
    if strerror := getattr(root, "strerror", None):
        return str(strerror)
    return "the connection broke off" if isinstance(error, requests.exceptions.ChunkedEncodingError) else str(root)
