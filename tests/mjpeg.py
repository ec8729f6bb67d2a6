"""A camera on the network: MJPEG over HTTP, which can stall and cut its connections."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

from conftest import jpeg

RED, GREEN = 200, 40
_BLUES = 200


def blue(number: int) -> int:
    """The level by which picture `number` is told from its neighbours."""
    return number % _BLUES


class Camera:
    """Serves pictures of one colour each, `fps` a second, numbered from 0 over all connections.

    The first connections are cut after `lives` pictures each, all later ones live on; while `stalled` is set they stay
    open and give nothing.
    """

    def __init__(self, fps: float, lives: list[int]) -> None:
        self.fps = fps
        self.lives = list(lives)
        self.stalled, self.closing = threading.Event(), threading.Event()
        self.connections = 0
        self.sent = 0
        self.address = ""

    def serve_one(self, stream: object) -> None:
        self.connections += 1
        life = self.lives.pop(0) if self.lives else None
        while not self.closing.is_set() and life != 0:
            if not self.stalled.is_set():
                picture = jpeg(Image.new("RGB", (64, 48), (RED, GREEN, blue(self.sent))), quality=95, subsampling=0)
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                stream.write(head.encode() + picture + b"\r\n")  # type: ignore[attr-defined]
                self.sent += 1
                life = None if life is None else life - 1
            time.sleep(1 / self.fps)


@contextmanager
def serving(*, fps: float = 50, lives: list[int] | None = None) -> Iterator[Camera]:
    """A camera at http://127.0.0.1 on a free port."""
    camera = Camera(fps, lives or [])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with suppress(OSError):  # whoever looked has gone
                camera.serve_one(self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    camera.address = f"http://127.0.0.1:{server.server_address[1]}/belt"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield camera
    finally:
        camera.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
