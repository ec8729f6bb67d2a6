"""Which feed a word on the command line means."""

from pathlib import Path

from scrapline.line.feeds.folder import Folder
from scrapline.line.feeds.frame import Feed
from scrapline.line.feeds.stream import Stream, without_secrets
from scrapline.line.feeds.video import Video
from scrapline.system.errors import ScraplineError

CHOICES = "`demo`, a folder of frames, a video file, a camera's number, or a stream's address (http://, rtsp://)"


def open_feed(
    text: str,
    *,
    classes: list[str],
    mix: dict[str, float] | None = None,
    seed: int = 0,
    first: int = 0,
    start_s: float = 0.0,
    strict: bool = False,
) -> Feed:
    """The feed that `text` means, of a run that begins with item `first`, and `start_s` seconds into a video.

    `classes` are the model's; `mix` gives the share of each class on the belt; `strict` refuses a folder with others.
    Raises ScraplineError where there is no such feed, or not with this mix.
    """
    # The words come first: `./demo` and `./0` are folders of that name.
    if text == "demo":
        from scrapline.line.feeds.rendered import Rendered  # the renderer takes half a second to load

        return Rendered(classes, seed=seed, mix=mix, first=first)
    if text.isdecimal():
        return Stream(int(_unmixed(text, mix)))
    if "://" in text:
        return Stream(_unmixed(text, mix))
    path = Path(text)
    if text and path.is_dir():
        return Folder(path, classes, seed=seed, mix=mix, strict=strict)
    if path.is_file():
        return Video(Path(_unmixed(text, mix)), start_s=start_s)
    raise ScraplineError(f"the feed `{text}` is not here: give {CHOICES}")


def _unmixed(text: str, mix: dict[str, float] | None) -> str:
    if mix:
        raise ScraplineError(
            f"the feed `{without_secrets(text)}` shows what comes: a mix is for `demo` and for folders of classes"
        )
    return text
