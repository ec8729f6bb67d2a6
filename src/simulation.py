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

    stage.simulate(params.load())


@app.command()
def run(
    feed: Annotated[
        str | None,
        typer.Option(help="A folder of frames, a video file, a camera's number, a stream's address, or demo."),
    ] = None,
    items: Annotated[int | None, typer.Option(min=1, help="Stop after so many items.")] = None,
    seconds: Annotated[float | None, typer.Option(min=0.001, help="Stop after so many seconds.")] = None,
    items_per_s: Annotated[
        float | None, typer.Option(min=0.001, help="Set the belt's speed so that so many items come.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Classifiers at once; without, one for each core.")] = None,
    model: Annotated[Path | None, typer.Option(help="An exported model; without, the deployed one.")] = None,
    name: Annotated[str | None, typer.Option(help="The folder below runs/; without, the time.")] = None,
    resume: Annotated[str | None, typer.Option(help="Go on with this run.", metavar="NAME")] = None,
) -> None:
    """Sort items of a feed in real time, into runs/NAME; without --items or --seconds until Ctrl-C."""
    from scrapline.simulate import run as running

    asked = running.Asked(feed, items, seconds, items_per_s, workers, model, name)
    if resume is None:
        running.run(asked)
    else:
        running.resume(resume, asked)


@app.command()
def capacity(
    items_per_s: Annotated[
        float | None, typer.Option(min=0.001, help="As if the belt were configured for so many items.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Classifiers at once; without, one for each core.")] = None,
    queue_frames: Annotated[int | None, typer.Option(min=1, help="How many frames may wait.")] = None,
    feed: Annotated[Path | None, typer.Option(help="A folder of frames; without, data/test_frames.")] = None,
    model: Annotated[Path | None, typer.Option(help="An exported model; without, the deployed one.")] = None,
    save: Annotated[Path | None, typer.Option(help="Keep the figures and the curve in this folder.")] = None,
) -> None:
    """Say how fast the belt could go on this machine: measured now, for a minute, then calculated."""
    from scrapline.simulate import capacity as finding

    finding.run(finding.Asked(items_per_s, workers, queue_frames, feed, model), save)


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
