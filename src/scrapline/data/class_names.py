"""What a class may be called, and the names that the line keeps for itself."""

from scrapline.system.errors import ScraplineError

# Bins of the line's own, which no class may be called.
REVIEW = "manual_review"
RESIDUE = "residue"


def check_class_names(classes: list[str], where: str) -> None:
    """Raise ScraplineError unless there are two class folders or more, with names that work on every system."""
    if len(classes) < 2:
        found = f"only `{classes[0]}`" if classes else "none"
        raise ScraplineError(f"{where} needs two or more class folders with photos in them, found {found}")
    folded: dict[str, str] = {}
    for name in classes:
        if name in (REVIEW, RESIDUE):
            raise ScraplineError(f"{where}: `{name}` is a bin of the line's own: give the class another name")
        twin = folded.setdefault(name.casefold(), name)
        if twin != name:
            raise ScraplineError(f"{where}: classes `{twin}` and `{name}` differ only in case: rename or merge one")
        if any(not character.isprintable() or character in '/\\:*?"<>|,`' for character in name):
            raise ScraplineError(f"{where}: class {name!r} has a character that not every file system keeps: rename it")
