"""Where a study writes: a folder of its own in runs/studies/."""

import re
from collections.abc import Collection
from pathlib import Path

from scrapline import paths
from scrapline.system.errors import ScraplineError

_NAME = re.compile(r"\w[\w-]{0,99}")


def check_name(name: str) -> None:
    """Raise ScraplineError for what is no plain word."""
    if not _NAME.fullmatch(name):
        raise ScraplineError(f"a study's name is one plain word of letters, digits and dashes, not {name!r}")


def folder_of(name: str, files: Collection[str]) -> Path:
    """The folder of a study that writes these files.

    Raises ScraplineError for a name that is no plain word, and where the folder holds something else, such as another
    study's networks of hours.
    """
    check_name(name)
    folder = paths.STUDIES / name
    foreign = sorted(path.name for path in folder.iterdir() if path.name not in files) if folder.is_dir() else []
    if foreign:
        raise ScraplineError(f"{folder} holds {foreign[0]}, of another study: give this one another --name")
    return folder
