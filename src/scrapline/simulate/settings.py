"""What a command of the line runs with: params.yaml where there is one, and what the command line says instead."""

from pathlib import Path

from scrapline import params, paths
from scrapline.line.belt import Arrivals, belt_of
from scrapline.line.ending import Limits
from scrapline.params import Simulate
from scrapline.runtime import deployed
from scrapline.simulate.session import Job
from scrapline.system.errors import ScraplineError


def configured(
    *, items_per_s: float | None = None, workers: int | None = None, queue_frames: int | None = None
) -> tuple[Simulate, int]:
    """The line and the seed; its defaults where there is no params.yaml. None: as configured."""
    settings = params.load() if paths.PARAMS.exists() else None
    line = settings.simulate if settings else Simulate()
    changes = {"workers": workers, "queue_frames": queue_frames}
    if items_per_s is not None:
        changes["belt_m_per_s"] = belt_of(line).at(items_per_s).belt_m_per_s  # type: ignore[assignment]
    line = line.model_copy(update={name: value for name, value in changes.items() if value is not None})
    return line, settings.seed if settings else 0


def model_file(model: Path | None) -> Path:
    """The file that was named, or the deployed one. Raises ScraplineError where there is none."""
    found = model or deployed.model_path()
    if not found.is_file():
        raise ScraplineError(f"{found} is not here: name an exported model with --model")
    return found


def job_of(line: Simulate, feed: str, seed: int, limits: Limits, *, strict: bool = False) -> Job:
    """What the params describe, with a feed; `strict`: frames of classes that the model has not are refused.

    Raises ScraplineError for a belt that leaves no time between camera and ejector.
    """
    belt = belt_of(line)
    belt.check()
    return Job(
        feed=feed,
        belt=belt,
        arrivals=Arrivals(line.arrivals),
        limits=limits,
        seed=seed,
        mix=line.mix,
        workers=line.workers,
        queue_frames=line.queue_frames,
        strict=strict,
    )
