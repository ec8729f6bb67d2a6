"""A run's folder below runs/: what it was started with, its log, its figures and its pictures."""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scrapline import paths
from scrapline.cli.config import Section
from scrapline.line.belt import belt_of
from scrapline.line.ending import Ending
from scrapline.line.figures import Figures
from scrapline.line.log import cut_to_whole_rows, read_rows
from scrapline.params import Count, Positive, Simulate
from scrapline.runtime.engine import Engine
from scrapline.simulate.session import Before, Outcome
from scrapline.system.errors import ScraplineError
from scrapline.system.files import read_json, remove, write_json
from scrapline.system.outs import replacing

_NAME = re.compile(r"[\w][\w.-]{0,99}")
_RECORD = "run.json"


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
class RunFolder:
    """Where a run lies. Raises ScraplineError for a name that is none."""

    name: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ScraplineError(
                f"a run's name is one plain word of letters, digits, dots and dashes, not {self.name!r}"
            )

    @property
    def path(self) -> Path:
        """The folder."""
        return paths.RUNS / self.name

    @property
    def log(self) -> Path:
        """A row an item."""
        return self.path / "results.csv"

    @property
    def metrics(self) -> Path:
        """The figures."""
        return self.path / "metrics.json"

    @property
    def pictures(self) -> tuple[Path, Path]:
        """How the line kept up and sorted, and what the first items were."""
        return self.path / "line.png", self.path / "belt.png"

    def begin(self, record: Record) -> None:
        """Make the folder with its record, at once, so that a killed run leaves both or none.

        Raises ScraplineError where it is there already.
        """
        if self.path.exists():
            raise ScraplineError(
                f"{self.path} is there already: choose another --name, or go on with --resume {self.name}"
            )
        fresh = self.path.with_name(f".{self.name}.partial")
        remove(fresh)
        fresh.mkdir(parents=True)
        write_json(fresh / _RECORD, record.model_dump(mode="json"))
        (fresh / _RECORD).chmod(0o600)  # a stream's address may hold a password
        fresh.replace(self.path)

    def record(self) -> Record:
        """What it was started with. Raises ScraplineError where there is no such run."""
        try:
            return Record.model_validate_json((self.path / _RECORD).read_text(encoding="utf-8"))
        except FileNotFoundError:
            there = sorted(path.parent.name for path in paths.RUNS.glob(f"*/{_RECORD}"))
            known = f"there are {', '.join(there[-5:])}" if there else "there is none"
            raise ScraplineError(f"{self.path} is no run that could go on: {known}") from None
        except (ValidationError, ValueError):
            raise ScraplineError(f"{self.path / _RECORD} is damaged, or of another version: begin a new run") from None

    def before(self, engine: Engine, record: Record) -> Before:
        """The figures of the rows so far, and where they end."""
        before = Before(Figures(engine.classes, belt_of(record.line).deadline_ms))
        if self.log.exists():
            cut_to_whole_rows(self.log)
            before.segment = 1
            for row in read_rows(self.log):
                before.figures.add(row)
                before.segment, before.next_item = row.segment + 1, row.item_id + 1
        return before

    def ended_with(self, items: int) -> dict[str, Any] | None:
        """The figures of a run that wrote them at its end, after so many items; None where it was killed since."""
        found = read_json(self.metrics) if self.metrics.exists() else None
        return found if found is not None and found["items"] == items else None

    def write(self, outcome: Outcome, engine: Engine) -> None:
        """Write the figures, then the pictures: these take a second to draw, and the figures are safe by then."""
        with replacing(self.metrics) as (metrics,):
            write_json(metrics, outcome.metrics)
        from scrapline.report import plots  # what draws takes longer to import than the line needs to start

        line, belt = self.pictures
        with replacing(line, belt) as (line_partial, belt_partial):
            plots.line(line_partial, outcome.metrics, outcome.figures, engine.metadata.thresholds)
            plots.belt(belt_partial, outcome.line.kept, engine, first=outcome.line.first)


def seconds_left(record: Record, before: Before) -> float | None:
    """How long the belt has yet to run; None: it has no end."""
    if record.seconds is None:
        return None
    return max(0.0, record.seconds - before.figures.belt_s(belt_of(record.line).items_per_s))


def is_over(metrics: dict[str, Any] | None) -> bool:
    """Whether a run came to the end that it was meant to have."""
    return metrics is not None and metrics["ended"] in (Ending.LIMIT, Ending.FEED)


def checked_seconds(seconds: float | None) -> float | None:
    """Raises ScraplineError for what is no time."""
    if seconds is not None and not math.isfinite(seconds):
        raise ScraplineError("--seconds must be a number; without it and --items the line runs until it is stopped")
    return seconds
