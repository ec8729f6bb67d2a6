"""Studies beside the pipeline: they train or measure, write to runs/studies/, and change none of its outs."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
from typing import Annotated

import typer

from scrapline import params
from scrapline.cli import entry

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.callback()
def studies() -> None:
    """Studies beside the pipeline: they train or measure, write to runs/studies/, and change none of its outs."""


@app.command()
def crossval(
    name: Annotated[str, typer.Option(help="The folder below runs/studies/.")] = "crossval",
    folds: Annotated[int, typer.Option(min=2, help="So many networks, each judged on its part of the photos.")] = 5,
) -> None:
    """Train as `train` would on all photos but a fold, and judge that fold, for each; in float32 and in INT8."""
    from scrapline.studies import crossval

    crossval.crossval(params.load(), folds=folds, name=name)


@app.command()
def doctor(
    study: Annotated[
        str | None, typer.Option(help="A cross-validation in runs/studies/; without one, the training's own folds.")
    ] = None,
    name: Annotated[str, typer.Option(help="The folder below runs/studies/.")] = "doctor",
) -> None:
    """Look for wrong labels, doubles, odd photos and confused classes: a page with pictures, and a CSV."""
    from scrapline.studies.doctor import command

    command.doctor(params.load(), study=study, name=name)


@app.command()
def tradeoff(
    commits: Annotated[
        list[str] | None, typer.Argument(help="Commits or branches whose experiments count; HEAD's without any.")
    ] = None,
    name: Annotated[str, typer.Option(help="The folder below runs/studies/.")] = "tradeoff",
    rounds: Annotated[int, typer.Option(min=1, help="Every model has its turn in each round.")] = 5,
    frames: Annotated[int, typer.Option(min=1, help="Frames that a model classifies in its turn.")] = 40,
) -> None:
    """Accuracy against speed: the models of your DVC experiments, taken from its cache and timed in turns."""
    from scrapline.studies.tradeoff import command

    command.tradeoff(commits or (), name=name, turns=rounds, frames_a_turn=frames)


if __name__ == "__main__":
    entry.run(app)
