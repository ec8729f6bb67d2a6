"""Keep a run's evidence: the report with its pictures, metrics and params in one folder that Git can hold."""

import os
import shutil
from pathlib import Path

from scrapline import paths
from scrapline.system.errors import ScraplineError
from scrapline.system.files import require
from scrapline.system.outs import replacing

PICTURES = (
    paths.BELT_PLOT,
    paths.LEARNING_CURVES,
    paths.CONFUSION_PLOT,
    paths.RELIABILITY_PLOT,
    paths.PURITY_PLOT,
    paths.SLICES_PLOT,
    paths.LINE_PLOT,
    paths.MISTAKES,
)
DATA = {
    "params.yaml": paths.PARAMS,
    "summary.json": paths.SUMMARY,
    "preparation.json": paths.PREPARATION_REPORT,
    "training.json": paths.TRAINING_METRICS,
    "history.csv": paths.HISTORY,
    "evaluation.json": paths.EVALUATION_METRICS,
    "operating_points.json": paths.OPERATING_POINTS,
    "export.json": paths.EXPORT_METRICS,
    "line.json": paths.LINE,
}


def publish(folder: Path) -> None:
    """Copy the last run's report, pictures, metrics and params into `folder`, the report's links made local.

    Raises ScraplineError where `folder` holds something else than an earlier publication.
    """
    _check_target(folder)
    with replacing(folder) as (fresh,):
        _copy(fresh, folder)


def _copy(folder: Path, target: Path) -> None:
    """Into `folder`, which will stand at `target`."""
    report = require(paths.REPORT).read_text(encoding="utf-8")
    folder.mkdir(exist_ok=True)  # a name such as docs/v1.0 looks like a file's
    for picture in PICTURES:
        shutil.copyfile(require(picture), folder / picture.name)
        report = report.replace(f"({picture.as_posix()})", f"({picture.name})")
        report = report.replace(f"`{picture.as_posix()}`", f"[{picture.name}]({picture.name})")
    for name, source in DATA.items():
        shutil.copyfile(require(source), folder / name)
    line = Path("docs/line/README.md")
    report = report.replace(f"({line.as_posix()})", f"({Path(os.path.relpath(line, target)).as_posix()})")
    (folder / paths.REPORT.name).write_text(report, encoding="utf-8", newline="\n")


def _check_target(folder: Path) -> None:
    known = {path.name for path in PICTURES} | set(DATA) | {paths.REPORT.name}
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in known) if folder.is_dir() else []
    if folder.is_file() or foreign:
        raise ScraplineError(
            f"{folder} holds {foreign[0] if foreign else 'a file'}: name a new or an earlier report's folder"
        )
