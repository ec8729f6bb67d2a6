"""The `tradeoff` command: the experiments' models, timed in turns on this machine."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from scrapline import paths
from scrapline.benchmark import rounds
from scrapline.benchmark.command import readable
from scrapline.benchmark.contenders import scrapline
from scrapline.cli.console import info
from scrapline.runtime import classify
from scrapline.runtime.engine import Engine
from scrapline.studies.names import folder_of
from scrapline.studies.tradeoff import report
from scrapline.studies.tradeoff.experiments import collect
from scrapline.system.files import write_json
from scrapline.system.outs import replacing

_FILES = ("tradeoff.json", "tradeoff.md", "tradeoff.png")


def tradeoff(commits: Sequence[str], *, name: str, turns: int, frames_a_turn: int) -> None:
    """Time the models of all experiments on data/test_frames, and write the table and the plot.

    Raises ScraplineError for a name that is no plain one, and where there is nothing to compare or to time them on.
    """
    folder = folder_of(name, _FILES)
    images = classify.find_images([paths.TEST_FRAMES])
    with tempfile.TemporaryDirectory() as models, replacing(folder) as (results,):
        found = collect(commits, Path(models))
        frames = readable(Engine.load(found[0].file), images)
        builds = {each.name: partial(scrapline, each.file) for each in found}
        measured = rounds.run(builds, frames, turns, frames_a_turn, accuracy=False)
        content = report.content(found, measured, len(frames), turns)
        write_json(results / "tradeoff.json", content)
        (results / "tradeoff.md").write_text(report.markdown(content), encoding="utf-8", newline="\n")
        report.plot(content, results / "tradeoff.png")
    report.show(content)
    info(f"kept in {folder}, with a plot")
