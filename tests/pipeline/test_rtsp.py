"""A line that looks at a real RTSP server, where Debian's packages for one are installed.

apt install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good
"""

import socket
import subprocess
import time
from pathlib import Path

import pytest

import colours
from pipeline.test_line_faults import metrics, rows, run

SYSTEM_PYTHON = Path("/usr/bin/python3")  # Debian's bindings are for its own Python
SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
if len(sys.argv) < 2:
    sys.exit()
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_shared(True)
factory.set_launch(
    "( videotestsrc is-live=true pattern=green ! video/x-raw,width=64,height=48,framerate=25/1,format=I420 "
    "! jpegenc ! rtpjpegpay name=pay0 pt=26 )"
)
server.get_mount_points().add_factory("/belt", factory)
server.attach(None)
GLib.MainLoop().run()
"""


def has_a_server() -> bool:
    if not SYSTEM_PYTHON.exists():
        return False
    return subprocess.run([SYSTEM_PYTHON, "-c", SERVER], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not has_a_server(), reason="needs Debian's GStreamer RTSP server")
def test_a_stream_over_rtsp_is_sorted(tmp_path: Path) -> None:
    colours.model(tmp_path / "model.onnx")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([SYSTEM_PYTHON, "-c", SERVER, str(port)])
    try:
        time.sleep(2)
        run(
            tmp_path,
            "--feed",
            f"rtsp://127.0.0.1:{port}/belt",
            "--seconds",
            "5",
            "--items-per-s",
            "10",
            "--name",
            "rtsp",
        )
    finally:
        server.kill()
        server.wait()
    found = rows(tmp_path, "rtsp")
    assert len(found) + metrics(tmp_path, "rtsp")["feed"]["items_missed"] == 50
    assert len(found) > 30
    assert {row["predicted_class"] for row in found} == {"green"}
