"""Which files of a folder are classified, and what is said of the others."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from conftest import jpeg, noise
from scrapline.data.imaging import Preprocessing, load
from scrapline.runtime import classify
from scrapline.runtime.engine import Classification
from scrapline.system.errors import ScraplineError


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is printed on the console; and an engine that calls everything glass."""
    engine = SimpleNamespace(
        preprocess=lambda data: load(data, Preprocessing(32, 512)),
        infer=lambda images: (np.ones((len(images), 2), np.float32), None),
        decide=lambda row: Classification("glass", 0.9, "metal", 0.1, low_confidence=False),
    )
    monkeypatch.setattr("scrapline.runtime.deployed.load", lambda path, tuning: engine)
    lines: list[str] = []
    monkeypatch.setattr(classify, "info", lines.append)
    return lines


def folder(root: Path) -> Path:
    for name in ("a.jpg", "b.jfif", "c.jpe", "d", "sub/e.MPO", "x.jpg/f.jpg", "@eaDir/g.jpg", ".hidden.jpg", "._a.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(jpeg(noise(1)))
    (root / "notes.txt").write_text("no photo")
    return root


def test_photos_are_known_by_their_content_and_the_rest_is_counted(
    tmp_path: Path, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    classify.run([folder(tmp_path / "in")], Path("model.onnx"), as_json=True)
    shown = [line.partition('"image": "')[2].partition('"')[0] for line in capsys.readouterr().out.splitlines()]
    expected = ["a.jpg", "b.jfif", "c.jpe", "d", "sub/e.MPO", "x.jpg/f.jpg"]
    assert sorted(Path(path).relative_to(tmp_path / "in").as_posix() for path in shown) == expected
    assert said == [f"1 file is no image and was passed over, the first {tmp_path / 'in/notes.txt'}"]


def test_a_damaged_photo_and_a_named_file_are_errors(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "cut.jpg").write_bytes(b"no photo")
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(ScraplineError, match="1 of 1 images could not be read"):
        classify.run([tmp_path / "notes.txt"], Path("model.onnx"), as_json=True)
    with pytest.raises(ScraplineError, match="1 of 1 images could not be read"):  # the text beside it is none
        classify.run([tmp_path], Path("model.onnx"), as_json=True)


def test_linked_folders_are_named(tmp_path: Path, said: list[str]) -> None:
    photos = folder(tmp_path / "elsewhere")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jpg").write_bytes(jpeg(noise(1)))
    (tmp_path / "in/linked").symlink_to(photos)
    (tmp_path / "in/gone.jpg").symlink_to("nowhere")
    classify.run([tmp_path / "in"], Path("model.onnx"), as_json=True)
    assert len(said) == 2
    assert "in/linked is a link to a folder and is passed over" in said[0]
    assert "in/gone.jpg is a link to nothing and is passed over" in said[1]


def test_a_folder_without_images_is_one_line(tmp_path: Path, said: list[str]) -> None:
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.raises(ScraplineError, match="holds no image files"):
        classify.run([tmp_path], Path("model.onnx"), as_json=True)
