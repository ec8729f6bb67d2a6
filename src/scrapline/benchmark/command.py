"""The `benchmark` command: which engines, on which frames, and where the findings go."""

from functools import partial
from pathlib import Path

from scrapline import paths
from scrapline.benchmark import contenders, report, rounds
from scrapline.benchmark.contenders import Models
from scrapline.cli.console import info
from scrapline.data.imaging import ImageError
from scrapline.runtime import classify
from scrapline.runtime.engine import Engine
from scrapline.system.errors import ScraplineError
from scrapline.system.files import require, write_json
from scrapline.system.outs import replacing


def benchmark(images: list[Path] | None, turns: int, frames_a_turn: int, folder: Path | None) -> None:
    """Measure on `images` (data/test_frames where there are none), print the table, keep the findings in `folder`.

    Raises ScraplineError where a model, the test split or every frame is missing.
    """
    engine = Engine.load(paths.ONNX_INT8)
    models = Models(paths.ONNX_INT8, require(paths.ONNX), require(paths.CHECKPOINT))
    require(paths.MANIFEST)
    names = contenders.available()
    if len(names) < len(contenders.TITLES):
        info("OpenVINO is not installed and is left out: pip install -r requirements-benchmark.txt")
    frames = readable(engine, classify.find_images(images or [paths.TEST_FRAMES]))
    builds = {name: partial(contenders.contenders_of, name, models) for name in names}
    measured = rounds.run(builds, frames, turns, frames_a_turn, accuracy=True)
    found = report.content(rounds.figures(measured), engine, len(frames), turns, frames_a_turn)
    report.show(found)
    if folder is not None:
        names_of_files = ("benchmark.json", "benchmark.md", "benchmark.png")
        with replacing(*(folder / name for name in names_of_files)) as (as_json, table, chart):
            write_json(as_json, found)
            table.write_text(report.markdown(found), encoding="utf-8", newline="\n")
            report.chart(found, chart)
        info(f"kept in {folder}")


def readable(engine: Engine, images: list[Path]) -> list[bytes]:
    """The bytes of those that can be read; ScraplineError where none can."""
    frames = []
    for path in images:
        data = path.read_bytes()
        try:
            engine.preprocess(data)
        except ImageError as error:
            info(f"{path} is left out: {error}")
            continue
        frames.append(data)
    if not frames:
        raise ScraplineError("none of these frames can be read")
    return frames
