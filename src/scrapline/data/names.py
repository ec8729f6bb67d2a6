"""Names of files and folders: which to look at, in one Unicode form, and which not every system can hold."""

import re
import unicodedata
from pathlib import PurePosixPath

# What file managers, network drives and disks leave behind, in lower case.
_LITTER = frozenset(
    {
        *("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
        *("@eadir", "@tmp", "#recycle", "#snapshot", "@recycle", "@recently-snapshot"),
        *("$recycle.bin", "system volume information", "lost+found"),
    }
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)


def nfc(text: str) -> str:
    """The one form in which names are compared, kept and shown: a Mac writes é as two characters, Linux as one."""
    return unicodedata.normalize("NFC", text)


def visible(path: PurePosixPath) -> bool:
    """Whether no part of the path is hidden or litter of file managers, network drives and disks."""
    return not any(part.startswith(".") or part.casefold() in _LITTER for part in path.parts)


def unportable(name: str) -> str | None:
    """Why Windows cannot hold a file or folder of this name, as the end of a sentence; None where it can."""
    if name != name.rstrip(" ."):
        return "ends in a space or a dot, which Windows drops"
    if _RESERVED.fullmatch(name):
        return "is a name that Windows keeps for itself"
    if any(character in ':*?"<>|\\' for character in name):
        return "has a character that Windows does not allow"
    return None
