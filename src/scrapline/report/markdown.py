"""performance_report.md, made of the stages' JSON and nothing else."""

from pathlib import Path

import jinja2

from scrapline import paths
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
    environment.filters |= {"percent": _percent, "cell": lambda text: str(text).replace("|", "\\|")}
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
