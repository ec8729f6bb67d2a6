"""What likeness a copy needs, and grounds that are cropped or mirrored: each against a known truth."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import noise
from copies import Belt
from scrapline.data.duplicates import alignment, verification
from scrapline.data.duplicates.candidates import find_candidates
from scrapline.data.duplicates.grounds import Grounds, find_grounds
from scrapline.data.duplicates.likeness import Likeness
from scrapline.data.duplicates.registration import Registrar
from scrapline.data.duplicates.thumbnails import Thumbnails, thumbnail
from scrapline.data.duplicates.views import View

IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
MOVED = np.array([[1, 0, 2], [0, 1, 0]], np.float32)


def levels(image: object) -> np.ndarray:
    return thumbnail(np.asarray(image)).astype(np.float32)


@pytest.mark.parametrize(
    ("noise_in_common", "bold", "colour", "by", "copy"),
    [
        (0.31, 0.95, 1.0, MOVED, True),
        (0.29, 0.95, 1.0, MOVED, False),  # a look-alike: outlines without the noise
        (0.29, 0.95, 1.0, IN_PLACE, True),  # JPEG took the noise, and the outlines lie where they lay
        (0.14, 0.95, 1.0, IN_PLACE, False),
        (0.29, 0.89, 1.0, IN_PLACE, False),
        (1.50, 0.85, 1.0, MOVED, False),  # the ground's texture without the object's outlines
        (0.48, 0.95, 4.5, MOVED, False),  # two levels past the usual ask for 0.2 more
        (0.51, 0.95, 4.5, MOVED, True),
        (0.54, 0.88, 1.0, MOVED, False),  # outlines that lack 0.05 ask for 0.25 more
        (0.56, 0.88, 1.0, MOVED, True),
        (1.59, 0.95, 5.6, MOVED, False),  # another colour, unless all detail is the same
        (1.61, 0.95, 5.6, MOVED, True),
        (1.90, 0.95, 12.1, MOVED, False),
    ],
)
def test_what_one_sign_lacks_the_others_must_make_up(
    noise_in_common: float, bold: float, colour: float, by: np.ndarray, copy: bool
) -> None:
    found = Likeness(0.6 * noise_in_common, 0.4 * noise_in_common, bold, colour, 64)
    assert verification._alike(found, by) is copy


def test_a_black_band_does_not_draw_the_alignment() -> None:
    """A fifth of the second picture is black, as after a shift; it lies two pixels further right."""
    first = levels(noise(3, (256, 256)))
    second = np.roll(first, 2, axis=1)
    second[:, :12] = 0
    by = alignment.aligned(View(first).rounds, View(second).softened, np.array([1.0, 1.0, 0.0, 2.0, 0.0]))
    assert by is not None
    corners = np.array([[14, 8, 1], [14, 55, 1], [55, 8, 1], [55, 55, 1]], np.float32)
    assert np.abs(corners @ by.T - corners[:, :2] - [2, 0]).max() < 0.2


def test_unrelated_photos_are_no_candidates(tmp_path: Path) -> None:
    photos = [levels(noise(seed, (64, 64))) for seed in range(100)]
    (tmp_path / "rows").write_bytes(b"".join(photo.astype(np.uint8).tobytes() for photo in photos))
    assert len(find_candidates(Thumbnails(tmp_path / "rows", np.arange(100)))) < 50


def test_mirrored_photos_of_a_belt_lie_on_a_ground_of_their_own(tmp_path: Path) -> None:
    photos = [levels(photo) for photo in Belt("rubber", 0.2, 3, 0).photos(24, 1)]
    mirrored = [photo[:, ::-1] for photo in photos]
    (tmp_path / "rows").write_bytes(b"".join(photo.astype(np.uint8).tobytes() for photo in photos + mirrored))
    of = find_grounds(Thumbnails(tmp_path / "rows", np.arange(48))).of.tolist()
    assert len(set(of[:24])) == len(set(of[24:])) == 1
    assert of[0] != of[24]


@pytest.mark.parametrize(("number", "way"), [(0, 0), (-1, 0), (-1, 1)])
def test_the_ground_behind_a_cropped_photo_is_cropped_like_it(number: int, way: int) -> None:
    """Known to lie on the ground, or not known, upright and mirrored."""
    ground = levels(Belt("rubber", 0.001, 0, 0).photos(1, 5)[0])
    photo = levels(Belt("rubber", 0.2, 3, 0).photos(1, 5)[0])
    crop = np.array([[0.94, 0, 2.5], [0, 0.94, 1.2]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    wanted, cropped = (cv2.warpAffine(each, crop, (64, 64), flags=flags) for each in (ground, photo))
    wanted, cropped = (each[:, ::-1].copy() if way else each for each in (wanted, cropped))
    registrar = Registrar(Grounds(ground[None], np.array([number], np.int16)))
    found = registrar.behind(View(cropped, 0, number, ground if number == 0 else None))
    assert found is not None
    inner = slice(6, -6)
    assert np.abs(found - wanted)[inner, inner].mean() < 0.5 * np.abs(ground - wanted)[inner, inner].mean()
