import io
import time
from collections.abc import Callable

import numpy as np
import pytest

import mjpeg
from scrapline.cli.console import console
from scrapline.line.feeds import stream
from scrapline.line.feeds.frame import Frame
from scrapline.line.feeds.stream import Stream
from scrapline.system.errors import ScraplineError


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    text = io.StringIO()
    monkeypatch.setattr(console, "file", text)
    return text


def until(done: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for it, for a long while at most."""
    end_s = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def colour(frame: Frame | None) -> list[float]:
    assert frame is not None
    assert isinstance(frame.data, np.ndarray)
    assert (frame.data.shape, frame.data.dtype) == ((48, 64, 3), np.uint8)
    return frame.data.reshape(-1, 3).mean(0).tolist()


def count(frame: Frame | None) -> int:
    assert frame is not None
    return int(frame.name.removeprefix("stream#"))


def test_the_newest_frame_comes_in_its_colours(capfd: pytest.CaptureFixture[str]) -> None:
    with mjpeg.serving(fps=50) as camera, Stream(camera.address) as feed:
        first = feed.take(0, 0.0)
        sent = camera.sent
        until(lambda: camera.sent >= sent + 30)
        frame = feed.take(1, 0.6)
        red, green, blue = colour(frame)
    assert abs(red - mjpeg.RED) < 3
    assert abs(green - mjpeg.GREEN) < 3
    assert count(frame) - count(first) > 20, "what nobody looked at is gone"
    assert abs(blue - mjpeg.blue(count(frame) - 1)) < 3, "the name counts the frames that came"
    assert (frame.true_class, frame.group) == ("", "")
    assert capfd.readouterr() == ("", "")


def test_a_frame_that_comes_again_is_no_new_evidence() -> None:
    with mjpeg.serving(fps=50) as camera, Stream(camera.address, stale_s=60) as feed:
        camera.stalled.set()
        time.sleep(0.2)  # what is on its way arrives
        first, second = feed.take(0, 0.0), feed.take(1, 0.01)
        sent = camera.sent
        camera.stalled.clear()
        until(lambda: camera.sent > sent + 5)
        third = feed.take(2, 0.02)
    assert first is not None
    assert second is not None
    assert third is not None
    assert (first.group, second.group) == ("", first.name)
    assert second.name == first.name
    assert second.data is first.data
    assert third.group == ""
    assert third.name != first.name


def test_a_stall_is_a_gap_and_no_frame_is_given_for_a_new_one() -> None:
    with mjpeg.serving(fps=50) as camera, Stream(camera.address, stale_s=0.2) as feed:
        assert feed.take(0, 10.0) is not None
        camera.stalled.set()
        time.sleep(0.5)
        assert [feed.take(number, 10.0 + number) for number in (1, 2, 3)] == [None] * 3
        sent = camera.sent
        camera.stalled.clear()
        until(lambda: camera.sent > sent + 5)
        assert feed.take(4, 14.5) is not None
        assert feed.take(5, 15.0) is not None
        facts = feed.facts()
    assert facts == {
        "kind": "stream",
        "address": camera.address,
        "gaps": [{"at_s": 11.0, "seconds": 3.5, "items_missed": 3}],
        "gaps_in_all": 1,
        "gap_seconds": 3.5,
        "items_missed": 3,
    }


def test_a_stream_that_is_cut_twice_comes_back_twice(said: io.StringIO, capfd: pytest.CaptureFixture[str]) -> None:
    with mjpeg.serving(fps=50, lives=[20, 20]) as camera, Stream(camera.address) as feed:
        until(lambda: count(feed.take(0, 0.0)) > 45, 15)
        assert camera.connections == 3
    lost, back, lost_again, back_again = said.getvalue().splitlines()
    for line in (lost, lost_again):
        assert line.startswith(f"{camera.address} is lost: no frame for ")
    for line in (back, back_again):
        assert line.startswith(f"{camera.address} is back after ")
    assert capfd.readouterr() == ("", "")


def test_a_stream_that_hangs_is_opened_anew(said: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_TIMEOUTS", [*stream._TIMEOUTS[:3], 300])
    with mjpeg.serving(fps=50) as camera, Stream(camera.address, stale_s=0.2) as feed:
        camera.stalled.set()
        until(lambda: camera.connections > 1)
        assert "is lost" in said.getvalue()
        assert "is back after" not in said.getvalue()
        assert feed.take(0, 0.0) is None
        camera.stalled.clear()
        until(lambda: feed.take(1, 1.0))
    assert len(said.getvalue().splitlines()) == 2


def test_it_is_left_soon_while_nothing_comes() -> None:
    with mjpeg.serving(fps=50) as camera:
        with Stream(camera.address):
            camera.stalled.set()
            time.sleep(0.1)
            began_s = time.monotonic()
        assert time.monotonic() - began_s < 6


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "http://operator:secret@127.0.0.1:9/belt?token=secret",
            "http://127.0.0.1:9/belt gives no picture: .* address",
        ),
        ("rtsp://operator:se@cret@127.0.0.1:9/belt", "rtsp://127.0.0.1:9/belt gives no picture: .* address"),
        (99, "camera 99 gives no picture: .* number"),
    ],
)
def test_what_gives_no_picture_is_refused_in_one_line(
    source: int | str, message: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stream, "_OPENING_S", 0.3)
    feed = Stream(source)
    with pytest.raises(ScraplineError, match=f"^{message}$") as caught, feed:
        pass
    assert not feed._reader.thread.is_alive()
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_passwords_are_never_told(said: io.StringIO) -> None:
    with mjpeg.serving(fps=50, lives=[3]) as camera:
        with Stream(camera.address.replace("://", "://operator:se@cret@") + "?token=secret#secret") as feed:
            until(lambda: "is back after" in said.getvalue())
        told = f"{feed.facts()}{said.getvalue()}"
    assert "cret" not in told
    assert "operator" not in told
    assert feed.facts()["address"] == camera.address
    assert (Stream(3).facts()["kind"], Stream(3).facts()["address"]) == ("camera", "3")
