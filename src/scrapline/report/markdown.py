"""performance_report.md, made of the stages' JSON and nothing else."""

import re
from pathlib import Path

import jinja2

from scrapline import paths
from scrapline.data.lettering import printable
from scrapline.line.belt import belt_of
from scrapline.params import Simulate
from scrapline.report import told
from scrapline.report.results import Json, Stages
from scrapline.runtime.engine import Engine


def render(stages: Stages, line: Json, settings: Simulate, engine: Engine) -> str:
    """The report's Markdown; its pictures are linked where the stages wrote them.

    Of what the line did (`line`, its JSON) only the section on this machine speaks: all else is the same on every run.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"percent": _percent, "cell": cell, "evidence": _evidence, "ms": _ms, "about": _about}
    return environment.get_template("report.md.j2").render(
        data=stages.preparation,
        training=stages.training,
        evaluation=stages.evaluation,
        points=stages.operating_points,
        export=stages.export,
        sorting=stages.export[stages.export["deployed"]]["sorting"],
        line=line,
        settings=settings,
        belt=belt_of(settings),
        some_classified=line["latency_ms"]["items"] > 0,
        claim=told.lateness(line["lateness"]),
        classes=engine.classes,
        preprocessing=engine.preprocessing,
        paths=paths,
    )


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"  # noqa: RUF001 - a dash in a table


def _evidence(found: Json) -> str:
    """A rate with what stands behind it."""
    if found["rate"] is None:
        return "no photo"
    groups = f" in {found['groups']} groups" if found["groups"] < found["photos"] else ""
    return (
        f"{_percent(found['rate'])} ({_percent(found['ci95_low'])} to {_percent(found['ci95_high'])}; "
        f"{found['photos']} photos{groups})"
    )


def _about(items: float) -> str:
    """So many items, with no more digits than can be meant."""
    return f"{float(f'{items:.3g}'):,.0f}"


def _ms(value: float | None) -> str:
    return "over the deadline" if value is None else f"{value:.1f}"


def cell(text: object) -> str:
    """Text as it is, in a table's cell: nothing in it is Markdown, HTML or mathematics."""
    return re.sub(r"([\\`*_\[\]<>|~$&])", r"\\\1", printable(str(text)))
