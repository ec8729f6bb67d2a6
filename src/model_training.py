"""Train and evaluate: the pipeline's second and third stages."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
import typer

from scrapline import params
from scrapline.cli import entry

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def train() -> None:
    """Fine-tune the network on the prepared images and write a calibrated checkpoint."""
    from scrapline.train import stage

    stage.train(params.load())


@app.command()
def evaluate() -> None:
    """Measure the checkpoint on validation and test, and choose each class's operating point on validation."""
    from scrapline.evaluate import stage

    stage.evaluate(params.load())


if __name__ == "__main__":
    entry.run(app)
