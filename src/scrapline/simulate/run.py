"""The `run` command: the deployed file on a line of one's own, from any feed, into a folder below runs/."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scrapline import paths
from scrapline.cli.console import info
from scrapline.line.belt import belt_of
from scrapline.line.ending import Limits
from scrapline.report.told import tell
from scrapline.runtime import deployed
from scrapline.runtime.engine import Engine, Tuning
from scrapline.simulate.runs import Record, RunFolder, checked_seconds, is_over, seconds_left
from scrapline.simulate.session import Before, work
from scrapline.simulate.settings import configured, job_of, model_file
from scrapline.system import signals
from scrapline.system.errors import ScraplineError
from scrapline.system.files import remove, sha256
from scrapline.system.outs import alone


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
    folder = RunFolder(asked.name or datetime.now().astimezone().strftime("%Y-%m-%d_%H-%M-%S"))
    record = _record(asked)
    engine = deployed.load(Path(record.model), Tuning.THROUGHPUT)
    with alone(folder.path):
        folder.begin(record)
        try:
            _work(folder, record, engine, folder.before(engine, record))
        finally:
            if not folder.log.exists():  # it never came to run
                remove(folder.path)


def resume(name: str, asked: Asked) -> None:
    """Go on with a run that was stopped or killed, with the item after the last in its log.

    It keeps what it was begun with: ScraplineError where anything else is asked for.
    """
    if asked != Asked():
        raise ScraplineError("--resume goes on with what the run was started with: give no other option")
    folder = RunFolder(name)
    record = folder.record()
    if sha256(model_file(Path(record.model))) != record.model_sha256:
        raise ScraplineError(f"{record.model} is another file than {folder.path} was begun with: begin a new run")
    engine = deployed.load(Path(record.model), Tuning.THROUGHPUT)
    with alone(folder.path):
        before = folder.before(engine, record)
        ended = folder.ended_with(before.next_item)
        if ended is not None and is_over(ended):
            tell(ended)
            info(f"{folder.path} is complete: there is nothing to go on with")
            return
        info(f"{folder.path} goes on with item {before.next_item + 1}{'' if ended else _lost(record)}")
        _work(folder, record, engine, before)


def _record(asked: Asked) -> Record:
    line, seed = configured(items_per_s=asked.items_per_s, workers=asked.workers)
    belt_of(line).check()
    model = model_file(asked.model)
    return Record(
        feed=asked.feed or str(paths.TEST_FRAMES),
        items=asked.items,
        seconds=checked_seconds(asked.seconds),
        seed=seed,
        model=str(model),
        model_sha256=sha256(model),
        line=line,
    )


def _work(folder: RunFolder, record: Record, engine: Engine, before: Before) -> None:
    """Run, and write the figures, also of a line that broke; a stop that was asked for is a good end."""
    limits = Limits(record.items, seconds_left(record, before))
    outcome = work(job_of(record.line, record.feed, record.seed, limits), engine, folder.log, before)
    with signals.holding_stops():  # the pictures take a second, in which another stop would find all else done
        folder.write(outcome, engine)
        tell(outcome.metrics)
        signals.forgive()
    if outcome.line.error is not None:
        raise outcome.line.error
    info(f"written: {', '.join(str(path) for path in (folder.log, folder.metrics, *folder.pictures))}")


def _lost(record: Record) -> str:
    """What a kill can have cost: the log lacks at most a deadline and a second."""
    belt = belt_of(record.line)
    on_belt = round(belt.items_per_s * (belt.deadline_ms / 1000 + 1))
    return f"; it was killed, and of at most {on_belt} items that were on the belt then nothing is known"
