"""Where images come from: a folder of class folders, or a recipe that the renderer draws."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from scrapline.data.class_names import check_class_names
from scrapline.data.imaging import IMAGE_SUFFIXES
from scrapline.data.names import nfc, visible
from scrapline.system.errors import ScraplineError

if TYPE_CHECKING:
    from scrapline.rendering import Recipe

TRASHNET_SHA256 = "500621cb43942c2ca8065cc6fea1acad9a020fc773e524146816ab2aef8eaed9"


@dataclass(frozen=True, slots=True)
class Item:
    """One image of a source; `path` is `class/file`, as split lists and the manifest write it."""

    class_name: str
    path: str


class Source(Protocol):
    """Something `prepare` can read. Picklable, since workers read from it."""

    @property
    def classes(self) -> list[str]:
        """Class names, sorted."""

    def items(self) -> Iterator[Item]:
        """Every image, sorted by path."""

    def read(self, item: Item) -> bytes:
        """The bytes of one image's file."""


@dataclass(frozen=True)
class FolderSource:
    """A folder with one sub-folder per class; hidden files and litter are not looked at, nested folders are.

    Names come in one Unicode form (NFC): folders that two systems named in two forms are one class.
    """

    root: Path

    @property
    def classes(self) -> list[str]:
        """Names of the sub-folders, sorted."""
        return sorted({nfc(folder.name) for folder in self._folders()})

    def items(self) -> Iterator[Item]:
        """Every file in a class folder, sorted by path."""
        for name in _by_line(self.classes):
            folders = [folder for folder in self._folders() if nfc(folder.name) == name]
            before = ""
            for path in sorted(nfc(path) for folder in folders for path in self._files(folder)):
                if path == before:
                    raise ScraplineError(f"{self.root}: `{path}` is there in two Unicode forms: rename one of them")
                before = path
                yield Item(name, path)

    def read(self, item: Item) -> bytes:
        """The file's bytes."""
        try:
            return (self.root / item.path).read_bytes()
        except FileNotFoundError:  # on disk its name may have the other Unicode form
            return self._on_disk(item.path).read_bytes()

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.root.iterdir() if path.is_dir() and visible(PurePosixPath(path.name)))

    def _files(self, folder: Path) -> Iterator[str]:
        for path in folder.rglob("*"):
            below = path.relative_to(self.root)
            if not visible(PurePosixPath(below.as_posix())):
                continue
            _check_link(self.root, path)
            if path.is_file():
                if not _is_text(below.as_posix()):
                    raise ScraplineError(
                        f"{self.root}: the name of {below.as_posix()!r} is no plain text: rename the file"
                    )
                yield below.as_posix()

    def _on_disk(self, path: str) -> Path:
        places = [self.root]
        for part in PurePosixPath(path).parts:
            places = [entry for place in places for entry in place.iterdir() if nfc(entry.name) == part]
        return places[0] if places else self.root / path


@dataclass(frozen=True)
class RenderedSource:
    """Images drawn from a recipe, each from its class and number alone."""

    recipe: "Recipe"

    @property
    def classes(self) -> list[str]:
        """The recipe's materials, sorted."""
        return sorted(self.recipe.materials)

    def items(self) -> Iterator[Item]:
        """Numbered images of every material."""
        for name in _by_line(self.classes):
            for index in range(self.recipe.images_per_class):
                yield Item(name, f"{name}/{index:06d}.jpg")

    def read(self, item: Item) -> bytes:
        """Draw the image and encode it as JPEG."""
        from scrapline.rendering import render_jpeg

        return render_jpeg(self.recipe, item.class_name, int(Path(item.path).stem))


def open_source(source: str) -> Source:
    """The source that `data.source` names; ScraplineError where it is missing or holds fewer than two classes."""
    path = Path(source)
    if path.is_absolute() or ".." in path.parts:
        raise ScraplineError(
            f"data.source `{source}` lies outside the repository, where DVC cannot version it: bring the photos in "
            "with `python src/data_preparation.py fetch FOLDER` and use data/raw"
        )
    if path.suffix in {".yaml", ".yml"}:
        from scrapline.rendering import load_recipe  # with its arithmetic, which photos from a folder do not need

        return RenderedSource(load_recipe(path))
    if not path.exists():
        raise ScraplineError(
            f"data.source `{source}` is not here: fetch photos with `python src/data_preparation.py fetch "
            "FOLDER|ARCHIVE|URL|trashnet`, or get a versioned data set with `dvc pull`"
        )
    if not path.is_dir():
        raise ScraplineError(f"data.source `{source}` is a file: it must be a folder with one sub-folder per class")
    folder = FolderSource(path)
    _check_hidden(path)
    for entry in sorted(path.iterdir()):
        if visible(PurePosixPath(entry.name)):
            _check_link(path, entry)
    check_class_names(folder.classes, str(path))
    return folder


def _check_link(root: Path, path: Path) -> None:
    """DVC versions what a folder holds, not what a link in it points to; links of DVC's own are to files."""
    if not path.is_symlink():
        return
    where = path.relative_to(root).as_posix()
    if not path.exists():
        raise ScraplineError(f"{root}: `{where}` is a link to nothing: bring its photos back, or remove it")
    if path.is_dir():
        raise ScraplineError(
            f"{root}: `{where}` is a link to a folder elsewhere, which `dvc add` would not version: copy its photos "
            "here, or bring the whole data set in with `fetch`"
        )


def _check_hidden(root: Path) -> None:
    """Photos that nobody would look at are not passed over in silence."""
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and path.name.startswith(".")):
        if any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.iterdir()):
            raise ScraplineError(
                f"{root}: the folder `{folder.name}` begins with a dot, so the photos in it would not be looked at: "
                "rename it, or move it elsewhere"
            )


def count(source: Source) -> int:
    """How many images the source holds; ScraplineError where a class has none."""
    total = Counter(item.class_name for item in source.items())
    if total.total() == 0:
        raise ScraplineError("data.source holds no images: put photos into its class folders")
    for name in source.classes:
        if not total[name]:
            raise ScraplineError(f"class `{name}` has no usable photo (the folder is empty): add photos, or remove it")
    return total.total()


def describe(source: str, content_sha256: str) -> str:
    """What the images are, by their content where it is known."""
    if content_sha256 == TRASHNET_SHA256:
        return "TrashNet (Thung and Yang 2017, MIT licence)"
    return "rendered demo images" if source.endswith((".yaml", ".yml")) else "photos of the user's own"


class ContentDigest:
    """SHA-256 over the sorted lines `class/file <sha256 of the file>`: the same photos give the same digest."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, path: str, sha256: str) -> None:
        """Add the next file; files come sorted by path."""
        self._hash.update(f"{path} {sha256}\n".encode())

    def hexdigest(self) -> str:
        """The digest so far."""
        return self._hash.hexdigest()


def _by_line(classes: list[str]) -> list[str]:
    """In the order that lines `class/file` sort: `a-b/x` stands before `a/x`."""
    return sorted(classes, key=lambda name: f"{name}/")


def _is_text(path: str) -> bool:
    """Whether a file's name is UTF-8 (Python carries other bytes as lone surrogates) without control characters."""
    return not any(unicodedata.category(character) in {"Cc", "Cs"} for character in path)
