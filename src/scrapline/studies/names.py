"""What a study may be called: its name is a folder's."""

import re

from scrapline.system.errors import ScraplineError

_NAME = re.compile(r"\w[\w-]{0,99}")


def check_name(name: str) -> None:
    """Raise ScraplineError for what is no plain word."""
    if not _NAME.fullmatch(name):
        raise ScraplineError(f"a study's name is one plain word of letters, digits and dashes, not {name!r}")
