"""What likeness a copy needs, and grounds that are cropped or mirrored: each against a known truth."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import noise
from copies import Belt
from scrapline.data.duplicates import alignment, verification
from scrapline.data.duplicates.alignment import Peak
from scrapline.data.duplicates.candidates import find_candidates
from scrapline.data.duplicates.grounds import Grounds, find_grounds
from scrapline.data.duplicates.likeness import Likeness, Outlines
from scrapline.data.duplicates.registration import Registrar
from scrapline.data.duplicates.thumbnails import Thumbnails, thumbnail
from scrapline.data.duplicates.views import View

IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
MOVED = np.array([[1, 0, 2], [0, 1, 0]], np.float32)

HERE, THERE = np.array([1.0, 1.0, 0.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0, 4.0, 0.0])


pytestmark = pytest.mark.usefixtures("forkable")


def levels(image: object) -> np.ndarray:
    return thumbnail(np.asarray(image)).astype(np.float32)


@pytest.mark.parametrize(
    ("noise_in_common", "bold", "colour", "by", "copy"),
    [
        (0.31, 0.95, 1.0, MOVED, True),
        (0.29, 0.95, 1.0, MOVED, False),  # a look-alike: outlines without the noise
        (0.29, 0.95, 1.0, IN_PLACE, True),  # JPEG took the noise, and the outlines lie where they lay
        (0.14, 0.95, 1.0, IN_PLACE, False),
        (0.36, 0.76, 2.4, IN_PLACE, True),  # scaled to a quarter: blurred outlines, the same colours
        (0.34, 0.76, 2.4, IN_PLACE, False),
        (0.36, 0.74, 2.4, IN_PLACE, False),
        (0.36, 0.76, 2.6, IN_PLACE, False),
        (0.36, 0.76, 2.4, MOVED, False),
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
    found = Likeness(0.6 * noise_in_common, 0.4 * noise_in_common, bold, colour, 0.0, 64)
    assert verification._alike(found, by) is copy


@pytest.mark.parametrize(
    ("half", "bold", "colour", "by"),
    [
        (0.15, 0.95, 1.0, MOVED),
        (0.075, 0.9, 5.5, IN_PLACE),
        (0.175, 0.75, 2.5, IN_PLACE),
        (0.7, 0.86, 1.0, MOVED),
        (0.7, 0.95, 5.5, MOVED),
        (0.8, 0.95, 12.0, MOVED),
    ],
)
def test_what_just_reaches_a_limit_is_a_copy(half: float, bold: float, colour: float, by: np.ndarray) -> None:
    assert verification._alike(Likeness(half, half, bold, colour, 0.0, 64), by)


@pytest.mark.parametrize(
    ("patch", "colour", "copy"),
    [(18.0, 1.0, True), (18.1, 1.0, False), (18.1, 3.2, False), (22.0, 4.0, True), (22.1, 4.0, False)],
)
def test_a_copy_differs_nowhere_by_much_more_than_everywhere(patch: float, colour: float, copy: bool) -> None:
    found = replace(COPY, mean=0.9, plain=0.9, patch=patch, colour=colour)
    assert verification._alike(found, IN_PLACE) is copy
    assert verification._alike(found, MOVED) is copy


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


def random_view(seed: int, number: int = -1, orientation: int = 0) -> View:
    """A view of random levels, on a ground of random levels where it has a number."""
    rng = np.random.default_rng(seed)
    photo, ground = rng.uniform(0, 255, (2, 64, 64, 3)).astype(np.float32)
    return View(photo, orientation, number, ground if number >= 0 else None)


@pytest.mark.parametrize(("agreement", "height", "copy"), [(0.75, 5.6, True), (0.75, 5.4, False), (0.5, 8.0, True)])
def test_a_glance_asks_for_coarse_detail_and_a_peak_together(
    monkeypatch: pytest.MonkeyPatch, agreement: float, height: float, copy: bool
) -> None:
    first, second, peak = random_view(1), random_view(2), Peak(height, THERE)
    peaks = {(id(first.spectra), id(second.spectra)): peak}
    agreements = {(id(first.coarse_detail), id(second.coarse_detail), id(THERE)): agreement}
    monkeypatch.setattr(alignment, "peak", lambda *spectra: peaks[tuple(map(id, spectra))])
    monkeypatch.setattr(alignment, "agreement", lambda *of: agreements[tuple(map(id, of))])
    assert verification.glance(first, second) is (peak if copy else None)


def test_a_glance_sees_where_a_moved_copy_lies_and_that_other_photos_are_none() -> None:
    """The second picture shows the first one's content four pixels further right and six further up."""
    picture = levels(noise(3, (64, 64)))
    moved = np.roll(picture, (-6, 4), (0, 1))
    seen = verification.glance(View(picture), View(moved))
    assert seen is not None
    np.testing.assert_allclose(seen.pose, [1, 1, 0, 4, -6])
    others = [verification.glance(View(picture), View(levels(noise(seed, (64, 64))))) for seed in range(10, 30)]
    assert others == [None] * 20


RAW, RAW_LOW, RAW_MOVED = Peak(6.0, HERE), Peak(5.9, HERE), Peak(6.0, THERE)
OBJECTS, OBJECTS_LOW, OBJECTS_MOVED = Peak(5.0, HERE), Peak(4.9, THERE), Peak(5.0, THERE)


@pytest.mark.parametrize(
    ("numbers", "orientations", "raw", "objects", "wanted"),
    [
        ((-1, -1), (0, 0), RAW, OBJECTS_MOVED, [RAW]),  # without a ground, there are no objects apart from it
        ((-1, -1), (0, 0), RAW_LOW, OBJECTS_MOVED, []),
        ((0, 0), (0, 0), RAW, OBJECTS_LOW, []),  # the ground alone fits in place
        ((0, 0), (0, 0), RAW, OBJECTS, [RAW]),
        ((0, 0), (0, 0), RAW, OBJECTS_MOVED, [RAW, OBJECTS_MOVED]),
        ((0, 0), (0, 0), RAW_LOW, OBJECTS, [OBJECTS]),
        ((0, 0), (0, 0), RAW_LOW, OBJECTS_LOW, []),
        ((0, 0), (0, 0), RAW_MOVED, OBJECTS_LOW, [RAW_MOVED]),  # a ground that is moved is the photo's own
        ((0, 0), (0, 1), RAW, OBJECTS_LOW, [RAW]),
        ((0, 1), (0, 0), RAW, OBJECTS_LOW, [RAW]),
        ((0, -1), (0, 0), RAW, OBJECTS_MOVED, [RAW, OBJECTS_MOVED]),
        ((-1, 0), (0, 0), RAW, OBJECTS_MOVED, [RAW, OBJECTS_MOVED]),
    ],
)
def test_aligning_begins_where_the_photos_or_their_objects_fit(
    monkeypatch: pytest.MonkeyPatch,
    numbers: tuple[int, int],
    orientations: tuple[int, int],
    raw: Peak,
    objects: Peak,
    wanted: list[Peak],
) -> None:
    first, second = (random_view(seed, *of) for seed, of in enumerate(zip(numbers, orientations, strict=True)))
    peaks = {(id(first.object_spectra), id(second.object_spectra)): objects}
    monkeypatch.setattr(alignment, "peak", lambda *spectra: peaks[tuple(map(id, spectra))])
    starts = verification._starts(first, second, raw)
    assert [id(start) for start in starts] == [id(start) for start in wanted]


@pytest.mark.parametrize(
    ("numbers", "by", "bold", "whole_bold", "colour", "promising"),
    [
        ((0, 0), IN_PLACE, 0.5, 0.0, 12.0, True),
        ((0, 0), IN_PLACE, 0.49, 1.0, 1.0, False),  # in place, the ground would agree by itself
        ((0, 0), MOVED, 0.69, 0.7, 12.0, True),
        ((0, 0), MOVED, 0.69, 0.69, 1.0, False),
        ((0, 1), IN_PLACE, 0.5, 0.0, 1.0, True),
        ((0, 1), IN_PLACE, 0.49, 0.5, 1.0, True),
        ((0, 1), IN_PLACE, 0.49, 0.49, 1.0, False),
        ((-1, -1), IN_PLACE, 0.49, 0.5, 1.0, True),
        ((0, 0), MOVED, 0.69, 0.7, 12.1, False),
        ((0, 0), IN_PLACE, 0.7, 0.0, 12.1, False),
        ((-1, -1), MOVED, 0.7, 0.0, 1.0, True),
    ],
)
def test_a_first_look_asks_for_outlines_of_objects_or_of_all_and_for_colours(
    monkeypatch: pytest.MonkeyPatch,
    numbers: tuple[int, int],
    by: np.ndarray,
    bold: float,
    whole_bold: float,
    colour: float,
    promising: bool,
) -> None:
    """Colours are told by the weights of whichever outlines were looked at last."""
    first, second = (random_view(seed, number) for seed, number in enumerate(numbers))
    weights = np.arange(64, dtype=np.float32)
    looks = {
        (id(first.detail), id(second.detail), id(by)): Outlines(bold, weights),
        (id(first.whole_detail), id(second.whole_detail), id(by)): Outlines(whole_bold, weights + 1),
    }
    used = weights + 1 if bold in (0.49, 0.69) and (numbers != (0, 0) or by is MOVED) else weights
    monkeypatch.setattr(verification, "outlines", lambda *of: looks[tuple(map(id, of))])

    def colour_apart(one: np.ndarray, other: np.ndarray, matrix: np.ndarray, heavy: np.ndarray) -> float:
        assert one is first.levels
        assert other is second.levels
        assert matrix is by
        np.testing.assert_array_equal(heavy, used)
        return colour

    monkeypatch.setattr(verification, "colour_apart", colour_apart)
    assert verification._promising(first, second, by) is promising


COPY = Likeness(0.5, 0.4, 0.92, 1.0, 5.0, 64)
BETTER, WORSE, SURE = replace(COPY, mean=0.6), replace(COPY, mean=0.4), replace(COPY, mean=0.3, bold=0.93)
NONE = replace(COPY, mean=0.7, bold=0.5)


@pytest.mark.parametrize(
    ("at_starts", "in_place", "with_own_grounds", "matched", "same_framing", "looks"),
    [
        ([COPY], [True], COPY, True, True, 2),
        ([COPY], [False], BETTER, True, False, 2),
        ([], [], COPY, False, None, 0),
        (["implausible"], [True], COPY, False, None, 0),
        (["implausible", COPY], [True, False], COPY, True, False, 2),
        (["no promise", COPY], [True, False], COPY, True, False, 2),
        (["no promise"], [True], COPY, False, None, 0),
        ([COPY, BETTER], [True, False], COPY, True, False, 3),
        ([COPY, COPY], [True, False], COPY, True, True, 3),
        ([COPY, WORSE], [True, False], COPY, True, True, 3),
        ([COPY, NONE], [True, False], COPY, False, None, 2),  # the best look decides
        ([SURE, BETTER], [True, False], COPY, True, True, 2),  # sure outlines need no second start
        ([WORSE, SURE, COPY], [True, False, True], COPY, True, True, 3),
        ([COPY], [True], NONE, False, None, 2),  # what the grounds behind the photos leave is no copy's
    ],
)
def test_the_best_start_is_looked_at_again_with_the_grounds_where_the_photos_have_them(
    monkeypatch: pytest.MonkeyPatch,
    at_starts: list[Likeness | str],
    in_place: list[bool],
    with_own_grounds: Likeness,
    matched: bool,
    same_framing: bool | None,
    looks: int,
) -> None:
    first, second = random_view(1, 0), random_view(2, 1)
    own = {id(first): np.zeros((64, 64, 3), np.float32), id(second): np.ones((64, 64, 3), np.float32)}
    raw = Peak(9.0, HERE)
    starts = [Peak(7.0, HERE.copy()) for _ in at_starts]
    matrices = [(IN_PLACE if still else MOVED).copy() for still in in_place]
    of_pose = {id(start.pose): number for number, start in enumerate(starts)}
    of_matrix = {id(matrix): number for number, matrix in enumerate(matrices)}
    looked = []

    def aligned(rounds: object, softened: object, pose: np.ndarray) -> np.ndarray | None:
        assert rounds is first.rounds
        assert softened is second.softened
        number = of_pose[id(pose)]
        return None if at_starts[number] == "implausible" else matrices[number]

    def likeness(one: np.ndarray, other: np.ndarray, grounds: tuple, by: np.ndarray) -> Likeness:
        assert one is first.levels
        assert other is second.levels
        usual = grounds[0] is first.ground and grounds[1] is second.ground
        assert usual or (grounds[0] is own[id(first)] and grounds[1] is own[id(second)])
        looked.append(of_matrix[id(by)])
        return at_starts[looked[-1]] if usual else with_own_grounds

    def promising(one: View, other: View, by: np.ndarray) -> bool:
        assert one is first
        assert other is second
        return at_starts[of_matrix[id(by)]] != "no promise"

    begin = {(id(first), id(second), id(raw)): starts}
    monkeypatch.setattr(verification, "_starts", lambda *of: begin[tuple(map(id, of))])
    monkeypatch.setattr(alignment, "aligned", aligned)
    monkeypatch.setattr(verification, "_promising", promising)
    monkeypatch.setattr(verification, "likeness", likeness)
    found = verification.match(first, second, raw, lambda view: own[id(view)])
    assert (found is not None) is matched
    assert len(looked) == looks
    if found is not None:
        pixels = [(view.levels - view.levels.mean(axis=(0, 1))).ravel() for view in (first, second)]
        assert found.likeness is with_own_grounds
        assert found.same_framing is same_framing
        assert found.correlation == pytest.approx(np.corrcoef(*pixels)[0, 1], abs=1e-5)


@pytest.mark.parametrize(("what", "number"), [("copy", 0), ("copy", -1), ("other", 0)])
def test_a_photo_of_a_belt_matches_its_moved_copy_and_no_other_photo(what: str, number: int) -> None:
    """Four pixels further right, saved a little darker; the copy's ground is found by its texture."""
    belt = Belt("rubber", 0.35, 5, 0)
    ground = levels(Belt("rubber", 0.001, 0, 0).photos(1, 5)[0])
    photos = [levels(photo) for photo in belt.photos(2, 5)]
    other = 0.9 * np.roll(photos[0], 4, axis=1) if what == "copy" else photos[1]
    registrar = Registrar(Grounds(ground[None], np.array([0, number], np.int16)))
    first = View(photos[0], 0, 0, ground)
    second = View(other.astype(np.float32), 0, number, ground if number == 0 else None)
    raw = alignment.peak(first.spectra, second.spectra)
    found = verification.match(first, second, raw, registrar.behind)
    assert (found is not None) is (what == "copy")
    if found is not None:
        assert not found.same_framing
        assert found.likeness.bold > 0.9


def test_unmoved_is_a_matrix_that_moves_no_corner_by_more_than_a_third_of_a_pixel() -> None:
    """Each corner in turn is the one that moves most, to the right or down; its opposite stays."""
    for far in (1, -1):
        for towards_right, towards_bottom in ((1, 1), (1, 0), (0, 1), (0, 0)):
            for axis in (0, 1):
                for most, still in ((0.3495, True), (0.3505, False)):
                    by = IN_PLACE.astype(np.float64)
                    slopes = np.array([2 * towards_right - 1, 2 * towards_bottom - 1]) * far * most / 126
                    by[axis, :2] += slopes
                    by[axis, 2] -= slopes @ [0 if towards_right else 63, 0 if towards_bottom else 63]
                    assert verification._unmoved(by) is still
    for shift, still in ((0.34, True), (-0.34, True), (0.36, False), (-0.36, False)):
        assert verification._unmoved(IN_PLACE + np.array([[0, 0, shift], [0, 0, 0]])) is still
        assert verification._unmoved(IN_PLACE + np.array([[0, 0, 0], [0, 0, shift]])) is still


@pytest.mark.parametrize(
    ("numbers", "orientations", "same"),
    [
        ((0, 0), (0, 0), True),
        ((3, 3), (2, 2), True),
        ((0, 1), (0, 0), False),
        ((1, 0), (0, 0), False),
        ((0, 0), (0, 1), False),
        ((-1, -1), (0, 0), False),
    ],
)
def test_one_ground_is_the_same_number_in_the_same_orientation(
    numbers: tuple[int, int], orientations: tuple[int, int], same: bool
) -> None:
    views = [random_view(0, *of) for of in zip(numbers, orientations, strict=True)]
    assert verification._on_one_ground(*views) is same


def test_correlation_is_of_pixels_whose_channels_means_are_taken_out() -> None:
    """Whatever the contrast, as faint as it may be; nothing correlates with a plain picture."""
    rng = np.random.default_rng(4)
    both, one, other = rng.normal(0, 1, (3, 64, 64, 3))
    first, second = both + one + [10, 0, -10], both + 2 * other + [0, 40, 0]
    centred = [(each - each.mean(axis=(0, 1))).ravel() for each in (first, second)]
    wanted = np.corrcoef(*centred)[0, 1]
    assert 0.25 < wanted < 0.37  # 1 / sqrt(2 * 5) is 0.316
    for contrast in (1.0, 1e-4):
        assert verification._correlation(contrast * first, 3 * contrast * second) == pytest.approx(wanted, abs=1e-6)
    assert verification._correlation(first, np.full((64, 64, 3), 7.0)) == 0
