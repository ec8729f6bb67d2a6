"""Groups of copies, photos that bear two labels, and what a person declared about pairs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from conftest import noise
from scrapline.data.duplicates.thumbnails import thumbnail
from scrapline.data.pins import Pin
from scrapline.params import Data
from scrapline.paths import PAIRS
from scrapline.prepare import grouping
from scrapline.prepare.grouping import Grouped
from scrapline.prepare.handwritten import Resolved, read_handwritten
from scrapline.prepare.quality import Photo

SIZE = (160, 120)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    PAIRS.parent.mkdir(parents=True)
    return tmp_path


def group(project: Path, images: dict[str, Image.Image], pins: dict[str, Pin] | None = None) -> Grouped:
    """Group images by path; their ids are 00, 01, ... in that order."""
    photos = []
    with (project / "thumbnails").open("wb") as stream:
        for number, (path, image) in enumerate(images.items()):
            photos.append(Photo(f"{number:02d}", path.split("/")[0], path, *SIZE, 9, "jpg", False, number))
            stream.write(thumbnail(np.asarray(image)).tobytes())
    declaration = Resolved(read_handwritten(Data.model_construct(group=None)), photos, []).pairs
    return grouping.group(photos, project / "thumbnails", declaration, pins or {})


def declare(project: Path, *lines: str) -> None:
    PAIRS.write_text("\n".join(["first,second,verdict", *lines]) + "\n")


def brighter(image: Image.Image) -> Image.Image:
    return Image.fromarray((np.asarray(image) * 0.9).astype(np.uint8))


def test_a_picture_saved_again_under_another_label_is_a_conflict_and_a_mirrored_one_is_not(project: Path) -> None:
    one, two, three = (noise(seed, SIZE) for seed in range(3))
    images = {
        "glass/1": one,
        "glass/2": two,
        "glass/3": three,
        "metal/1": brighter(one),
        "metal/2": ImageOps.mirror(two),
    }
    grouped = group(project, images)
    assert {(each.source_path, each.reason, each.detail) for each in grouped.rejected} == {
        ("glass/1", "label_conflict", "the same picture, saved again, as metal/1"),
        ("metal/1", "label_conflict", "the same picture, saved again, as glass/1"),
    }
    assert [photo.source_path for photo in grouped.photos] == ["glass/2", "glass/3", "metal/2"]
    assert grouped.groups == ["01", "02", "01"]
    assert [(j.first.source_path, j.second.source_path, j.reason) for j in grouped.joined] == [
        ("glass/2", "metal/2", "same framing, mirrored")
    ]


def test_a_photo_pinned_train_only_takes_no_other_along_for_its_second_label(project: Path) -> None:
    images = {"glass/1": noise(1, SIZE), "metal/1": brighter(noise(1, SIZE))}
    for pinned, stays in (("00", "metal/1"), ("01", "glass/1")):
        grouped = group(project, images, {pinned: Pin.TRAIN_ONLY})
        assert [photo.source_path for photo in grouped.photos] == [stays]
        assert [entry.reason for entry in grouped.rejected] == ["label_conflict"]
    both = group(project, images, {"00": Pin.TRAIN_ONLY, "01": Pin.TRAIN_ONLY})
    assert both.photos == []


def test_copies_in_one_class_are_a_group_and_no_conflict(project: Path) -> None:
    one = noise(1, SIZE)
    grouped = group(project, {"glass/1": one, "glass/2": noise(2, SIZE), "glass/3": brighter(one)})
    assert grouped.rejected == []
    assert grouped.groups == ["00", "01", "00"]
    (joined,) = grouped.joined
    assert joined.reason == "saved again"
    assert joined.likeness is not None
    assert min(joined.likeness) > 0.9


def test_what_is_declared_different_is_no_group_and_no_conflict(project: Path) -> None:
    one, two = noise(1, SIZE), noise(2, SIZE)
    declare(project, "glass/1,metal/1,different", "02,glass/4,different")
    images = {"glass/1": one, "metal/1": brighter(one), "glass/3": two, "glass/4": brighter(two)}
    grouped = group(project, images)
    assert grouped.rejected == grouped.joined == []
    assert grouped.groups == ["00", "01", "02", "03"]


def test_what_is_declared_the_same_is_a_group_though_it_looks_different(project: Path) -> None:
    declare(project, "glass/2,00,same")
    grouped = group(project, {"glass/1": noise(1, SIZE), "glass/2": noise(2, SIZE), "glass/3": noise(3, SIZE)})
    assert grouped.groups == ["00", "00", "02"]
    assert [(joined.reason, joined.likeness) for joined in grouped.joined] == [("declared the same", None)]


def test_a_resave_that_is_declared_the_same_across_classes_stays(project: Path) -> None:
    one = noise(1, SIZE)
    declare(project, "glass/1,metal/1,same")
    grouped = group(project, {"glass/1": one, "metal/1": brighter(one)})
    assert grouped.rejected == []
    assert grouped.groups == ["00", "00"]


def test_a_declared_difference_that_others_bridge_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(grouping, "info", said.append)
    one = noise(1, SIZE)
    declare(project, "glass/1,glass/2,different")
    grouped = group(project, {"glass/1": one, "glass/2": brighter(one), "glass/3": brighter(brighter(one))})
    assert grouped.groups == ["00", "00", "00"]
    assert [line.split(":")[0] for line in said] == [
        "  glass/1 and glass/2 are declared different, and are in one group all the same"
    ]


def test_groups_of_more_than_twenty_are_to_be_looked_at(project: Path) -> None:
    declare(project, *(f"{number:02d},{number + 1:02d},same" for number in range(20)), "30,31,same")
    images = {f"glass/{number}": noise(number, SIZE) for number in range(32)}
    assert group(project, images).large == {"00": 21}
