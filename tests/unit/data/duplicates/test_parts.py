"""The finder's parts, each against a known truth."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from conftest import noise
from copies import Belt
from scrapline.data.duplicates import alignment, candidates, orientations
from scrapline.data.duplicates.candidates import find_candidates
from scrapline.data.duplicates.grounds import find_grounds
from scrapline.data.duplicates.groups import group_names
from scrapline.data.duplicates.likeness import likeness
from scrapline.data.duplicates.thumbnails import SIZE, Thumbnails, thumbnail, without_border
from scrapline.data.duplicates.views import View

IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)


pytestmark = pytest.mark.usefixtures("forkable")


def levels(image: Image.Image) -> np.ndarray:
    return thumbnail(np.asarray(image)).astype(np.float32)


def stored(folder: Path, thumbnails: list[np.ndarray], order: list[int] | None = None) -> Thumbnails:
    (folder / "rows").write_bytes(b"".join(each.astype(np.uint8).tobytes() for each in thumbnails))
    return Thumbnails(folder / "rows", np.array(order if order is not None else range(len(thumbnails))))


def test_thumbnails_are_read_by_their_numbers_in_the_file(tmp_path: Path) -> None:
    rows = [np.full((64, 64, 3), value, np.uint8) for value in (10, 20, 30)]
    thumbnails = stored(tmp_path, rows, [2, 0])
    assert len(thumbnails) == 2
    assert [int(thumbnails[n][0, 0, 0]) for n in range(2)] == [30, 10]
    assert thumbnails.block(0, 9)[:, 63, 63, 2].tolist() == [30, 10]
    assert thumbnails.block(1, 2).shape == (1, 64, 64, 3)
    assert SIZE == 64 * 64 * 3


@pytest.mark.parametrize(
    ("sides", "colour"), [((5, 7, 9, 4), 0), ((6, 6, 6, 6), 255), ((0, 0, 8, 8), 114), ((8, 0, 0, 0), 0)]
)
def test_a_border_is_cut_off_side_by_side(sides: tuple[int, int, int, int], colour: int) -> None:
    inside = np.random.default_rng(1).integers(30, 220, (100, 120, 3), dtype=np.uint8)
    top, bottom, left, right = sides
    framed = np.pad(inside, ((top, bottom), (left, right), (0, 0)), constant_values=colour)
    np.testing.assert_array_equal(without_border(framed), inside)


def test_what_is_no_border_stays() -> None:
    """A plain ground around an object, one that brightens slowly, noise, and a border too wide for one."""
    ground = np.full((100, 120, 3), 200, np.uint8)
    ground[30:60, 50:80] = 40
    slope = np.repeat(np.linspace(50, 200, 100).astype(np.uint8)[:, None, None], 120, 1).repeat(3, 2)
    rough = np.random.default_rng(2).integers(0, 9, (100, 120, 3), dtype=np.uint8)
    rough[10:90, 10:110] += 100
    wide = np.zeros((100, 120, 3), np.uint8)
    wide[30:70, 30:90] = np.random.default_rng(3).integers(90, 220, (40, 60, 3), dtype=np.uint8)
    for picture in (ground, slope, rough, wide):
        assert without_border(picture).shape == picture.shape


def test_orientations_are_those_of_pillow_and_undone_by_their_inverses() -> None:
    picture = np.random.default_rng(0).random((6, 6, 3)).astype(np.float32)
    turned = {name: orientations.oriented(picture, way) for way, name in enumerate(orientations.NAMES)}
    np.testing.assert_array_equal(turned["mirrored"], picture[:, ::-1])
    np.testing.assert_array_equal(turned["flipped"], picture[::-1])
    np.testing.assert_array_equal(turned["turned by 180"], np.rot90(picture, 2))
    np.testing.assert_array_equal(turned["turned by 90"], np.rot90(picture, -1))
    np.testing.assert_array_equal(turned["turned by 270"], np.rot90(picture, 1))
    np.testing.assert_array_equal(turned["mirrored, turned by 90"], np.rot90(picture[:, ::-1], 1))
    for way in range(orientations.COUNT):
        back = orientations.oriented(orientations.oriented(picture, way), orientations.INVERSE[way])
        np.testing.assert_array_equal(back, picture)


@pytest.mark.parametrize("way", range(8))
def test_a_turned_copy_is_a_candidate_in_its_orientation(tmp_path: Path, way: int) -> None:
    photos = [levels(noise(seed, (64, 64))) for seed in range(20)]
    copy = orientations.oriented(photos[4], way)
    found = find_candidates(stored(tmp_path, [*photos, copy])).tolist()
    assert [4, 20, orientations.INVERSE[way]] in found
    assert found == sorted(found)
    assert len({tuple(each) for each in found}) == len(found)
    assert all(first < second for first, second, _ in found)


def test_the_index_of_many_photos_finds_what_the_exact_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = [levels(noise(seed, (64, 64))) for seed in range(300)]
    thumbnails = stored(tmp_path, photos + [photo[:, ::-1] for photo in photos])
    monkeypatch.setattr(candidates, "_EXACT_UP_TO", 100)
    monkeypatch.setattr(candidates, "_PHOTOS_PER_CELL", 20)
    found = {(first, second) for first, second, way in find_candidates(thumbnails).tolist() if way == 1}
    assert sum((number, number + 300) in found for number in range(300)) >= 295


@pytest.mark.parametrize(
    ("zoom", "turn", "right", "down"), [(1, 0, 0, 0), (0.96, 0, 1.5, -1), (1.08, 0, 0, 2), (1, 2, 0, 0), (1, -2, 2, 1)]
)
def test_a_known_move_is_found_to_a_third_of_a_pixel(zoom: float, turn: float, right: float, down: float) -> None:
    picture = levels(noise(3, (256, 256)))
    known = cv2.getRotationMatrix2D((31.5, 31.5), turn, zoom).astype(np.float32)
    known[:, 2] += right, down
    # With the inverse flag, `picture` is sampled at known(x): what `aligned` leads to from the moved picture's x.
    other = cv2.warpAffine(
        picture, known, (64, 64), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
    )
    first, second = View(other), View(picture)
    peak = alignment.peak(first.spectra, second.spectra)
    assert peak.height > 7
    by = alignment.aligned(first.rounds, second.softened, peak.pose)
    assert by is not None
    corners = np.array([[8, 8, 1], [8, 55, 1], [55, 8, 1], [55, 55, 1]], np.float32)
    assert np.abs(corners @ by.T - corners @ known.T).max() < 0.34


def test_pictures_of_different_things_have_no_peak() -> None:
    heights = [
        alignment.peak(
            View(levels(noise(seed, (64, 64)))).spectra, View(levels(noise(seed + 1, (64, 64)))).spectra
        ).height
        for seed in range(0, 60, 2)
    ]
    assert float(np.median(heights)) < 4.5


def test_noise_that_is_the_same_is_told_from_noise_that_is_not() -> None:
    rng = np.random.default_rng(6)
    ground = levels(noise(1, (64, 64)))
    one, two = (ground + rng.normal(0, 6, ground.shape).astype(np.float32) for _ in range(2))
    same = likeness(one, one, (None, None), IN_PLACE)
    assert min(same.mean, same.plain, same.bold) > 0.97
    assert same.colour < 0.5  # the second picture is blurred a little less
    other = likeness(one, two, (ground, ground), IN_PLACE)
    assert abs(other.plain) < 0.1
    assert likeness(one, 0.8 * one, (ground, ground), IN_PLACE).plain > 0.9


def test_colour_is_apart_by_the_levels_that_no_brightness_and_contrast_explain() -> None:
    """A square of 24 x 24 pixels that is 30 levels more red in the second picture: 30 in one of three channels."""
    rng = np.random.default_rng(7)
    first = (100 + rng.normal(0, 1, (64, 64, 3))).astype(np.float32)
    first[20:44, 20:44] += 80
    second = first.copy()
    second[20:44, 20:44, 0] += 30
    assert likeness(first, 0.9 * first + 10, (None, None), IN_PLACE).colour < 1
    assert 8 < likeness(first, second, (None, None), IN_PLACE).colour < 30 / np.sqrt(3)


def test_grounds_are_those_of_the_belts_and_copies_of_one_photo_are_none(tmp_path: Path) -> None:
    rubber, mesh = (Belt(ground, 0.2, 5, 0.1).photos(20, seed) for ground, seed in (("rubber", 1), ("mesh", 2)))
    others = [noise(seed, (320, 240)) for seed in range(6)]
    one = [levels(noise(99, (320, 240))) for _ in range(9)]
    grounds = find_grounds(stored(tmp_path, [levels(photo) for photo in rubber + mesh + others] + one))
    of = grounds.of.tolist()
    assert len(set(of[:20])) == 1
    assert len(set(of[20:40])) == 1
    assert of[0] != of[20]
    assert set(of[40:]) == {-1}
    assert grounds.behind(45) is None
    empty = levels(Belt("mesh", 0.001, 0, 0).photos(1, 2)[0])
    assert np.abs(grounds.behind(20) - empty).mean() < 4


def test_groups_are_connected_and_called_by_their_smallest_id() -> None:
    assert group_names(["a", "b", "c", "d", "e"], [(3, 1), (2, 1)]) == ["a", "b", "b", "b", "e"]
    assert group_names(["a"], []) == ["a"]
    assert group_names([], []) == []
