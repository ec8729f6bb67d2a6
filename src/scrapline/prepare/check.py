"""The `check` command: is everything there that the stages will need, and what is new since the last run?"""

import subprocess
from pathlib import Path

from scrapline import paths
from scrapline.cli.console import info
from scrapline.data import sources
from scrapline.model.classifier import check_arch
from scrapline.params import Params
from scrapline.prepare import changes, cleaning
from scrapline.prepare.handwritten import read_handwritten
from scrapline.system.errors import ScraplineError


def check(settings: Params) -> None:
    """Check the inputs of every stage without running any; print what is new. Raises ScraplineError."""
    check_arch(settings.model.arch)
    source = sources.open_source(settings.data.source)
    images = sources.count(source)
    cleaning.lists_folder(settings.data)
    read_handwritten(settings.data).check(source)
    weights = settings.model.weights
    if weights not in ("none", "imagenet") and not (paths.PRETRAINED / weights).is_file():
        raise ScraplineError(
            f"model.weights `{weights}` is not in {paths.PRETRAINED}: put the file there, or use none or imagenet"
        )
    info(f"params.yaml is valid; {settings.data.source}: {images} images in {len(source.classes)} classes")
    version = paths.RAW.with_name("raw.dvc")
    if settings.data.source == paths.RAW.as_posix() and (not version.exists() or _uncommitted(version)):
        info(
            "  data/raw.dvc is not committed: `dvc exp run --queue` and `--temp` would run without these photos; "
            "`dvc add data/raw`, `git add data/raw.dvc` and commit first"
        )
    changed = changes.since_prepared(source, settings.data.source)
    for line in changed.lines() if changed else []:
        info(f"  {line}")


def _uncommitted(path: Path) -> bool:
    """Whether Git has not this version of a file; False where there is no Git to ask."""
    try:
        done = subprocess.run(["git", "status", "--porcelain", "--", str(path)], capture_output=True, text=True)
    except OSError:
        return False
    return done.returncode == 0 and bool(done.stdout.strip())
