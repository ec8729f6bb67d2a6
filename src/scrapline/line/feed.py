"""The camera: test frames that arrive at a steady rate, in real time, whether or not the line keeps up."""

import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

from scrapline.data.imaging import IMAGE_SUFFIXES
from scrapline.system.errors import ScraplineError

# Frames that wait for the line; a camera overwrites what is not fetched in time.
BUFFER_FRAMES = 64


@dataclass(frozen=True, slots=True)
class Frame:
    """One item under the camera. `arrived_s` is on the clock of time.perf_counter; `data` None: it was dropped."""

    item_id: int
    path: str
    true_class: str
    captured_at: datetime
    arrived_s: float
    data: bytes | None


def find_frames(folder: Path, classes: list[str]) -> list[Path]:
    """The frames `<class>/<file>` in a folder, mixed by file name so that the classes alternate as on a belt.

    Raises ScraplineError where there are none, or one of a class that is not the model's.
    """
    found = [path for path in folder.glob("*/*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
    if not found:
        raise ScraplineError(f"{folder} holds no frames: run `dvc repro prepare` (or `dvc pull`)")
    if foreign := sorted({path.parent.name for path in found} - set(classes)):
        raise ScraplineError(f"{folder} holds class `{foreign[0]}`, which the model does not know: run `dvc repro`")
    return sorted(found, key=lambda path: (path.name, path.parent.name))


def arrivals(frames: list[Path], items: int, items_per_s: float) -> Iterator[Frame]:
    """Yield `items` frames, the list over and over, as they arrive; the camera runs on while the consumer works.

    When the buffer is full a frame is dropped and comes without data. Leaving early stops the camera.
    """
    buffer: queue.Queue[Frame] = queue.Queue(BUFFER_FRAMES)
    dropped: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    stop = threading.Event()

    def capture() -> None:
        start = time.perf_counter()
        for number, path in enumerate(islice(cycle(frames), items)):
            arrives = start + number / items_per_s
            if stop.wait(max(0.0, arrives - time.perf_counter())):
                return
            name = f"{path.parent.name}/{path.name}"
            now = datetime.now(UTC)
            try:
                data = path.read_bytes()
            except OSError:
                data = b""  # the line finds it unreadable
            try:
                buffer.put_nowait(Frame(number, name, path.parent.name, now, arrives, data))
            except queue.Full:
                dropped.put(Frame(number, name, path.parent.name, now, arrives, None))

    camera = threading.Thread(target=capture, daemon=True)
    camera.start()
    try:
        for _ in range(items):
            yield _next(buffer, dropped)
    finally:
        stop.set()
        camera.join()


def _next(buffer: queue.Queue[Frame], dropped: queue.SimpleQueue[Frame]) -> Frame:
    try:
        return dropped.get_nowait()
    except queue.Empty:
        return buffer.get()
