from pathlib import Path

import pytest

from scrapline.line.feeds.choose import open_feed
from scrapline.line.feeds.folder import Folder
from scrapline.line.feeds.rendered import Rendered
from scrapline.line.feeds.stream import Stream
from scrapline.line.feeds.video import Video
from scrapline.system.errors import ScraplineError

MATERIALS = ["glass", "metal"]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a folder of frames, a file, and folders that are called as other feeds are."""
    for folder in ("frames", "demo", "0"):
        (tmp_path / folder / "glass").mkdir(parents=True)
        (tmp_path / folder / "glass" / "a.jpg").write_bytes(b"a")
    (tmp_path / "belt.mp4").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "kind", "facts"),
    [
        ("demo", Rendered, {"kind": "demo", "seed": 8}),
        ("./demo", Folder, {"kind": "folder", "path": "demo"}),
        ("0", Stream, {"kind": "camera", "address": "0"}),
        ("./0", Folder, {"kind": "folder", "path": "0"}),
        ("rtsp://10.0.0.7/belt", Stream, {"kind": "stream", "address": "rtsp://10.0.0.7/belt"}),
        ("http://u:p@10.0.0.7/belt", Stream, {"kind": "stream", "address": "http://10.0.0.7/belt"}),
        ("frames", Folder, {"kind": "folder", "frames": 1, "mix": "as in the folder"}),
        ("belt.mp4", Video, {"kind": "video", "path": "belt.mp4", "start_s": 2.5}),
    ],
)
def test_a_word_names_a_feed(text: str, kind: type, facts: dict[str, object]) -> None:
    feed = open_feed(text, classes=MATERIALS, seed=8, start_s=2.5)
    assert isinstance(feed, kind)
    assert facts.items() <= feed.facts().items()


@pytest.mark.parametrize(("text", "waits"), [("demo", True), ("0", False), ("frames", False), ("belt.mp4", False)])
def test_the_belt_waits_for_drawn_frames_alone(text: str, waits: bool) -> None:
    assert open_feed(text, classes=MATERIALS).waits is waits


@pytest.mark.parametrize("text", ["", "nowhere", "camera", "-1", "frames/none"])
def test_anything_else_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(ScraplineError, match=r"`demo`, a folder of frames, a video file, .*rtsp://") as caught:
        open_feed(text, classes=MATERIALS)
    assert f"`{text}`" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["0", "rtsp://10.0.0.7/belt", "belt.mp4"])
def test_a_mix_is_for_feeds_that_can_choose(text: str) -> None:
    with pytest.raises(ScraplineError, match="a mix is for `demo` and for folders"):
        open_feed(text, classes=MATERIALS, mix={"glass": 1.0})


def test_mix_seed_and_strictness_reach_the_feed(here: Path) -> None:
    for text in ("frames", "demo"):
        assert open_feed(text, classes=MATERIALS, mix={"glass": 4}).facts()["shares"] == {"glass": 1.0}
    with pytest.raises(ScraplineError, match="class `glass`, which the model does not know"):
        open_feed("frames", classes=["metal", "paper"], strict=True)
    for number in range(50):
        (here / "frames" / "glass" / f"{number}.jpg").write_bytes(b"")
    first, second = (
        [open_feed("frames", classes=MATERIALS, mix={"glass": 1}, seed=seed).take(n, 0.0) for n in range(20)]
        for seed in (1, 2)
    )
    assert first != second


def test_the_belt_is_drawn_from_the_first_item_on() -> None:
    with open_feed("demo", classes=MATERIALS, first=7) as feed:
        frame = feed.take(7, 0.0)
    assert frame is not None
    assert frame.name == "demo#7"
