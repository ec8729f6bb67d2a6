"""One run of the line, by whoever asked for it: everything put together, worked off, and its figures."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from scrapline.data import imaging
from scrapline.line.belt import Arrivals, Belt, arrivals
from scrapline.line.dispatch import Dispatch, Item, Policy
from scrapline.line.display import LiveLine
from scrapline.line.ending import Limits
from scrapline.line.feeds.choose import open_feed
from scrapline.line.figures import Figures
from scrapline.line.live import Line
from scrapline.line.log import ResultsLog
from scrapline.line.looking import Look, looker
from scrapline.line.row import row_of
from scrapline.line.service import SPREAD, ServiceTimes
from scrapline.runtime.engine import FRAMES_A_RUN, Engine
from scrapline.system import machine
from scrapline.system.parallel import cores

_WARM_UP_RUNS = 3


@dataclass(frozen=True)
class Job:
    """What is to be run; `workers` None: one for each core. `quiet`: nothing is shown while it runs.

    `observe` is told of the items as they are logged.
    """

    feed: str
    belt: Belt
    arrivals: Arrivals
    limits: Limits
    seed: int
    mix: dict[str, float] | None = None
    workers: int | None = None
    queue_frames: int | None = None
    frames_a_run: int = FRAMES_A_RUN
    strict: bool = False
    quiet: bool = False
    observe: Callable[[Sequence[Item]], None] | None = None


@dataclass
class Before:
    """What an earlier part of the run left: where to go on, and the figures so far."""

    figures: Figures
    segment: int = 0
    next_item: int = 0


@dataclass
class Outcome:
    """What came of a run: its figures, as JSON too, and the line as it ended."""

    metrics: dict[str, Any]
    figures: Figures
    line: Line


def work(job: Job, engine: Engine, log_path: Path, before: Before) -> Outcome:
    """Run the line to its limits, or until a signal; every item is in the log before this ends.

    What broke the line stands in the outcome's `line.error`, for whoever has kept the figures to raise.
    """
    figures = before.figures
    workers = job.workers or cores()
    spread = engine.spread(min(workers, cores())) if spreads(workers) else None
    policy = Policy(
        workers, job.belt.deadline_ms / 1000, job.queue_frames, job.frames_a_run, spreads=spread is not None
    )
    times = [*warm_up(engine, workers), *(warm_up_spread(spread) if spread else ())]
    dispatch = Dispatch(policy, ServiceTimes(times))
    feed = open_feed(
        job.feed,
        classes=engine.classes,
        mix=job.mix,
        seed=job.seed,
        first=before.next_item,
        start_s=figures.belt_s(job.belt.items_per_s),
        strict=job.strict,
    )
    with feed, ResultsLog(log_path, append=before.segment > 0) as log, LiveLine(job.limits.items) as live:

        def write(items: Sequence[Item]) -> None:
            rows = [row_of(item, before.segment, line.started_at) for item in items]
            log.write(rows)
            for row in rows:
                figures.add(row)
                if not job.quiet:
                    live.show(row)
            seconds, busy_s = line.worked_s()
            figures.worked(seconds, busy_s / workers)
            if job.observe is not None:
                job.observe(items)

        line = Line(feed, looker(engine), dispatch, write, looker(spread) if spread else None, first=before.next_item)
        line.run(arrivals(job.belt, job.arrivals, job.seed + before.segment), job.limits)
        if line.error is None:
            log.begin()
    return Outcome(_metrics(job, line, figures), figures, line)


def spreads(workers: int) -> bool:
    """Whether so many workers can compute a frame together on this machine."""
    return min(workers, cores()) > 1


def warm_up(engine: Engine, workers: int) -> list[tuple[int, float]]:
    """Have blank frames decoded and classified, on all workers at once: the first times memory is allocated and code
    loaded, which is no measure. Returns what later ones took, as (frames, seconds).
    """
    look = looker(engine)
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda _: _runs(look, (FRAMES_A_RUN, *[1] * _WARM_UP_RUNS)), range(workers))
        return [(1, seconds) for times in found for seconds in times[-_WARM_UP_RUNS:]]


def warm_up_spread(engine: Engine) -> list[tuple[int, float]]:
    """The same for frames that are spread over all cores."""
    return [(SPREAD, seconds) for seconds in _runs(looker(engine), [1] * _WARM_UP_RUNS)[1:]]


def _runs(look: Look, sizes: Sequence[int]) -> list[float]:
    """What runs of so many blank frames take, one after another."""
    blank = imaging.encode_jpeg(Image.new("RGB", (512, 384)))
    found = []
    for frames in sizes:
        started = time.perf_counter()
        look([blank] * frames)
        found.append(time.perf_counter() - started)
    return found


def _metrics(job: Job, line: Line, figures: Figures) -> dict[str, Any]:
    """What metrics.json says of a run: the workers' part of it is of its last segment."""
    dispatch, troubles = line.dispatch, line.troubles
    workers = dispatch.policy.workers
    belt = asdict(job.belt) | {"items_per_s": round(job.belt.items_per_s, 6), "arrivals": job.arrivals}
    return figures.metrics() | {
        "ended": line.ending,
        "belt": belt,
        "feed": line.feed.facts() | {"waited_s": round(troubles.feed_waited_s, 3)},
        "workers": {
            "workers": workers,
            "utilisation": round(line.busy_s / (workers * line.seconds), 4),
            "replaced": troubles.workers_replaced,
            "first_failure": troubles.first_failure or None,
        },
        "machine": machine.describe(),
    }
