"""A camera, or a stream over the network: the newest frame, as long as it is one of now."""

import os
import re
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Self

import cv2

from scrapline.cli.console import info
from scrapline.line.feeds.capture import capture, rgb
from scrapline.line.feeds.frame import Frame
from scrapline.line.feeds.gaps import Gaps
from scrapline.system.errors import ScraplineError

_TIMEOUT_S = 2.0  # for opening a stream, and for its next frame
_TIMEOUTS = [
    *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(1000 * _TIMEOUT_S)),
    *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * _TIMEOUT_S)),
]
_OPENING_S = 5.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0  # before it is opened again
_LIVED_S = 1.0  # a connection that gave frames for so long was no flicker


@dataclass(frozen=True, slots=True)
class _Picture:
    """As OpenCV gives it; the how many-th it is, from 1, and when it came, on the clock of time.monotonic."""

    bgr: cv2.typing.MatLike
    count: int
    came_s: float


class _Reader:
    """A thread that reads all that comes, since OpenCV would give old frames first, and reopens what is lost."""

    def __init__(self, source: int | str, name: str) -> None:
        self.newest: _Picture | None = None
        self.began, self.stop = threading.Event(), threading.Event()
        # A daemon, since a camera's driver may not come back from a read.
        self.thread = threading.Thread(target=self._keep_reading, daemon=True)
        self._source, self._name = source, name
        self._lost = False

    def _keep_reading(self) -> None:
        pause_s = 0.0
        while not self.stop.wait(pause_s):
            opened_s = time.monotonic()
            self._read_all()
            if self.newest is not None and not self._lost and not self.stop.is_set():
                self._lost = True
                tried_s = time.monotonic() - self.newest.came_s
                info(f"{self._name} is lost: no frame for {tried_s:.1f} s; it is opened again until it is back")
            lived = self.newest is not None and self.newest.came_s - opened_s > _LIVED_S
            pause_s = _FIRST_PAUSE_S if lived else min(max(2 * pause_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)

    def _read_all(self) -> None:
        """Open the source and read until nothing comes any more."""
        reading = capture()
        with suppress(cv2.error):
            if isinstance(self._source, int):
                reading.open(self._source)
            else:
                reading.open(self._source, cv2.CAP_FFMPEG, _TIMEOUTS)
            while not self.stop.is_set():
                found, bgr = reading.read()
                if not found:
                    break
                self._came(bgr)
        reading.release()

    def _came(self, bgr: cv2.typing.MatLike) -> None:
        now_s, before = time.monotonic(), self.newest
        self.newest = _Picture(bgr, before.count + 1 if before else 1, now_s)
        self.began.set()
        if self._lost and before is not None:
            self._lost = False
            info(f"{self._name} is back after {now_s - before.came_s:.1f} s")


class Stream:
    """The newest frame of a camera (its index) or a stream (its address); none where that is over `stale_s` old.

    Nobody knows what the frames show. A lost stream is opened again and again, for as long as it takes.
    """

    waits = False
    ahead = False

    def __init__(self, source: int | str, *, stale_s: float = 1.0) -> None:
        self._camera = isinstance(source, int)
        self._address = str(source) if isinstance(source, int) else without_secrets(source)
        self._name = f"camera {source}" if isinstance(source, int) else self._address
        self._reader = _Reader(source, self._name)
        self._stale_s = stale_s
        self._count = 0
        self._given = Frame("", b"")
        self._gaps = Gaps()

    def __enter__(self) -> Self:
        """Wait for the first frame. Raises ScraplineError where none comes within a few seconds."""
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
        try:
            self._reader.thread.start()
            if not self._reader.began.wait(_OPENING_S):
                what = "number" if self._camera else "address"
                raise ScraplineError(f"{self._name} gives no picture: check that it is on, and its {what}")
        except BaseException:  # a stop, too, after which nobody leaves what was not entered
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.stop.set()
        if self._reader.thread.is_alive():
            self._reader.thread.join(_TIMEOUT_S + _FIRST_PAUSE_S)

    def take(self, number: int, due_s: float) -> Frame | None:
        """The newest frame, or None where it is too old, which is counted as a gap.

        To a line that asks more often than frames come, one comes again, and is no new evidence.
        """
        newest = self._reader.newest
        if newest is None or time.monotonic() - newest.came_s > self._stale_s:
            self._gaps.missed(due_s)
            return None
        self._gaps.captured(due_s)
        if newest.count == self._count:
            return replace(self._given, group=self._given.name)
        self._count = newest.count
        self._given = Frame(f"stream#{newest.count}", rgb(newest.bgr))
        return self._given

    def facts(self) -> dict[str, Any]:
        """What was looked at, without a password in its address, and when there was nothing to see."""
        return {"kind": "camera" if self._camera else "stream", "address": self._address, **self._gaps.facts()}


def without_secrets(address: str) -> str:
    """An address without user and password, and without a query, which may hold them too."""
    return re.sub(r"^([^:]*://)(?:[^/?#]*@)?([^?#]*).*$", r"\1\2", address, flags=re.DOTALL)
