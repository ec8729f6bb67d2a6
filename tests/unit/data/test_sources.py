"""What a folder of photos may look like, and what is refused with a way out."""

import unicodedata
from pathlib import Path, PurePosixPath

import pytest

from conftest import jpeg, noise
from scrapline.data import names, sources
from scrapline.data.class_names import check_class_names
from scrapline.data.splitting import read_lists
from scrapline.system.errors import ScraplineError

NFC, NFD = (unicodedata.normalize(form, "métal") for form in ("NFC", "NFD"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("data/raw")


def lay_out(root: Path, *files: str) -> None:
    for number, file in enumerate(files):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(jpeg(noise(number)))


def listed(root: Path) -> list[str]:
    return [item.path for item in sources.open_source(str(root)).items()]


def test_one_class_in_two_unicode_forms_is_one_class(root: Path) -> None:
    lay_out(root, f"{NFC}/1.jpg", f"{NFD}/2.jpg", f"{NFD}/é.jpg", "verre/1.jpg")
    source = sources.open_source(str(root))
    assert source.classes == [NFC, "verre"]
    items = list(source.items())
    assert [item.path for item in items] == [f"{NFC}/1.jpg", f"{NFC}/2.jpg", f"{NFC}/é.jpg", "verre/1.jpg"]
    assert {item.class_name for item in items} == {NFC, "verre"}
    assert [source.read(item) for item in items] == [jpeg(noise(number)) for number in range(4)]


def test_one_file_in_two_unicode_forms_is_refused(root: Path) -> None:
    lay_out(root, f"{NFC}/1.jpg", f"{NFD}/1.jpg", "verre/1.jpg")
    with pytest.raises(ScraplineError, match="is there in two Unicode forms: rename one"):
        listed(root)


def test_split_lists_are_read_in_the_same_form(tmp_path: Path) -> None:
    for split, line in {"train": f"{NFD}/1.jpg", "val": "./verre/1.jpg", "test": "verre\\2.jpg"}.items():
        (tmp_path / f"{split}.txt").write_text(f"{line}\n", encoding="utf-8")
    assert read_lists(tmp_path) == {f"{NFC}/1.jpg": "train", "verre/1.jpg": "val", "verre/2.jpg": "test"}


@pytest.mark.parametrize("beside", [(), ("other/glass/1.jpg",), ("glass/1.jpg",)])
@pytest.mark.parametrize("words", [("train", "test"), ("Train", "Valid"), ("training", "val", "testing")])
def test_a_division_above_the_classes_is_refused(root: Path, words: tuple[str, ...], beside: tuple[str, ...]) -> None:
    lay_out(root, *(f"{word}/{name}/{word}.jpg" for word in words for name in ("glass", "metal")), *beside)
    with pytest.raises(ScraplineError, match="before it is divided into classes: merge these into one folder"):
        sources.open_source(str(root))


def test_a_class_called_test_is_a_class(root: Path) -> None:
    lay_out(root, "test/1.jpg", "glass/1.jpg")
    assert sources.open_source(str(root)).classes == ["glass", "test"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("metal ", "ends in a space or a dot"),
        ("glass.", "ends in a space or a dot"),
        ("CON", "Windows keeps for itself"),
        ("lpt1.x", "Windows keeps for itself"),
        ("a:b", "does not allow"),
    ],
)
def test_names_that_not_every_system_holds_are_refused(name: str, reason: str) -> None:
    with pytest.raises(ScraplineError, match=f"{reason}.*: rename it"):
        check_class_names(["glass", name], "data/raw")


@pytest.mark.parametrize("name", ["no", "1e3", "001", "10", "2", "A$$B", "cans $5 & $6", "玻璃", "con artist", "comet"])
def test_unusual_names_are_fine(name: str) -> None:
    check_class_names(["glass", name], "data/raw")


def test_litter_of_network_drives_is_left_out(root: Path) -> None:
    lay_out(
        root,
        *("glass/1.jpg", "metal/1.jpg"),
        *("@eaDir/glass/SYNOPHOTO_THUMB_M.jpg", "glass/@eaDir/1.jpg/SYNOPHOTO_THUMB_XL.jpg"),
        *("#recycle/old.jpg", "glass/Thumbs.db", "glass/._1.jpg", "lost+found/x.jpg", "$RECYCLE.BIN/x.jpg"),
    )
    assert sources.open_source(str(root)).classes == ["glass", "metal"]
    assert listed(root) == ["glass/1.jpg", "metal/1.jpg"]


def test_litter_is_known_whatever_its_case() -> None:
    assert not names.visible(PurePosixPath("a/@EADIR/b.jpg"))
    assert names.visible(PurePosixPath("a/eaDir/b.jpg"))


def test_a_linked_class_folder_is_refused(root: Path, tmp_path: Path) -> None:
    lay_out(root, "glass/1.jpg", "paper/1.jpg")
    lay_out(tmp_path / "disk", "metal/1.jpg")
    (root / "metal").symlink_to(tmp_path / "disk/metal")
    with pytest.raises(ScraplineError, match=r"`metal` is a link to a folder elsewhere, which `dvc add` would not"):
        sources.open_source(str(root))


def test_a_linked_folder_inside_a_class_is_refused(root: Path, tmp_path: Path) -> None:
    lay_out(root, "glass/1.jpg", "paper/1.jpg")
    lay_out(tmp_path / "disk", "more/1.jpg")
    (root / "glass/more").symlink_to(tmp_path / "disk/more")
    with pytest.raises(ScraplineError, match=r"`glass/more` is a link to a folder elsewhere"):
        listed(root)


@pytest.mark.parametrize("where", ["metal", "glass/2.jpg"])
def test_a_broken_link_is_named(root: Path, where: str) -> None:
    lay_out(root, "glass/1.jpg", "paper/1.jpg")
    (root / where).symlink_to("nowhere")
    with pytest.raises(ScraplineError, match=rf"`{where}` is a link to nothing"):
        listed(root)


def test_linked_photos_are_read_as_dvc_links_them(root: Path, tmp_path: Path) -> None:
    lay_out(root, "glass/1.jpg", "paper/1.jpg")
    (root / "glass/2.jpg").symlink_to((root / "glass/1.jpg").resolve())
    assert listed(root) == ["glass/1.jpg", "glass/2.jpg", "paper/1.jpg"]
