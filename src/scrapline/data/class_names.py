"""What a class may be called, and the names that the line keeps for itself."""

from scrapline.data.names import unportable
from scrapline.system.errors import ScraplineError

# Bins of the line's own, which no class may be called.
REVIEW = "manual_review"
RESIDUE = "residue"

# File systems allow 255 bytes; pictures and files of a class add to its name.
_MAX_BYTES = 200

# What divides a data set before its classes do, by what it is for.
_DIVISIONS = ({"train", "training"}, {"val", "valid", "validation", "dev"}, {"test", "testing"})


def check_class_names(classes: list[str], where: str) -> None:
    """Raise ScraplineError unless there are two class folders or more, with names that work on every system."""
    if len(classes) < 2:
        found = f"only `{classes[0]}`" if classes else "none"
        raise ScraplineError(f"{where} needs two or more class folders with photos in them, found {found}")
    words = {name.casefold() for name in classes}
    if sum(bool(words & division) for division in _DIVISIONS) > 1:
        divided = [name for name in classes if any(name.casefold() in division for division in _DIVISIONS)]
        raise ScraplineError(
            f"{where} is divided into {', '.join(divided)} before it is divided into classes: merge these into one "
            "folder per class, and give the division as lists with --split"
        )
    folded: dict[str, str] = {}
    for name in classes:
        if name in (REVIEW, RESIDUE):
            raise ScraplineError(f"{where}: `{name}` is a bin of the line's own: give the class another name")
        twin = folded.setdefault(name.casefold(), name)
        if twin != name:
            raise ScraplineError(f"{where}: classes `{twin}` and `{name}` differ only in case: rename or merge one")
        if len(name.encode()) > _MAX_BYTES:
            raise ScraplineError(f"{where}: class `{name[:40]}...` is longer than {_MAX_BYTES} bytes: shorten it")
        if reason := unportable(name):
            raise ScraplineError(f"{where}: class {name!r} {reason}: rename it")
        if any(not character.isprintable() or character in '/\\:*?"<>|,`' for character in name):
            raise ScraplineError(f"{where}: class {name!r} has a character that not every file system keeps: rename it")
