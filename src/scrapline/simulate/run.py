"""The `run` command: the deployed file on a line of one's own, from any feed, into a folder below runs/."""

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from scrapline import paths
from scrapline.cli.config import Section
from scrapline.cli.console import info
from scrapline.line.belt import belt_of
from scrapline.line.figures import Figures
from scrapline.line.live import Limits
from scrapline.line.log import cut_to_whole_rows, read_rows
from scrapline.params import Count, Positive, Simulate
from scrapline.report.told import tell
from scrapline.runtime import deployed
from scrapline.runtime.engine import Engine, Tuning
from scrapline.simulate.session import Before, Outcome, work
from scrapline.simulate.settings import configured, job_of, model_file
from scrapline.system import signals
from scrapline.system.errors import ScraplineError
from scrapline.system.files import remove, sha256, write_json
from scrapline.system.outs import alone, replacing

RESULTS, RECORD, METRICS, PICTURE, BELT_PICTURE = "results.csv", "run.json", "metrics.json", "line.png", "belt.png"
_NAME = re.compile(r"[\w][\w.-]{0,99}")


class Record(Section):
    """What a run was started with, kept beside its log: `--resume` goes on with it."""

    feed: str
    items: Count | None
    seconds: Positive | None
    seed: int
    model: str
    model_sha256: str
    line: Simulate


@dataclass(frozen=True)
class Asked:
    """The options of the command line; None where one was not given."""

    feed: str | None = None
    items: int | None = None
    seconds: float | None = None
    items_per_s: float | None = None
    workers: int | None = None
    model: Path | None = None
    name: str | None = None


def run(asked: Asked) -> None:
    """Begin a run. Raises ScraplineError where its name is taken, or there is nothing to run."""
    name = asked.name or datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S")
    if not _NAME.fullmatch(name):
        raise ScraplineError(f"--name {name!r} must be one plain word of letters, digits, dots and dashes")
    folder = paths.RUNS / name
    if folder.exists():
        raise ScraplineError(f"{folder} is there already: choose another --name, or go on with --resume {name}")
    record = _record(asked)
    engine = deployed.load(Path(record.model), Tuning.THROUGHPUT)
    with alone(folder):
        folder.mkdir(parents=True)
        write_json(folder / RECORD, record.model_dump(mode="json"))
        try:
            _work(folder, record, engine, Before(Figures(engine.classes, belt_of(record.line).deadline_ms)))
        finally:
            if not (folder / RESULTS).exists():  # it never came to run
                remove(folder)


def resume(name: str, asked: Asked) -> None:
    """Go on with a run that was stopped or killed, with the item after the last in its log.

    It keeps what it was begun with: ScraplineError where anything else is asked for.
    """
    if asked != Asked():
        raise ScraplineError("--resume goes on with what the run was started with: give no other option")
    folder = paths.RUNS / name
    record = _read_record(folder)
    if sha256(Path(record.model)) != record.model_sha256:
        raise ScraplineError(f"{record.model} is another file than {folder} was begun with: begin a new run")
    engine = deployed.load(Path(record.model), Tuning.THROUGHPUT)
    with alone(folder):
        _work(folder, record, engine, _before(folder / RESULTS, engine, record))


def _record(asked: Asked) -> Record:
    line, seed = configured(items_per_s=asked.items_per_s, workers=asked.workers)
    model = model_file(asked.model)
    return Record(
        feed=asked.feed or str(paths.TEST_FRAMES),
        items=asked.items,
        seconds=asked.seconds,
        seed=seed,
        model=str(model),
        model_sha256=sha256(model),
        line=line,
    )


def _read_record(folder: Path) -> Record:
    try:
        return Record.model_validate_json((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        there = sorted(path.parent.name for path in paths.RUNS.glob(f"*/{RECORD}"))
        known = f"there are {', '.join(there[-5:])}" if there else "there is none"
        raise ScraplineError(f"{folder} is no run that could go on: {known}") from None
    except (ValidationError, ValueError):
        raise ScraplineError(f"{folder / RECORD} is damaged, or of another version: begin a new run") from None


def _before(log: Path, engine: Engine, record: Record) -> Before:
    """The figures of the rows so far, and where they end."""
    before = Before(Figures(engine.classes, belt_of(record.line).deadline_ms), segment=1)
    if not log.exists():
        return Before(before.figures)
    cut_to_whole_rows(log)
    for row in read_rows(log):
        before.figures.add(row)
        before.segment, before.next_item = row.segment + 1, row.item_id + 1
    return before


def _work(folder: Path, record: Record, engine: Engine, before: Before) -> None:
    """Run, and write the figures; a stop that was asked for is a good end."""
    line = record.line
    left_s = None if record.seconds is None else max(0.0, record.seconds - before.figures.seconds)
    if before.next_item:
        on_belt = round(belt_of(line).items_per_s * (belt_of(line).deadline_ms / 1000 + 1))
        info(
            f"{folder} goes on with item {before.next_item + 1}; of what was on the belt when it ended, at most "
            f"{on_belt} items, nothing was kept"
        )
    job = job_of(line, record.feed, record.seed, Limits(record.items, left_s))
    outcome = work(job, engine, folder / RESULTS, before)
    _write(folder, outcome, engine)
    if outcome.interrupted:
        signals.forgive()
    tell(outcome.metrics)
    written = ", ".join(str(folder / name) for name in (RESULTS, METRICS, PICTURE, BELT_PICTURE))
    info(f"written: {written}")


def _write(folder: Path, outcome: Outcome, engine: Engine) -> None:
    from scrapline.report import plots  # what draws takes longer to import than the line needs to start

    targets = [folder / name for name in (METRICS, PICTURE, BELT_PICTURE)]
    with replacing(*targets) as (metrics, picture, belt_picture):
        write_json(metrics, outcome.metrics)
        plots.line(picture, outcome.metrics, outcome.figures, engine.metadata.thresholds)
        plots.belt(belt_picture, outcome.kept, engine)
