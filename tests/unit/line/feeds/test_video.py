from pathlib import Path

import cv2
import numpy as np
import pytest

from scrapline.line.feeds.frame import FeedEnded
from scrapline.line.feeds.video import Video
from scrapline.system.errors import ScraplineError

FPS = 10
FRAMES = 20


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds, in which the red of frame n is 12 n; the blue stays at 60."""
    path = tmp_path_factory.mktemp("video") / "belt: 1.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FPS, (64, 48))
    assert writer.isOpened()
    for number in range(FRAMES):
        writer.write(np.full((48, 64, 3), (60, 0, 12 * number), np.uint8))
    writer.release()
    return path


def test_an_item_shows_what_the_video_shows_when_it_is_due(belt: Path) -> None:
    with Video(belt) as feed:
        for due_s, index in [
            (0.0, 0),
            (0.1, 1),
            (3 * 0.1, 3),
            (0.55, 5),
            (0.7, 7),
            (sum([0.1] * 10), 10),
            (1.2, 12),
            (1.99, 19),
        ]:
            frame = feed.take(0, due_s)
            assert (frame.name, frame.true_class, frame.group) == (f"belt: 1.mp4#{index}", "", "")
            assert isinstance(frame.data, np.ndarray)
            assert (frame.data.shape, frame.data.dtype) == ((48, 64, 3), np.uint8)
            red, _, blue = frame.data.reshape(-1, 3).mean(0).tolist()
            assert abs(red - 12 * index) < 6, index
            assert abs(blue - 60) < 6


def test_a_colon_in_a_name_is_no_protocol(belt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(belt.parent)
    belt.with_name("http:belt.mp4").write_bytes(belt.read_bytes())
    with Video(Path("http:belt.mp4")) as feed:
        assert feed.take(0, 0.0).name == "http:belt.mp4#0"


def test_a_frame_that_is_shown_again_is_no_new_evidence(belt: Path) -> None:
    with Video(belt) as feed:
        frames = [feed.take(number, 0.04 * number) for number in range(6)]
    assert [frame.name[-2:] for frame in frames] == ["#0", "#0", "#0", "#1", "#1", "#2"]
    assert [frame.group for frame in frames] == ["", *[frames[0].name] * 2, "", frames[3].name, ""]
    assert frames[2].data is frames[0].data


@pytest.mark.parametrize("due_s", [2.0, 60.0])
def test_it_ends(due_s: float, belt: Path) -> None:
    with Video(belt) as feed:
        assert feed.take(0, 1.9).name.endswith("#19")
        for number in (1, 2):
            with pytest.raises(FeedEnded):
                feed.take(number, due_s)


def test_a_later_run_begins_later_in_the_video(belt: Path) -> None:
    with Video(belt, start_s=1.0) as feed:
        first, second = feed.take(500, 0.0), feed.take(501, 0.25)
    assert [frame.name[-3:] for frame in (first, second)] == ["#10", "#12"]
    assert isinstance(first.data, np.ndarray)
    assert abs(first.data[..., 0].mean() - 120) < 6
    with Video(belt, start_s=9.0) as feed, pytest.raises(FeedEnded):
        feed.take(0, 0.0)


def test_what_is_no_video_is_refused_in_one_line_and_opencv_says_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    for name, message in [("notes.mp4", "no video"), ("empty.mp4", "no video"), ("gone.mp4", "not here")]:
        with pytest.raises(ScraplineError, match=message) as caught, Video(tmp_path / name):
            pass
        assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_a_video_cut_short_ends_without_a_word(belt: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An AVI, whose pictures stand before their index."""
    path = tmp_path / "belt.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (64, 48))
    for seed in range(FRAMES):
        writer.write(np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8))
    writer.release()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    capfd.readouterr()
    shown = 0
    with Video(path) as feed, pytest.raises(FeedEnded):
        for number in range(FRAMES):
            feed.take(number, number / FPS)
            shown += 1
    assert 5 < shown < 15
    assert capfd.readouterr() == ("", "")


def test_facts(belt: Path) -> None:
    with Video(belt, start_s=0.5) as feed:
        pass
    assert feed.facts() == {"kind": "video", "path": str(belt), "fps": 10.0, "start_s": 0.5}
