"""The `doctor` command: from what networks said of photos that they had not seen to a page of what may be wrong."""

import numpy as np
import numpy.typing as npt

from scrapline import paths
from scrapline.cli.console import info
from scrapline.data import appearance, shards
from scrapline.data.appearance import Appearance
from scrapline.model.checkpoint import Checkpoint
from scrapline.model.compute import pick_device, reproducible
from scrapline.model.features import Extractor
from scrapline.params import Params
from scrapline.studies.doctor import kinds, page
from scrapline.studies.doctor.judged import Judged, judged
from scrapline.studies.doctor.table import table, twins_of_other_classes
from scrapline.studies.names import check_name, folder_of
from scrapline.system.outs import replacing

_SPLITS = ("train", "val", "test")


def doctor(settings: Params, *, study: str | None, name: str) -> None:
    """Look for what may be wrong with photos and labels; write doctor.html and doctor.csv, and say the counts.

    Raises ScraplineError for a name that is no plain one, and where no photo was judged by a network new to it.
    """
    folder = folder_of(name, ("doctor.html", "doctor.csv"))
    if study is not None:
        check_name(study)
    checkpoint = Checkpoint.load(paths.CHECKPOINT)
    shards.check_classes(paths.PREPARED, checkpoint.classes, paths.CHECKPOINT)
    found = judged(study, checkpoint.temperature)
    with reproducible(settings.seed), replacing(folder) as (results,):
        embeddings, looks = _seen(found, checkpoint, settings)
        lines = table(found, embeddings, looks, twins_of_other_classes(found.rows))
        groups = [row.group for row in found.rows]
        pairs = kinds.confused(found.labels, found.predicted, groups, found.classes)
        two = kinds.kinds(found.labels, found.predicted, groups, embeddings, found.classes, settings.seed)
        sections = page.sections(lines)
        lines.to_csv(results / "doctor.csv", index=False, float_format="%.6f", lineterminator="\n")
        page.write(results / "doctor.html", found, lines, sections, pairs, two)
    for section in sections:
        info(f"{section.title.lower()}: {section.of}")
    if pairs:
        worst = pairs[0]
        share = f"{worst.mistaken / worst.photos:.1%} of {worst.photos} photos"
        info(f"most confused: {worst.first} and {worst.second}, {share}{': one class?' if worst.merge else ''}")
    info(f"classes of two kinds: {', '.join(kind.name for kind in two) or 'none'}")
    info(f"pictures in {folder / 'doctor.html'}, a line a photo in doctor.csv beside it")


def _seen(found: Judged, checkpoint: Checkpoint, settings: Params) -> tuple[npt.NDArray[np.float32], Appearance]:
    """The photos' embeddings by the trained network [N, D], and how bright and sharp they are."""
    base = Extractor(
        checkpoint.classifier(), paths.PREPARED, checkpoint.preprocessing, pick_device(settings.train.device)
    )
    splits = [split for split in _SPLITS if any(row.split == split for row in found.rows)]
    predictions = [base.predict(split) for split in splits]
    looks = [appearance.of_split(paths.PREPARED, split, checkpoint.preprocessing) for split in splits]
    at = {image_id: n for n, image_id in enumerate(i for said in predictions for i in said.image_ids)}
    order = np.array([at[row.image_id] for row in found.rows])
    embeddings = np.concatenate([said.embeddings.numpy() for said in predictions])[order]
    brightness = np.concatenate([look.brightness for look in looks])[order]
    sharpness = np.concatenate([look.sharpness for look in looks])[order]
    return embeddings, Appearance(brightness, sharpness)
