"""performance_report.md, made of the stages' JSON and nothing else."""

import re
from pathlib import Path

import jinja2

from scrapline import paths
from scrapline.data.lettering import printable
from scrapline.report.results import Json, Stages
from scrapline.runtime.engine import Engine


def render(stages: Stages, simulation: Json, engine: Engine) -> str:
    """The report's Markdown; its pictures are linked where the stages wrote them."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters |= {"percent": _percent, "cell": _cell}
    return environment.get_template("report.md.j2").render(
        data=stages.preparation,
        training=stages.training,
        evaluation=stages.evaluation,
        points=stages.operating_points,
        export=stages.export,
        simulation=simulation,
        classes=engine.classes,
        preprocessing=engine.preprocessing,
        paths=paths,
    )


def _percent(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value * 100:.{digits}f} %"  # noqa: RUF001 - a dash in a table


def _cell(text: object) -> str:
    """Text as it is, in a table's cell: nothing in it is Markdown, HTML or mathematics."""
    return re.sub(r"([\\`*_\[\]<>|~$&])", r"\\\1", printable(str(text)))
