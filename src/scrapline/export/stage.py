"""The export stage from the checkpoint to both files: each step in its order."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from scrapline import paths
from scrapline.data import decoding, shards
from scrapline.export import gate, parity, report
from scrapline.export.int8 import Quantiser
from scrapline.export.onnx import Provenance, convert, metadata, stamped
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.compute import pick_device, probabilities, reproducible
from scrapline.model.features import Extractor
from scrapline.params import Export
from scrapline.runtime.engine import Engine
from scrapline.system.files import read_json, write_json
from scrapline.system.outs import replacing


@dataclass(frozen=True)
class Inputs:
    """What the stages before wrote, besides the images."""

    checkpoint: Checkpoint
    operating_points: dict[str, Any]

    @classmethod
    def read(cls) -> "Inputs":
        """From where the stages wrote it; ScraplineError where it is missing, damaged, or not of one run."""
        checkpoint = Checkpoint.load(paths.CHECKPOINT)
        shards.check_classes(paths.PREPARED, checkpoint.classes, paths.CHECKPOINT)
        return cls(checkpoint, read_json(paths.OPERATING_POINTS))


def export(settings: Export) -> None:
    """Write both ONNX files and what was found about them.

    Raises ScraplineError where the float32 file does not say what the checkpoint says.
    """
    inputs = Inputs.read()
    with replacing(paths.ONNX, paths.ONNX_INT8, paths.EXPORT) as (fp32_path, int8_path, results):
        content = _convert(inputs, settings, fp32_path, int8_path)
        write_json(results / paths.EXPORT_METRICS.name, content)
    report.print_summary(content)


def _convert(inputs: Inputs, settings: Export, fp32_path: Path, int8_path: Path) -> dict[str, Any]:
    checkpoint = inputs.checkpoint
    params = settings.model_dump(mode="json")
    about = metadata(checkpoint, Provenance(paths.CHECKPOINT, paths.MANIFEST, inputs.operating_points, params))
    preprocessing = checkpoint.preprocessing
    measure = partial(parity.infer, preprocessing=preprocessing, folder=paths.PREPARED)

    with reproducible():
        base = Extractor(checkpoint.classifier(), paths.PREPARED, preprocessing, pick_device("auto"))
        model = convert(checkpoint, settings.opset)
        onnx.save(stamped(model, about | {"precision": "fp32"}), fp32_path)
        fp32 = Engine.load(fp32_path)
        validation = base.predict("val")
        reference = probabilities(validation.logits, checkpoint.temperature)
        found, validated = parity.check(fp32, paths.PREPARED, reference, settings.parity_tolerance)
    truth = report.Truth(validation.labels.numpy(), _labels("test", checkpoint.classes))
    fp32_file = report.Exported(
        fp32_path, validated, measure(parity.run_of(fp32.session), split="test", described="fp32")
    )

    images = decoding.sample(paths.PREPARED, "train", preprocessing, settings.calibration_images)
    with Quantiser(model, preprocessing, images, settings.activation_type) as quantiser:
        outcome = gate.choose(
            quantiser,
            gate.Reference(validated, truth.validation),
            partial(measure, split="val", described="INT8"),
            settings.max_accuracy_drop,
        )
        facts = {"precision": "int8", "quantisation": quantiser.facts(outcome.best.recipe)}
    onnx.save(stamped(outcome.best.model, about | facts), int8_path)
    int8 = Engine.load(int8_path)
    int8_file = report.Exported(
        int8_path, outcome.best.probabilities, measure(parity.run_of(int8.session), split="test", described="INT8")
    )
    return report.metrics(found, fp32_file, int8_file, truth, outcome, settings.deploy)


def _labels(split: str, classes: list[str]) -> npt.NDArray[np.int64]:
    rows = shards.read_manifest(paths.PREPARED)
    return np.array([classes.index(row.class_name) for row in rows if row.split == split])
