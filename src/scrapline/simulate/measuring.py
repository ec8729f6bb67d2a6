"""How long this machine takes, with the line itself at work: what the twin is fed with."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scrapline.cli.console import track
from scrapline.line.belt import Arrivals, Belt
from scrapline.line.dispatch import Item
from scrapline.line.ending import Ending, Limits
from scrapline.line.figures import Figures
from scrapline.line.service import SPREAD
from scrapline.line.twin import Services
from scrapline.runtime.engine import FRAMES_A_RUN, Engine
from scrapline.simulate.session import Before, Job, spreads, warm_up, work
from scrapline.system.errors import ScraplineError
from scrapline.system.parallel import cores
from scrapline.system.signals import Stopped

_ROUNDS = 4
_OVERLOAD = 1.3
_TRIES = 4
_SPARE = 0.9  # of what one worker can
_LONGER = 6  # with time to spare there are fewer runs in as many seconds, and a slow belt is asked for their tail


def measure(job: Job, engine: Engine, measured_s: float, rounds: int = _ROUNDS) -> list[Services]:
    """What runs of each kind and the camera take on the live line, in so many rounds: machines have slow minutes.

    Those of one frame, two, ... are measured with more to do than it can, so that the camera, the sorter and the log
    take their share of the machine, too, and what passes between a worker's runs is counted to them; those that are
    spread with so little that nothing else waits. Raises ScraplineError where there was no such run.
    """
    workers = job.workers or cores()
    kinds = [*range(1, FRAMES_A_RUN + 1), *([SPREAD] if spreads(workers) else [])]
    steps = [(number, kind) for number in range(rounds) for kind in kinds]
    seconds: list[dict[int, list[float]]] = [{} for _ in range(rounds)]
    camera_s: list[dict[bool, list[float]]] = [{True: [], False: []} for _ in range(rounds)]  # by whether all work
    for number, kind in track(steps, "measuring the line", len(steps), unit="steps"):
        seconds[number][kind], waited_s = _measured(job, engine, kind, measured_s * (_LONGER if kind == SPREAD else 1))
        camera_s[number][kind != SPREAD] += waited_s
    return [
        Services(took, waited_s[False] or waited_s[True], waited_s[True])
        for took, waited_s in zip(seconds, camera_s, strict=True)
    ]


def _measured(job: Job, engine: Engine, kind: int, measured_s: float) -> tuple[list[float], list[float]]:
    """What runs of one kind took, in their order, and how long after each item was due the camera had it.

    Tried with twice as many items, or half as many of those that are spread, where no such run occurred: the machine
    was slower, or faster, when the rate was set.
    """
    for number in range(_TRIES):
        found = _tried(job, engine, kind, measured_s, 0.5**number if kind == SPREAD else 2.0**number)
        if found[0]:
            return found
    raise ScraplineError("the line could not be measured: the feed gave too few frames, or the machine is busy")


def _tried(job: Job, engine: Engine, kind: int, measured_s: float, times: float) -> tuple[list[float], list[float]]:
    workers = job.workers or cores()
    alone = warm_up(engine, workers)
    rate = times * (_SPARE if kind == SPREAD else _OVERLOAD * workers) * len(alone) / sum(took for _, took in alone)
    belt = Belt(1, rate, 1.0, 1.0, 0.0, 0.0)  # so many items a second, and a whole second for each
    items: list[Item] = []
    measured = replace(
        job,
        belt=belt,
        arrivals=Arrivals.CONSTANT,
        limits=Limits(seconds=measured_s),
        queue_frames=workers * max(1, kind),  # no more than they take next: the camera takes each item by itself
        frames_a_run=max(1, kind),
        quiet=True,
        observe=items.extend,
    )
    with tempfile.TemporaryDirectory() as folder:
        line = work(measured, engine, Path(folder) / "log.csv", Before(Figures(engine.classes, belt.deadline_ms))).line
    if line.error is not None:
        raise line.error
    if line.ending is Ending.STOPPED:
        raise Stopped
    took = (
        _spread_s(items)
        if kind == SPREAD
        else _runs_s(items, kind, line.dispatch.runs, workers * line.seconds - line.busy_s)
    )
    return took, [item.captured_s - item.arrival.due_s for item in items]


def _runs_s(items: Sequence[Item], kind: int, runs_in_all: int, idle_s: float) -> list[float]:
    """What runs of so many frames took, and what passes between two of them, while a worker is idle."""
    between_s = max(0.0, idle_s) / max(1, runs_in_all)
    runs = {(item.started_s, item.ended_s) for item in items if item.kind == kind and item.started_s is not None}
    return [ended_s - started_s + between_s for started_s, ended_s in sorted(runs)]


def _spread_s(items: Sequence[Item]) -> list[float]:
    """What frames that were spread took, from when they could have been begun with: the worker has to wake up."""
    took, free_s = [], 0.0
    for item in items:
        if item.kind == SPREAD:
            took.append(item.ended_s - max(item.captured_s, free_s))
        if item.kind is not None:
            free_s = max(free_s, item.ended_s)
    return took
