"""TrashNet, the public data set: where its photos and its authors' split lie, and how to know them again.

Gary Thung and Mindy Yang, MIT licence. 2,527 photos of 512 x 384 pixels in six classes.
"""

from pathlib import Path

from scrapline.data.sources import TRASHNET_SHA256
from scrapline.data.splitting import SPLITS
from scrapline.fetch.download import download
from scrapline.fetch.lists import Lists, read
from scrapline.system.errors import ScraplineError

NAME = "trashnet"
ARCHIVE_URL = "https://huggingface.co/datasets/garythung/trashnet/resolve/main/dataset-resized.zip"
SPLIT_URL = "https://raw.githubusercontent.com/garythung/trashnet/master/data/"
SPLIT_SHA256 = {
    "train": "420971a4248b42b07a741ef277059d92ded0c559cae8960c6a488e9c316ff789",
    "val": "a6c01936e4a4adce41e8da776db39b366d1db46acf07f63215bbe24709081340",
    "test": "a8cc4e520e4676c6e1bd6346d51a101f80e468763a36f2818ed4e32abb05bb79",
}
CLASSES = ("glass", "paper", "cardboard", "plastic", "metal", "trash")  # the authors count them from 1
OFFLINE = (
    "check the connection, or do without it: "
    "python src/data_preparation.py fetch trashnet --archive dataset-resized.zip --split FOLDER"
)


def published_name(split: str) -> str:
    """What the authors call a split's file."""
    return f"one-indexed-files-notrash_{split}.txt"


def download_archive(folder: Path) -> Path:
    """Download the photos; published without a hash of the archive, so `check_content` verifies what is in it."""
    return download(ARCHIVE_URL, folder, otherwise=OFFLINE)


def download_split() -> Lists:
    """Download, verify and cache the authors' lists."""
    files = {
        split: download(SPLIT_URL + published_name(split), None, sha256=SPLIT_SHA256[split], otherwise=OFFLINE)
        for split in SPLITS
    }
    return Lists(NAME, {split: _parse_file(path) for split, path in files.items()})


def read_split(folder: Path) -> Lists:
    """Lists from a local folder, in the authors' form or as train.txt, val.txt and test.txt."""
    published = {split: folder / published_name(split) for split in SPLITS}
    if all(path.is_file() for path in published.values()):
        return Lists(NAME, {split: _parse_file(path) for split, path in published.items()})
    return Lists(NAME, read(folder).lines)


def parse_one_indexed(text: str, where: str) -> list[str]:
    """Lines `<file> <class number>`, counted from 1, as sorted `class/file`; ScraplineError names a bad line."""
    lines = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        file, _, index = line.strip().rpartition(" ")
        if not file or "/" in file or index not in {str(n) for n in range(1, len(CLASSES) + 1)}:
            raise ScraplineError(f"{where}, line {number}: `{line.strip()}` is not `<file> <class number 1-6>`")
        lines.append(f"{CLASSES[int(index) - 1]}/{file}")
    return sorted(lines)


def check_content(digest: str, where: str) -> None:
    """Raise ScraplineError unless the photos are TrashNet's, byte for byte."""
    if digest != TRASHNET_SHA256:
        raise ScraplineError(
            f"{where} does not hold TrashNet's 2,527 resized photos: its content digest is {digest}, not "
            f"{TRASHNET_SHA256}; download dataset-resized.zip again, or fetch it as your own: fetch FILE"
        )


def _parse_file(path: Path) -> list[str]:
    try:
        return parse_one_indexed(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise ScraplineError(f"{path} is not UTF-8 text") from None
