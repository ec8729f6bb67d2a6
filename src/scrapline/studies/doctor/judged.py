"""Photos with what networks that had not seen them said: from the training's folds, or from a cross-validation."""

import csv
from dataclasses import dataclass
from pathlib import Path

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


def judged(study: str | None) -> Judged:
    """What the folds of `train` said, or those of a study in runs/studies/.

    Raises ScraplineError where there are none, or they are of other photos than those that are prepared.
    """
    if study is None:
        ids, logits, by = *_of_training(), "the folds of the training, over training and validation photos"
    else:
        ids, logits, by = *_of_study(paths.STUDIES / study), f"the study `{study}`, over all photos"
    row_of = {row.image_id: row for row in shards.read_manifest(paths.PREPARED)}
    classes = shards.read_classes(paths.PREPARED)
    if not set(ids) <= set(row_of) or logits.shape[2] != len(classes):
        raise ScraplineError(
            f"{'results/training' if study is None else paths.STUDIES / study} is of other photos than "
            f"{paths.PREPARED} holds now: make it anew"
        )
    held = np.flatnonzero(~np.isnan(logits).any(axis=(0, 2)))
    rows = [row_of[ids[at]] for at in held]
    labels = np.array([classes.index(row.class_name) for row in rows], np.int64)
    probabilities = softmax(logits[:, held].astype(np.float64), axis=2).mean(axis=0)
    return Judged(rows, classes, labels, probabilities, by)


def _of_training() -> tuple[list[str], npt.NDArray[np.float32]]:
    if not paths.FOLD_ARRAYS.is_file():
        raise ScraplineError(
            "no photo was judged by a network that had not seen it: run `python src/studies.py crossval`, and then "
            "`python src/studies.py doctor --study crossval`; or set `train.folds: 5`, and `dvc repro`"
        )
    with paths.FOLDS.open(encoding="utf-8", newline="") as stream:
        ids = [line["image_id"] for line in csv.DictReader(stream)]
    with np.load(paths.FOLD_ARRAYS, allow_pickle=False) as arrays:
        return ids, arrays["logits"]


def _of_study(folder: Path) -> tuple[list[str], npt.NDArray[np.float32]]:
    file = folder / "crossval.npz"
    if not file.is_file():
        raise ScraplineError(f"{file} is not here: `python src/studies.py crossval --name {folder.name}` makes it")
    with np.load(file, allow_pickle=False) as arrays:
        return arrays["image_ids"].tolist(), arrays["logits"][None]
