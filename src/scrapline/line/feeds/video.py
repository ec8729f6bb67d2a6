"""A video file, which runs in real time whether or not anybody looks."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import cv2

from scrapline.line.feeds.capture import capture, rgb
from scrapline.line.feeds.frame import FeedEnded, Frame
from scrapline.system.errors import ScraplineError

_ROUNDING = 1e-6  # of a frame: item 3 at 10 frames a second is due at 0.30000000000000004 s, or a little before 0.3


class Video:
    """The frames of a video that is `start_s` seconds on when the run starts. Nobody knows what they show."""

    waits = False
    ahead = True

    def __init__(self, path: Path, *, start_s: float = 0.0) -> None:
        self._path = path
        self._start_s = start_s
        self._fps = 0.0
        self._grabbed = 0  # frames that OpenCV has passed
        self._shown: Frame | None = None
        self._capture = capture()

    def __enter__(self) -> Self:
        """Open the video and go to its start. Raises ScraplineError where it is not there or no video."""
        if not self._path.is_file():
            raise ScraplineError(f"{self._path} is not here: name a video file")
        # An absolute path, since FFmpeg takes what stands before a colon for a protocol.
        self._capture.open(str(self._path.absolute()), cv2.CAP_FFMPEG)
        self._fps = self._capture.get(cv2.CAP_PROP_FPS)
        if not (self._capture.isOpened() and 0 < self._fps < math.inf):
            raise ScraplineError(f"{self._path} is no video that can be played: give an MP4 or another common format")
        self._skip_to(self._index(0.0))
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def take(self, number: int, due_s: float) -> Frame:
        """What the video shows `due_s` seconds after the start; FeedEnded when it is over.

        A frame that was shown before, to a line that asks more often than the video has frames, is no new evidence.
        """
        index = self._index(due_s)
        if self._shown is not None and index < self._grabbed:
            return replace(self._shown, group=self._shown.name)
        self._skip_to(index)
        found, picture = self._capture.read()
        if not found:
            raise FeedEnded
        self._grabbed += 1
        self._shown = Frame(f"{self._path.name}#{index}", rgb(picture))
        return self._shown

    def facts(self) -> dict[str, Any]:
        """Which video it is, its frames a second, and where in it the run began."""
        return {"kind": "video", "path": str(self._path), "fps": self._fps, "start_s": self._start_s}

    def _index(self, due_s: float) -> int:
        return math.floor((self._start_s + due_s) * self._fps + _ROUNDING)

    def _skip_to(self, index: int) -> None:
        """Pass the frames before this one, as far as there are any: no position can be trusted but by counting."""
        while self._grabbed < index and self._capture.grab():
            self._grabbed += 1
