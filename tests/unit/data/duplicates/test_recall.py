"""Copies are found whatever was done to them, and different objects on one belt are not copies."""

from pathlib import Path

import pytest

import copies
from conftest import jpeg, noise
from copies import BELTS, CHANGES, Belt
from scrapline.data.duplicates import finder

SMOOTH = [noise(seed, (320, 240)) for seed in range(12)]
BELT = Belt("rubber", 0.2, 6, 0.1).photos(24, 3)


def names(changes: list[tuple[str, str, copies.Change, int]]) -> list[str]:
    return [f"{what} {how}".strip() for what, how, _, _ in changes]


@pytest.mark.parametrize(("what", "how", "change", "quality"), CHANGES, ids=names(CHANGES))
def test_each_photo_is_joined_with_its_changed_copy_and_hardly_with_another(
    tmp_path: Path, what: str, how: str, change: copies.Change, quality: int
) -> None:
    assert copies.measure(SMOOTH, change, quality, tmp_path) == (12, 0)
    recalled, wrong = copies.measure(BELT, change, quality, tmp_path)
    # A quarter of 320 x 240 pixels leaves some of this belt's objects no noise to be known by.
    assert recalled >= {"x 0.25": 16}.get(how, 23)
    # Where all photos of a belt are turned, their ground is no longer wholly known.
    assert wrong <= (2 if how == "2 degrees, black corners" else 0)


@pytest.mark.parametrize("belt", BELTS, ids=lambda belt: belt.name)
def test_different_objects_on_one_belt_are_not_joined(tmp_path: Path, belt: Belt) -> None:
    photos = belt.photos(60, 5)
    assert copies.found([copies.small(jpeg(photo, quality=90)) for photo in photos], tmp_path) == []


def test_belts_in_one_folder_each_have_their_own_ground(tmp_path: Path) -> None:
    photos = BELTS[3].photos(30, 1) + BELTS[4].photos(30, 2)
    assert copies.found([copies.small(jpeg(photo, quality=90)) for photo in photos], tmp_path) == []


def test_workers_find_what_one_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thumbnails = [copies.small(jpeg(photo, quality=quality)) for quality in (92, 60) for photo in SMOOTH]
    alone = copies.found(thumbnails, tmp_path)
    monkeypatch.setattr(finder, "_WORTH_WORKERS", 0)
    monkeypatch.setattr(finder, "_PAIRS_AT_ONCE", 5)
    assert len(alone) == 12
    assert copies.found(thumbnails, tmp_path) == alone


def test_the_documents_table_is_that_of_the_last_measurement() -> None:
    assert copies.PAGE.read_text(encoding="utf-8").endswith(copies.markdown(copies.read_table()))
