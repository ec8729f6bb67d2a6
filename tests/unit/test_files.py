from pathlib import Path

import pytest

from scrapline import files
from scrapline.errors import ScraplineError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tree() -> dict[str, str]:
    return {str(path): path.read_text() for path in Path().rglob("*") if path.is_file()}


def test_replacing_puts_files_and_folders_into_place_together() -> None:
    Path("out").mkdir()
    Path("out/old.txt").write_text("old")
    with files.replacing(Path("out"), Path("deep/model.pth")) as (folder, model):
        (folder / "new.txt").write_text("new")
        model.write_text("weights")
        assert tree()["out/old.txt"] == "old"
    assert tree() == {"out/new.txt": "new", "deep/model.pth": "weights"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_leaves_all_as_it_was_when_the_block_fails(error: type[BaseException]) -> None:
    Path("a.txt").write_text("old")
    with pytest.raises(error), files.replacing(Path("a.txt"), Path("b")) as (fresh, _):
        fresh.write_text("half")
        raise error
    assert tree() == {"a.txt": "old"}
    assert [path.name for path in Path().iterdir()] == ["a.txt"]


def test_replacing_restores_all_targets_when_one_was_not_written() -> None:
    Path("a.txt").write_text("old a")
    Path("b.txt").write_text("old b")
    with pytest.raises(FileNotFoundError), files.replacing(Path("a.txt"), Path("b.txt")) as (first, _):
        first.write_text("new a")
    assert tree() == {"a.txt": "old a", "b.txt": "old b"}


def test_a_killed_run_is_cleared_up_by_the_next() -> None:
    Path(".a.txt.old").write_text("kept")
    Path(".a.txt.partial").write_text("half")
    files.recover(Path("a.txt"))
    assert tree() == {"a.txt": "kept"}


def test_missing_and_damaged_json_name_the_remedy() -> None:
    with pytest.raises(ScraplineError, match=r"x\.json is not here yet: run `dvc repro`"):
        files.read_json(Path("x.json"))
    Path("x.json").write_text("{")
    with pytest.raises(ScraplineError, match=r"x\.json is damaged"):
        files.read_json(Path("x.json"))
