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


if __name__ == "__main__":
    entry.run(app)
