"""The export stage from the checkpoint to both files: each step in its order."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scrapline import paths
from scrapline.data import decoding, shards
from scrapline.data.imaging import Pixels, Preprocessing
from scrapline.data.pins import Pin
from scrapline.export import gate, parity, photos, report
from scrapline.export.int8 import Quantiser
from scrapline.export.onnx import Provenance, convert, save
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.compute import pick_device, probabilities, reproducible
from scrapline.model.features import Extractor
from scrapline.params import Export, Params
from scrapline.system.files import read_json, write_json
from scrapline.system.outs import replacing

_BATCH = 32


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


def export(settings: Params) -> None:
    """Write both ONNX files and what was found about them.

    Raises ScraplineError where the float32 file does not say what the checkpoint says.
    """
    inputs, device = Inputs.read(), pick_device(settings.train.device)
    with replacing(paths.ONNX, paths.ONNX_INT8, paths.EXPORT) as (fp32_path, int8_path, results):
        content = _convert(inputs, settings.export, device, fp32_path, int8_path)
        write_json(results / paths.EXPORT_METRICS.name, content)
    report.print_summary(content)


def _convert(
    inputs: Inputs, settings: Export, device: torch.device, fp32_path: Path, int8_path: Path
) -> dict[str, Any]:
    checkpoint, preprocessing = inputs.checkpoint, inputs.checkpoint.preprocessing
    params = settings.model_dump(mode="json")
    provenance = Provenance(paths.CHECKPOINT, paths.MANIFEST, inputs.operating_points, params)
    write = partial(save, checkpoint=checkpoint, provenance=provenance)
    measure = partial(parity.infer, preprocessing=preprocessing, folder=paths.PREPARED)
    labels = {split: _labels(split, checkpoint.classes) for split in ("train", "val", "test")}

    with reproducible():
        base = Extractor(checkpoint.classifier(), paths.PREPARED, preprocessing, device)
        model = convert(checkpoint, settings.opset)
        fp32 = write(model, fp32_path)
        reference = probabilities(base.predict("val").logits, checkpoint.temperature)
        found, validated = parity.check(fp32, paths.PREPARED, reference, settings.parity_tolerance)

    measurable = [row.pin is not Pin.TRAIN_ONLY for row in shards.read_manifest(paths.PREPARED) if row.split == "train"]
    chosen = photos.choose(measurable, settings.calibration_images)
    exact_run = parity.run_of(fp32.session)

    def on_training(run: parity.Run, described: str) -> parity.Probabilities:
        if not chosen.judged:  # every photo of training is pinned
            return validated[:0]
        return measure(run, split="train", described=described, only=chosen.judged)

    def answer(run: parity.Run) -> gate.Answers:
        return gate.Answers(measure(run, split="val", described="INT8"), on_training(run, "INT8"))

    exact = gate.Reference(gate.Answers(validated, on_training(exact_run, "fp32")), labels["val"])

    limits = gate.limits_for(settings.max_accuracy_drop, settings.min_label_agreement, len(labels["val"]))
    with Quantiser(model, preprocessing, _pixels(chosen.calibration, preprocessing), settings.activation_type) as made:
        outcome = gate.choose(made, exact, answer, limits)
        int8 = write(outcome.best.model, int8_path, quantisation=made.facts(outcome.best.recipe))

    fp32_file = report.Exported(fp32_path, validated, measure(exact_run, split="test", described="fp32"))
    int8_tested = measure(parity.run_of(int8.session), split="test", described="INT8")
    int8_file = report.Exported(int8_path, outcome.best.answers.validation, int8_tested)
    rows = shards.read_manifest(paths.PREPARED)
    groups = {split: [row.group for row in rows if row.split == split] for split in ("val", "test")}
    truth = report.Truth(labels["val"], labels["test"], groups["val"], groups["test"], fp32.metadata.thresholds)
    return report.metrics(found, fp32_file, int8_file, truth, report.Judgement(outcome, chosen), settings.deploy)


def _pixels(positions: list[int], preprocessing: Preprocessing) -> Pixels:
    """The training photos at these positions, uint8 [N, S, S, 3]."""
    batches = decoding.read(paths.PREPARED, "train", preprocessing, _BATCH, only=positions)
    return np.concatenate([batch.images for batch in batches])


def _labels(split: str, classes: list[str]) -> npt.NDArray[np.int64]:
    rows = shards.read_manifest(paths.PREPARED)
    return np.array([classes.index(row.class_name) for row in rows if row.split == split])
