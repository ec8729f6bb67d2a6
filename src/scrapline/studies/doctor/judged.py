"""Photos with what networks that had not seen them said: from the training's folds, or from a cross-validation."""

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from scrapline import paths
from scrapline.data import shards
from scrapline.data.shards import Row
from scrapline.measures.metrics import Labels
from scrapline.system.errors import ScraplineError

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """N photos, their labels [N], and out-of-fold probabilities [N, C], the mean over repeats; `by` says whose."""

    rows: list[Row]
    classes: list[str]
    labels: Labels
    probabilities: Shares
    by: str

    @property
    def predicted(self) -> Labels:
        """The most probable class [N]."""
        best: Labels = self.probabilities.argmax(axis=1)
        return best

    @property
    def confidence(self) -> Shares:
        """Its probability [N]."""
        highest: Shares = self.probabilities.max(axis=1)
        return highest


def judged(study: str | None, temperature: float) -> Judged:
    """What the folds of `train` said, or those of a study in runs/studies/, calibrated by the temperature.

    Raises ScraplineError where there are none, or they are of other photos or classes than those that are prepared.
    """
    classes = shards.read_classes(paths.PREPARED)
    rows_of = {row.image_id: row for row in shards.read_manifest(paths.PREPARED)}
    if study is None:
        file, by = paths.FOLD_ARRAYS, "the folds of the training, of training and validation"
        ids, logits = _of_training(rows_of)
    else:
        file, by = paths.STUDIES / study / "crossval.npz", f"the study `{study}`"
        ids, logits = _of_study(file, classes)
    if set(ids) != {image_id for image_id, row in rows_of.items() if study or row.split != "test"}:
        raise _stale(file)
    held = np.flatnonzero(~np.isnan(logits).any(axis=(0, 2)))
    rows = [rows_of[ids[at]] for at in held]
    labels = np.array([classes.index(row.class_name) for row in rows], np.int64)
    probabilities = softmax(logits[:, held].astype(np.float64) / temperature, axis=2).mean(axis=0)
    return Judged(rows, classes, labels, probabilities, by)


def _of_training(now: dict[str, Row]) -> tuple[list[str], npt.NDArray[np.float32]]:
    if not paths.FOLD_ARRAYS.is_file():
        raise ScraplineError(
            "no photo was judged by a network that had not seen it: run `python src/studies.py crossval`, and then "
            "`python src/studies.py doctor --study crossval`; or set `train.folds: 5`, and `dvc repro`"
        )
    with paths.FOLDS.open(encoding="utf-8", newline="") as stream:
        class_of = {line["image_id"]: line["class"] for line in csv.DictReader(stream)}
    if any(image_id not in now or now[image_id].class_name != name for image_id, name in class_of.items()):
        raise _stale(paths.FOLD_ARRAYS)
    return list(class_of), _arrays(paths.FOLD_ARRAYS)["logits"]


def _of_study(file: Path, classes: list[str]) -> tuple[list[str], npt.NDArray[np.float32]]:
    if not file.is_file():
        raise ScraplineError(f"{file} is not here: `python src/studies.py crossval --name {file.parent.name}` makes it")
    arrays = _arrays(file)
    if "classes" not in arrays or arrays["classes"].tolist() != classes:
        raise _stale(file)
    return arrays["image_ids"].tolist(), arrays["logits"][None]


def _arrays(file: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files if name in ("image_ids", "classes", "logits")}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise ScraplineError(f"{file} is damaged ({error}): make it anew") from None


def _stale(file: Path) -> ScraplineError:
    return ScraplineError(f"{file} is of other photos or classes than {paths.PREPARED} holds now: make it anew")
