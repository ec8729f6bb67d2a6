"""Cross-validation over all photos: each judged by a network, and by its INT8 file, that has not seen it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from scrapline import paths
from scrapline.cli.console import info
from scrapline.data import shards
from scrapline.export import gate, parity
from scrapline.export.int8 import Quantiser
from scrapline.export.onnx import convert
from scrapline.export.photos import spread
from scrapline.measures import cross_validation
from scrapline.model.batches import EVALUATION_BATCH, predict
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.classifier import Classifier
from scrapline.model.compute import reproducible
from scrapline.model.joined import Rows
from scrapline.params import Params
from scrapline.runtime.engine import open_session
from scrapline.studies.names import folder_of
from scrapline.studies.networks import Study
from scrapline.system import machine
from scrapline.system.files import write_json
from scrapline.system.outs import replacing

_JUDGED = 128


def crossval(settings: Params, *, folds: int, name: str) -> None:
    """Train a network for each fold, and judge its photos by it in float32 and by its INT8 file; write and print.

    Raises ScraplineError for a name that is no plain one.
    """
    folder = folder_of(name, ("crossval.json", "crossval.npz"))
    classes = shards.read_classes(paths.PREPARED)
    with reproducible(settings.seed), replacing(folder) as (results,):
        study = Study.of(settings, count=folds)
        done = {n: found for n in range(1, folds + 1) if (found := study.unfinished.load(f"judged-{n}"))}
        for number, cut, model in study.networks(list(done)):
            info(f"fold {number} of {folds}: {len(cut.train)} photos trained, {len(cut.held_out)} are judged")
            done[number] = _judge(study, model, cut.train, cut.held_out, classes)
            study.unfinished.save(f"judged-{number}", done[number], now=True)
            study.unfinished.drop(f"network-{number}")
        arrays = _joined(study, done)
        content = _figures(study, arrays, classes)
        _write(results, study, arrays, content, classes)
    study.unfinished.finish()
    _say(content, folder)


def _judge(study: Study, model: Classifier, train: Rows, held_out: Rows, classes: list[str]) -> dict[str, Any]:
    """What a network and its INT8 file say of photos it has not seen: logits, and probabilities."""
    said = predict(model, study.photos.batches(held_out), study.photos.preprocessing, study.base.device)
    checkpoint = Checkpoint(
        study.settings.model.arch, classes, study.photos.preprocessing, 1.0, study.weights, model.torchvision_state()
    )
    int8 = _quantised(study, checkpoint, train)
    return {"logits": said.logits, "int8": torch.from_numpy(_over(int8, study, held_out))}


def _quantised(study: Study, checkpoint: Checkpoint, train: Rows) -> parity.Run:
    """An INT8 file chosen as `export` chooses, but by photos that the network was trained on, and not calibrated.

    The held-out photos are to be judged by it, and may not choose it.
    """
    export = study.settings.export
    exact = convert(checkpoint, export.opset)
    calibration = train[spread(range(len(train)), export.calibration_images)]
    judged = train[spread(range(1, len(train)), _JUDGED)]
    labels = study.photos.whole.labels[judged]

    def answer(run: parity.Run) -> gate.Answers:
        said = _over(run, study, judged)
        return gate.Answers(said, said[:0])

    limits = gate.limits_for(export.max_accuracy_drop, export.min_label_agreement, len(judged))
    reference = gate.Reference(answer(parity.run_of(open_session(exact.SerializeToString()))), labels)
    with Quantiser(exact, checkpoint.preprocessing, study.pixels(calibration), export.activation_type) as quantiser:
        best = gate.choose(quantiser, reference, answer, limits).best
    return parity.run_of(open_session(best.model.SerializeToString()))


def _over(run: parity.Run, study: Study, rows: Rows) -> npt.NDArray[np.float32]:
    batches = np.split(rows, range(EVALUATION_BATCH, len(rows), EVALUATION_BATCH))
    return np.concatenate([run(study.pixels(batch)) for batch in batches])


def _joined(study: Study, done: dict[int, dict[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    """The folds' answers put together: float32 `logits` and INT8 `int8` [N, C], NaN for photos in no fold."""
    shape = (len(study.rows), study.base.model.head.out_features)
    arrays = {name: np.full(shape, np.nan, np.float32) for name in ("logits", "int8")}
    for number, cut in enumerate(study.folds, start=1):
        for name, array in arrays.items():
            array[cut.held_out] = done[number][name].numpy()
    return arrays


def _figures(study: Study, arrays: dict[str, npt.NDArray[Any]], classes: list[str]) -> dict[str, Any]:
    labels, groups = study.photos.whole.labels, [row.group for row in study.rows]
    fold = study.folds.fold
    predicted = {"fp32": arrays["logits"].argmax(axis=1), "int8": arrays["int8"].argmax(axis=1)}
    held = fold[0] >= 0
    return {
        "photos": len(study.rows),
        "judged": int(held.sum()),
        "trainable": study.settings.train.trainable.value,
        "weights": study.weights,
        "params": study.settings.model_dump(mode="json"),
        "machine": machine.describe(),
        "label_agreement": round(float((predicted["fp32"] == predicted["int8"])[held].mean()), 6),
        **{
            name: cross_validation.figures(fold, said[None], labels, groups, classes)
            for name, said in predicted.items()
        },
    }


def _write(
    folder: Path, study: Study, arrays: dict[str, npt.NDArray[Any]], content: dict[str, Any], classes: list[str]
) -> None:
    write_json(folder / "crossval.json", content)
    ids = np.array([row.image_id for row in study.rows])
    about = {"image_ids": ids, "classes": np.array(classes), "fold": study.folds.fold[0]}
    np.savez(folder / "crossval.npz", allow_pickle=False, **about, **arrays)


def _say(content: dict[str, Any], folder: Path) -> None:
    for name, described in (("fp32", "float32"), ("int8", "INT8")):
        found, lowest = content[name]["accuracy"], content[name]["of_folds"]
        info(
            f"{described:>8}: accuracy {found['rate']:.1%} (95 % interval {found['ci95_low']:.1%} to "
            f"{found['ci95_high']:.1%}, {found['photos']} photos), folds {lowest['lowest']:.1%} to "
            f"{lowest['highest']:.1%}"
        )
    info(f"INT8 gives {content['label_agreement']:.1%} of the photos the label of float32; figures in {folder}")
