"""Export the model to ONNX (the pipeline's fourth stage), and classify images with the exported file."""

from scrapline import start  # noqa: F401 - before what is slow to import, or not installed

# isort: split
from pathlib import Path
from typing import Annotated

import typer

from scrapline import errors, params, paths
from scrapline.files import read_json, write_json
from scrapline.outs import replacing

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def export() -> None:
    """Convert the checkpoint to ONNX, and keep it only if it says on real images what the checkpoint says."""
    import onnx

    from scrapline import shards
    from scrapline.classifier import Checkpoint, pick_device, probabilities, reproducible
    from scrapline.engine import Engine
    from scrapline.export import parity, report
    from scrapline.export.onnx import Provenance, convert
    from scrapline.features import Extractor

    settings = params.load()
    checkpoint = Checkpoint.load(paths.CHECKPOINT)
    shards.check_classes(paths.PREPARED, checkpoint.classes, paths.CHECKPOINT)
    provenance = Provenance(
        paths.CHECKPOINT, paths.MANIFEST, read_json(paths.OPERATING_POINTS), settings.export.model_dump(mode="json")
    )
    base = Extractor(checkpoint.classifier(), paths.PREPARED, checkpoint.preprocessing, pick_device("auto"))
    with reproducible(), replacing(paths.ONNX, paths.EXPORT) as (model_path, results):
        onnx.save(convert(checkpoint, provenance, settings.export.opset), model_path)
        engine = Engine.load(model_path)
        validation = base.predict("val")
        reference = probabilities(validation.logits, checkpoint.temperature)
        found, validated = parity.check(engine, paths.PREPARED, reference, settings.export.parity_tolerance)
        test = [row for row in shards.read_manifest(paths.PREPARED) if row.split == "test"]
        tested = parity.infer(engine, paths.PREPARED, "test", len(test))
        truth = [checkpoint.classes.index(row.class_name) for row in test]
        content = report.metrics(found, model_path, validation.labels.tolist(), validated, truth, tested)
        write_json(results / paths.EXPORT_METRICS.name, content)
    report.tell(content)


@app.command()
def classify(
    images: Annotated[list[Path], typer.Argument(help="Image files, or folders of them.", show_default=False)],
    model: Annotated[Path, typer.Option(help="The ONNX file to use.")] = paths.ONNX,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines instead of a table.")] = False,
) -> None:
    """Say what material each image shows: class, confidence, runner-up. Exit code 1 if any could not be read."""
    from scrapline import classification
    from scrapline.engine import Engine

    found = classification.find_images(images)
    results = classification.classify_all(Engine.load(model), found)
    unreadable = classification.print_json(results) if as_json else classification.print_table(results)
    if unreadable:
        raise errors.ScraplineError(f"{unreadable} of {len(found)} images could not be read")


if __name__ == "__main__":
    errors.run(app)
