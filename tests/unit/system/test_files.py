from pathlib import Path

import pytest

from scrapline.system import files
from scrapline.system.errors import ScraplineError


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_missing_and_damaged_json_name_the_remedy() -> None:
    with pytest.raises(ScraplineError, match=r"x\.json is not here yet: run `dvc repro`"):
        files.read_json(Path("x.json"))
    Path("x.json").write_text("{")
    with pytest.raises(ScraplineError, match=r"x\.json is damaged"):
        files.read_json(Path("x.json"))
