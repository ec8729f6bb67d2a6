"""Small helpers around files: JSON, hashes, removing, and what to say where an earlier stage has not run."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import platformdirs

from scrapline.system.errors import ScraplineError


def user_cache_folder() -> Path:
    """Where this user's runs keep what they can make anew, shared by all clones; it may not exist."""
    return Path(platformdirs.user_cache_dir("scrapline", appauthor=False))


def remove(path: Path) -> None:
    """Remove a file or a folder with all in it; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that diffs well: indented, newline-ended, in the order given."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read what an earlier stage wrote; ScraplineError where that stage has not run."""
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScraplineError(f"{path} is not here yet: run `dvc repro` (or `dvc pull`)") from None
    except (ValueError, RecursionError) as error:
        raise ScraplineError(f"{path} is damaged ({error}): run `dvc repro`") from None
    return content


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def require(path: Path) -> Path:
    """The path itself, or ScraplineError where an earlier stage has not written it."""
    if not path.exists():
        raise ScraplineError(f"{path} is not here yet: run `dvc repro` (or `dvc pull`)")
    return path
