"""Export the model to ONNX (the pipeline's fourth stage), and classify images with the exported file."""

from scrapline.cli import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
from pathlib import Path
from typing import Annotated

import typer

from scrapline import params
from scrapline.cli import entry

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def export() -> None:
    """Convert the checkpoint to ONNX, in float32 and in INT8, and say which of both the line runs."""
    from scrapline.export import stage

    stage.export(params.load())


@app.command()
def classify(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    model: Annotated[Path | None, typer.Option(help="The ONNX file to use; without, the deployed one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines instead of a table.")] = False,
) -> None:
    """Say what material each image shows: class, confidence, runner-up. Exit code 1 if any could not be read."""
    from scrapline.runtime import classify

    classify.run(images, model, as_json=as_json)


@app.command()
def describe(
    model: Annotated[Path | None, typer.Argument(help="An ONNX file; without, the deployed one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say what an exported model is: its classes, preprocessing, thresholds, precision, and what it was made of."""
    from scrapline.runtime import describe

    describe.show(model, as_json=as_json)


@app.command()
def benchmark(
    images: Annotated[
        list[Path] | None, typer.Argument(help="Image files, or folders of them; without, data/test_frames.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="How often each engine has its turn.")] = 7,
    frames: Annotated[int, typer.Option(min=1, help="Frames that each measurement of a turn takes.")] = 40,
    save: Annotated[
        Path | None, typer.Option(help="A folder for the JSON, the table and the chart.", show_default=False)
    ] = None,
) -> None:
    """Time the exported models beside PyTorch, TorchScript, OpenVINO and the loop that is usual for this job."""
    from scrapline.benchmark import command

    command.benchmark(images, rounds, frames, save)


if __name__ == "__main__":
    entry.run(app)
