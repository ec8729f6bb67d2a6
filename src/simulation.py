"""Run the deployed model on a belt in real time: the pipeline's last stage, which also writes the report."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
from pathlib import Path
from typing import Annotated

import typer

from scrapline import params
from scrapline.cli import entry

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def simulate() -> None:
    """Sort the test frames in real time, log every item, and write the figures and the report of all stages."""
    from scrapline.simulate import stage

    stage.simulate(params.load().simulate)


@app.command()
def summary() -> None:
    """Print again what the last run achieved, and where everything is."""
    from scrapline.report.summary import print_last_run

    print_last_run()


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Where to, docs/trashnet for example.", show_default=False)],
) -> None:
    """Copy the last run's report with its pictures, metrics and params into one folder, for Git to keep."""
    from scrapline.report import publish as publishing

    publishing.publish(folder)


if __name__ == "__main__":
    entry.run(app)
