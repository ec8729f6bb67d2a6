"""The `capacity` command: how fast the belt could go on this machine, by the line's twin and what it measures now."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapline import paths
from scrapline.cli.console import info, track
from scrapline.line.belt import Belt
from scrapline.line.capacity import MOST_LOST, Plant, fastest
from scrapline.line.dispatch import Policy
from scrapline.line.ending import Limits
from scrapline.line.service import SPREAD
from scrapline.line.twin import Services
from scrapline.runtime import deployed
from scrapline.runtime.engine import Engine, Tuning
from scrapline.simulate.measuring import measure
from scrapline.simulate.session import Job, spreads
from scrapline.simulate.settings import configured, job_of, model_file
from scrapline.system import machine
from scrapline.system.files import write_json
from scrapline.system.outs import replacing
from scrapline.system.parallel import cores

_TRIED_S = 120.0
_AN_HOUR_S = 3600.0
_SHARES = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.15, 1.3, 1.5, 2.0)


@dataclass(frozen=True)
class Found:
    """The fastest belt, the plant that it was found for, and the figures as JSON."""

    plant: Plant
    items_per_s: float
    content: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """The options of the command line; None where one was not given."""

    items_per_s: float | None = None
    workers: int | None = None
    queue_frames: int | None = None
    feed: Path | None = None
    model: Path | None = None


def run(asked: Asked, folder: Path | None) -> None:
    """Find it, say it, and keep it in a folder if one is named."""
    line, seed = configured(items_per_s=asked.items_per_s, workers=asked.workers, queue_frames=asked.queue_frames)
    engine = deployed.load(model_file(asked.model), Tuning.THROUGHPUT)
    found = capacity(job_of(line, str(asked.feed or paths.TEST_FRAMES), seed, Limits()), engine)
    show(found)
    if folder is not None:
        save(found, folder)


def capacity(job: Job, engine: Engine, measured_s: float = 1.5) -> Found:
    """Measure the line, for so many seconds at a time, then ask the twin for the fastest belt.

    Raises ScraplineError where the line cannot be measured.
    """
    workers = job.workers or cores()
    policy = Policy(workers, job.belt.deadline_ms / 1000, job.queue_frames, spreads=spreads(workers))
    plant = Plant(job.belt, job.arrivals, policy, measure(job, engine, measured_s), job.seed)
    found = fastest(plant, _TRIED_S, _AN_HOUR_S)
    return Found(plant, found, _content(plant, found))


def show(found: Found) -> None:
    """Say how fast the belt can go, and how much of that is used."""
    content, belt = found.content, found.plant.belt
    for name, figures in content["service_ms"].items():
        info(f"{name} takes {figures['p50']:.1f} ms, 99 of 100 at most {figures['p99']:.1f}")
    fastest_belt = content["fastest"]
    info(
        f"calculated for a machine that stays as it was just now, the fastest belt with at most {MOST_LOST:.1%} late "
        f"or dropped: {fastest_belt['belt_m_per_s']:.2f} m/s, "
        f"{found.items_per_s:.0f} items a second, {fastest_belt['deadline_ms']:.0f} ms for each"
    )
    info(
        f"as configured {belt.items_per_s:.0f} items a second at {belt.belt_m_per_s:g} m/s: "
        f"{found.items_per_s / belt.items_per_s:.1f} times as many would do"
    )
    info("a machine that others share, or that gets hot, keeps less: try the speed with `run` before you trust it")


def save(found: Found, folder: Path) -> None:
    """Keep the figures and the curve in a folder."""
    from scrapline.report import capacity_plot  # what draws takes longer to import than all else

    with replacing(folder / "capacity.json", folder / "capacity.png") as (figures, picture):
        write_json(figures, found.content)
        capacity_plot.capacity(picture, found.content)
    info(f"written: {folder / 'capacity.json'}, {folder / 'capacity.png'}")


def _content(plant: Plant, found: float) -> dict[str, Any]:
    hour = plant.at(found, _AN_HOUR_S)
    rates = [share * found for share in _SHARES if share * found < plant.bound]
    curve = [_point(plant, rate) for rate in track(rates, "the belt's speed", len(rates), unit="belts")]
    return {
        "workers": plant.policy.workers,
        "queue_frames": plant.policy.queue_frames,
        "arrivals": plant.arrivals,
        "configured": _belt(plant.belt),
        "fastest": _belt(plant.belt.at(found)) | {"hour_lost": round(hour.lost, 6)},
        "headroom": round(found / plant.belt.items_per_s, 3),
        "service_ms": {_name(kind): _times(plant.measured, kind) for kind in plant.measured[0].seconds},
        "curve": curve,
        "machine": machine.describe(),
    }


def _point(plant: Plant, rate: float) -> dict[str, Any]:
    played = plant.at(rate, _TRIED_S)
    quantiles = {name: played.quantile_ms(share) for name, share in (("p50", 0.5), ("p99", 0.99))}
    return _belt(plant.belt.at(rate)) | {
        "lost": round(played.lost, 6),
        **{f"{name}_ms": None if value is None else round(value, 3) for name, value in quantiles.items()},
    }


def _belt(belt: Belt) -> dict[str, float]:
    return {
        "items_per_s": round(belt.items_per_s, 3),
        "belt_m_per_s": round(belt.belt_m_per_s, 4),
        "deadline_ms": round(belt.deadline_ms, 3),
    }


def _name(kind: int) -> str:
    if kind == SPREAD:
        return "one frame on all cores"
    return "one frame on one core" if kind == 1 else f"a run of {kind} frames on one core"


def _times(measured: Sequence[Services], kind: int) -> dict[str, float]:
    ordered = sorted(took for services in measured for took in services.seconds[kind])
    at = {"p50": 0.5, "p99": 0.99}
    return {
        name: round(1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))], 3) for name, share in at.items()
    } | {"runs": len(ordered)}
