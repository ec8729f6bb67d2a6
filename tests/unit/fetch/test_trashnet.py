"""TrashNet comes in whole, verified by content, with its authors' split in either of its forms."""

import dataclasses
import shutil
import zipfile
from pathlib import Path

import pytest

from scrapline.data.splitting import SPLITS, read_lists
from scrapline.fetch import trashnet
from scrapline.fetch.command import Request, fetch
from scrapline.system.errors import ScraplineError

DATASET = Path(__file__).resolve().parents[3].parent / "shared/datasets/trashnet"
SIZES = {"train": 1768, "val": 328, "test": 431}


def published_form(split: str) -> str:
    """The authors' file, made from our lists: the same lines in their notation."""
    lines = (DATASET / f"split/{split}.txt").read_text(encoding="utf-8").split()
    pairs = (line.split("/") for line in lines)
    return "".join(f"{file} {trashnet.CLASSES.index(name) + 1}\n" for name, file in pairs)


def test_published_lines_become_sorted_paths() -> None:
    text = "trash2.jpg 6\nglass10.jpg 1\r\n\npaper 1.jpg 2\ncardboard1.jpg 3\nplastic1.jpg 4\nmetal1.jpg 5\n"
    assert trashnet.parse_one_indexed(text, "list.txt") == [
        "cardboard/cardboard1.jpg",
        "glass/glass10.jpg",
        "metal/metal1.jpg",
        "paper/paper 1.jpg",
        "plastic/plastic1.jpg",
        "trash/trash2.jpg",
    ]


@pytest.mark.parametrize(
    "line", ["glass1.jpg 0", "glass1.jpg 7", "glass1.jpg", "1", "../glass1.jpg 1", "glass1.jpg one", "glass1.jpg -1"]
)
def test_a_bad_line_is_named(line: str) -> None:
    with pytest.raises(ScraplineError, match=r"list.txt, line 2: .* is not `<file> <class number 1-6>`"):
        trashnet.parse_one_indexed(f"glass1.jpg 1\n{line}\n", "list.txt")


def test_both_forms_of_a_split_folder_give_the_same_lists(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
    for index, split in enumerate(SPLITS):
        (ours / f"{split}.txt").write_text(f"trash/t{index}.jpg\nglass/g{index}.jpg\n")
        (theirs / trashnet.published_name(split)).write_text(f"t{index}.jpg 6\ng{index}.jpg 1\n")
    lists = trashnet.read_split(ours)
    assert lists == trashnet.read_split(theirs)
    assert lists.name == "trashnet"
    assert lists.lines["val"] == ["glass/g1.jpg", "trash/t1.jpg"]


def test_a_split_folder_with_neither_form(tmp_path: Path) -> None:
    (tmp_path / trashnet.published_name("train")).write_text("g.jpg 1\n")
    with pytest.raises(ScraplineError, match=r"train.txt is not here"):
        trashnet.read_split(tmp_path)


def test_lists_that_are_no_text(tmp_path: Path) -> None:
    for split in SPLITS:
        (tmp_path / trashnet.published_name(split)).write_bytes(b"\xff\xfe")
    with pytest.raises(ScraplineError, match="is not UTF-8 text"):
        trashnet.read_split(tmp_path)


def test_online_the_published_addresses_and_hashes_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, str | None] = {}

    def answer(url: str, folder: Path | None, *, sha256: str | None = None, otherwise: str) -> Path:
        asked[url] = sha256
        assert "--archive" in otherwise
        (tmp_path / "list").write_text("glass1.jpg 1\n")
        return tmp_path / "list"

    monkeypatch.setattr(trashnet, "download", answer)
    assert trashnet.download_split().lines == {split: ["glass/glass1.jpg"] for split in SPLITS}
    trashnet.download_archive(tmp_path)
    base = "https://raw.githubusercontent.com/garythung/trashnet/master/data/one-indexed-files-notrash_"
    assert asked == {f"{base}{split}.txt": trashnet.SPLIT_SHA256[split] for split in SPLITS} | {
        "https://huggingface.co/datasets/garythung/trashnet/resolve/main/dataset-resized.zip": None
    }


def test_other_photos_than_trashnets_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        for name in ("glass/glass1.jpg", "metal/metal1.jpg"):
            archive.writestr(f"dataset-resized/{name}", b"other")
    split = tmp_path / "split"
    split.mkdir()
    for name, lines in {"train": "glass/glass1.jpg", "val": "metal/metal1.jpg", "test": ""}.items():
        (split / f"{name}.txt").write_text(lines)
    with pytest.raises(ScraplineError, match=r"other.zip does not hold TrashNet's 2,527 resized photos"):
        fetch(Request(source="trashnet", archive=tmp_path / "other.zip", split=split))
    assert not [path for path in (tmp_path / "data").rglob("*") if path != tmp_path / "data/splits"]


@pytest.mark.trashnet
@pytest.mark.skipif(not DATASET.is_dir(), reason="TrashNet is not in ../shared/datasets")
def test_trashnet_offline_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fetched = fetch(
        Request(source="trashnet", archive=DATASET / "dataset-resized.zip", split=DATASET / "split", replace=True)
    )
    assert fetched.counts == {"cardboard": 403, "glass": 501, "metal": 410, "paper": 594, "plastic": 482, "trash": 137}
    assert fetched.digest == trashnet.TRASHNET_SHA256
    assert fetched.lists == "trashnet"
    assert sum(path.is_file() for path in Path("data/raw").rglob("*")) == 2527
    split_of = read_lists(Path("data/splits/trashnet"))
    assert {split: list(split_of.values()).count(split) for split in SPLITS} == SIZES
    assert all((Path("data/raw") / path).is_file() for path in split_of)
    assert sorted(path.name for path in Path("data").iterdir()) == ["raw", "splits"]
    again = Request(source="trashnet", archive=DATASET / "dataset-resized.zip", split=DATASET / "split")
    assert fetch(again).counts == fetched.counts, "the same command again finds everything there"
    other = tmp_path / "other"
    shutil.copytree(DATASET / "split", other)
    (other / "val.txt").write_text((DATASET / "split/val.txt").read_text().split("\n", 1)[1])
    with pytest.raises(ScraplineError, match="--replace"):
        fetch(dataclasses.replace(again, split=other))
    with pytest.raises(ScraplineError, match="nowhere"):
        fetch(dataclasses.replace(again, split=tmp_path / "nowhere"))


@pytest.mark.trashnet
@pytest.mark.skipif(not DATASET.is_dir(), reason="TrashNet is not in ../shared/datasets")
def test_our_lists_are_the_published_ones(tmp_path: Path) -> None:
    for split in SPLITS:
        (tmp_path / trashnet.published_name(split)).write_text(published_form(split))
    assert trashnet.read_split(tmp_path) == trashnet.read_split(DATASET / "split")
    assert {split: len(lines) for split, lines in trashnet.read_split(tmp_path).lines.items()} == SIZES
