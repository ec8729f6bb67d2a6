"""OpenCV's captures of videos, cameras and streams: without a word on stderr, their pictures as RGB."""

import os

import cv2
import numpy as np

from scrapline.data.imaging import Pixels

# Read once, when FFmpeg is first used. What it has to say of a damaged stream is no news to anyone.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def capture() -> cv2.VideoCapture:
    """A capture that has still to be opened."""
    return cv2.VideoCapture()


def rgb(picture: cv2.typing.MatLike) -> Pixels:
    """OpenCV's BGR picture as RGB, uint8 [H, W, 3]."""
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), dtype=np.uint8)
