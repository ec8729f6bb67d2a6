import io
from collections import Counter
from pathlib import Path

import pytest

from scrapline.cli.console import console
from scrapline.data.frames_table import write_frames_table
from scrapline.line.feeds.folder import Folder, find_frames
from scrapline.system.errors import ScraplineError

MATERIALS = ["glass", "metal"]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    stream = io.StringIO()
    monkeypatch.setattr(console, "file", stream)
    return stream


def fill(root: Path, *names: str) -> Path:
    """Files that hold their own names; no feed looks into one."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def names(feed: Folder, items: int, first: int = 0) -> list[str]:
    return [feed.take(number, 0.0).name for number in range(first, first + items)]


def test_classes_alternate_and_frames_come_again(tmp_path: Path) -> None:
    fill(tmp_path, "glass/b.jpg", "glass/a.jpg", "metal/a.png", "metal/c.JPG", "metal/b.jpg", "metal/notes.txt")
    feed = Folder(tmp_path, MATERIALS)
    turn = ["glass/a.jpg", "metal/a.png", "glass/b.jpg", "metal/b.jpg", "metal/c.JPG"]
    assert names(feed, 7) == [*turn, *turn[:2]]
    assert names(feed, 2, first=10**12 + 1) == turn[1:3]
    frame = feed.take(2, 0.0)
    assert (frame.data, frame.true_class, frame.group) == (b"glass/b.jpg", "glass", "glass/b.jpg")


def test_litter_and_hidden_folders_are_not_looked_at(tmp_path: Path) -> None:
    fill(tmp_path, "glass/a.jpg", "glass/._a.jpg", ".trash/b.jpg", "@eaDir/c.jpg")
    assert names(Folder(tmp_path, MATERIALS), 2) == ["glass/a.jpg"] * 2


def test_without_class_folders_nobody_knows_the_class(tmp_path: Path, said: io.StringIO) -> None:
    feed = Folder(fill(tmp_path, "b.jpg", "a.jpg"), MATERIALS)
    assert names(feed, 3) == ["a.jpg", "b.jpg", "a.jpg"]
    assert (feed.take(0, 0.0).true_class, feed.take(0, 0.0).group) == ("", "a.jpg")
    assert feed.facts()["classes"] is None
    assert not said.getvalue()


def test_class_folders_win_over_pictures_beside_them(tmp_path: Path) -> None:
    assert names(Folder(fill(tmp_path, "a.jpg", "glass/b.jpg"), MATERIALS), 2) == ["glass/b.jpg"] * 2


def test_a_material_that_the_model_does_not_know_is_said_in_one_line(tmp_path: Path, said: io.StringIO) -> None:
    fill(tmp_path, "glass/a.jpg", "wood/a.jpg", "stone/a.jpg")
    feed = Folder(tmp_path, MATERIALS)
    assert [feed.take(number, 0.0).true_class for number in range(3)] == ["glass", "stone", "wood"]
    (line,) = said.getvalue().splitlines()
    assert "the model does not know `stone`, `wood`" in line


def test_strict_refuses_it(tmp_path: Path) -> None:
    fill(tmp_path, "glass/a.jpg", "wood/a.jpg")
    with pytest.raises(ScraplineError, match=r"holds class `wood`, which the model does not know: run `dvc repro`$"):
        find_frames(tmp_path, MATERIALS, strict=True)


def test_strict_takes_no_frames_of_no_class(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match="holds no frames"):
        find_frames(fill(tmp_path, "a.jpg"), MATERIALS, strict=True)


def test_strict_says_nothing_of_a_folder_that_is_right(tmp_path: Path, said: io.StringIO) -> None:
    assert len(find_frames(fill(tmp_path, "glass/a.jpg", "metal/a.jpg"), MATERIALS, strict=True)) == 2
    assert not said.getvalue()


@pytest.mark.parametrize("strict", [False, True])
def test_an_empty_folder_is_refused_in_one_line(strict: bool, tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match=r"`dvc repro prepare` \(or `dvc pull`\)") as caught:
        Folder(fill(tmp_path, "notes.txt"), MATERIALS, strict=strict)
    assert "\n" not in str(caught.value)


def test_a_frame_that_cannot_be_read_has_no_bytes(tmp_path: Path) -> None:
    feed = Folder(fill(tmp_path, "glass/a.jpg"), MATERIALS)
    (tmp_path / "glass/a.jpg").unlink()
    assert feed.take(0, 0.0).data == b""
    assert feed.take(0, 0.0).true_class == "glass"


def test_a_mix_gives_each_class_its_share_whatever_the_folder_holds(tmp_path: Path) -> None:
    fill(tmp_path, *(f"glass/{number}.jpg" for number in range(9)), "metal/a.jpg", "metal/b.jpg", "paper/a.jpg")
    feed = Folder(tmp_path, [*MATERIALS, "paper"], seed=3, mix={"metal": 3, "glass": 1})
    seen = Counter(names(feed, 2000))
    metal = seen["metal/a.jpg"] + seen["metal/b.jpg"]
    assert 1400 < metal < 1600  # 1500, five standard deviations off at most
    assert 600 < seen["metal/a.jpg"] < 900
    assert all(seen[f"glass/{number}.jpg"] > 20 for number in range(9))
    assert set(seen) == {f"glass/{number}.jpg" for number in range(9)} | {"metal/a.jpg", "metal/b.jpg"}
    assert feed.facts()["shares"] == {"metal": 0.75, "glass": 0.25}


def test_a_mix_is_a_matter_of_seed_and_number_alone(tmp_path: Path) -> None:
    fill(tmp_path, *(f"{name}/{number}.jpg" for name in MATERIALS for number in range(20)))
    mix = {"glass": 0.5, "metal": 0.5}
    whole = names(Folder(tmp_path, MATERIALS, seed=3, mix=mix), 60)
    assert names(Folder(tmp_path, MATERIALS, seed=3, mix=mix), 20, first=40) == whole[40:]
    assert names(Folder(tmp_path, MATERIALS, seed=4, mix=mix), 60) != whole


def test_a_mix_needs_frames_of_its_classes(tmp_path: Path) -> None:
    fill(tmp_path, "glass/a.jpg", "metal/a.jpg")
    with pytest.raises(ScraplineError, match=r"names `paper`, of which .* has nothing: it has glass, metal$"):
        Folder(tmp_path, [*MATERIALS, "paper"], mix={"glass": 0.5, "paper": 0.5})


def test_a_mix_needs_classes(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match=r"names `glass`, of which .* has nothing: it has no classes$"):
        Folder(fill(tmp_path, "a.jpg"), MATERIALS, mix={"glass": 1.0})


def test_a_table_says_which_frames_show_one_object(tmp_path: Path) -> None:
    fill(tmp_path, "glass/a.jpg", "glass/b.jpg", "glass/c.jpg", "glass/d.jpg")
    rows = [("glass/a.jpg", "bottle 1", 1.0), ("glass/b.jpg", "bottle 1", 1.0), ("glass/gone.jpg", "bottle 2", 1.0)]
    write_frames_table(tmp_path, rows)
    feed = Folder(tmp_path, MATERIALS)
    groups = {frame.name: frame.group for frame in (feed.take(number, 0.0) for number in range(60))}
    assert groups == {
        "glass/a.jpg": "bottle 1",
        "glass/b.jpg": "bottle 1",
        "glass/c.jpg": "glass/c.jpg",
        "glass/d.jpg": "glass/d.jpg",
    }


def test_laid_out_frames_come_in_the_mix_of_the_split_that_they_stand_for(tmp_path: Path) -> None:
    """One frame of glass stands for thirty photos, each of two of metal for five: three quarters are glass."""
    fill(tmp_path, "glass/a.jpg", "metal/a.jpg", "metal/b.jpg")
    write_frames_table(tmp_path, [("glass/a.jpg", "a", 30.0), ("metal/a.jpg", "b", 5.0), ("metal/b.jpg", "c", 5.0)])
    feed = Folder(tmp_path, MATERIALS, seed=3)
    assert (feed.facts()["mix"], feed.facts()["shares"]) == ("as in the test split", {"glass": 0.75, "metal": 0.25})
    came = Counter(feed.take(number, 0.0).name for number in range(2000))
    assert came["glass/a.jpg"] == pytest.approx(1500, abs=100)
    assert came["metal/a.jpg"] == pytest.approx(250, abs=80)
    asked = Folder(tmp_path, MATERIALS, seed=3, mix={"metal": 1.0})
    assert asked.facts()["mix"] == "as asked"
    assert {asked.take(number, 0.0).true_class for number in range(20)} == {"metal"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("frame,sort\na,b\n", "needs the columns frame, group and stands_for"),
        ("frame,group,stands_for\nglass/a.jpg,x,none\n", r"frames.csv, line 2: `stands_for` must be a number above 0"),
        ("frame,group,stands_for\nglass/a.jpg,x,-1\n", r"frames.csv, line 2: `stands_for` must be a number above 0"),
    ],
)
def test_a_table_that_is_none_is_refused(text: str, message: str, tmp_path: Path) -> None:
    fill(tmp_path, "glass/a.jpg")
    (tmp_path / ".frames.csv").write_text(text)
    with pytest.raises(ScraplineError, match=message):
        Folder(tmp_path, MATERIALS)


def test_facts_say_what_is_there(tmp_path: Path) -> None:
    feed = Folder(fill(tmp_path, "metal/a.jpg", "metal/b.jpg", "glass/a.jpg"), MATERIALS)
    assert feed.facts() == {
        "kind": "folder",
        "path": str(tmp_path),
        "frames": 3,
        "classes": {"glass": 1, "metal": 2},
        "mix": "as in the folder",
        "shares": None,
    }
