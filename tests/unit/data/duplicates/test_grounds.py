"""What lies behind the objects of a fixed camera's photos: grounds whose levels and texture are known."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from scrapline.data.duplicates import grounds as parts
from scrapline.data.duplicates.grounds import Grounds, find_grounds
from scrapline.data.duplicates.thumbnails import Thumbnails
from scrapline.system.keys import key_of

LUMA = np.array([0.299, 0.587, 0.114])


def stored(folder: Path, photos: list[np.ndarray]) -> Thumbnails:
    (folder / "rows").write_bytes(b"".join(each.round().clip(0, 255).astype(np.uint8).tobytes() for each in photos))
    return Thumbnails(folder / "rows", np.arange(len(photos)))


def independent(count: int, seed: int) -> np.ndarray:
    """Fine textures that do not correlate at all, each of deviation 1: [count, 64, 64]."""
    fields = ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, (count, 64, 64)), (0, 1, 1))
    fields -= ndimage.gaussian_filter(fields, (0, 2.5, 2.5))
    return np.linalg.qr(fields.reshape(count, -1).T)[0].T.reshape(count, 64, 64) * 64


def with_correlations(wanted: np.ndarray, seed: int) -> np.ndarray:
    """Fine textures that correlate with one another as wanted."""
    return np.tensordot(np.linalg.cholesky(wanted), independent(len(wanted), seed), axes=1)


def photo(ground: np.ndarray, seed: int, noise: float = 2.0, light: float = 1.0) -> np.ndarray:
    """Another object for each seed, on a ground of luma, in some light, with the camera's noise."""
    rng = np.random.default_rng(seed)
    picture = np.repeat(ground[..., None], 3, axis=2) * light
    top, left = rng.integers(0, 44, 2)
    picture[top : top + 20, left : left + 20] = rng.uniform(20, 230, 3)
    return picture + rng.normal(0, noise, picture.shape)


def names(of: np.ndarray, kinds: list[str]) -> dict[str, set[int]]:
    """The grounds on which photos of each kind lie."""
    return {kind: {int(ground) for ground, k in zip(of, kinds, strict=True) if k == kind} for kind in kinds}


def mixed(counts: dict[str, int], seed: int) -> list[str]:
    """So many of each kind, in a random order that begins with the first kind, then with the second."""
    first, second, *_ = counts
    rest = [kind for kind, count in counts.items() for _ in range(count - (kind in (first, second)))]
    return [first, second, *np.random.default_rng(seed).permutation(rest).tolist()]


def test_grounds_have_keys_that_tell_them_and_photos_without_one_have_none() -> None:
    pictures = np.random.default_rng(0).random((2, 64, 64, 3)).astype(np.float32)
    grounds = Grounds(pictures, np.array([1, -1, 0, 1], np.int16))
    assert [grounds.key(n) for n in range(4)] == [
        key_of(pictures[1].tobytes()),
        b"",
        key_of(pictures[0].tobytes()),
        key_of(pictures[1].tobytes()),
    ]
    assert grounds.behind(1) is None
    np.testing.assert_array_equal(grounds.behind(2), pictures[0])
    np.testing.assert_array_equal(grounds.behind(3), pictures[1])
    assert grounds.digest == key_of(pictures.tobytes())
    assert grounds.digest != Grounds(pictures[::-1], grounds.of).digest


def test_cells_are_means_of_luma_and_never_black() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    pictures[1, :16] = 0
    cells = parts._cells(pictures)
    wanted = (pictures @ LUMA).reshape(3, 8, 8, 8, 8).mean(axis=(2, 4)).reshape(3, 64)
    wanted[1, :16] = 1
    np.testing.assert_allclose(cells, wanted, rtol=1e-2)
    np.testing.assert_allclose(parts._cells(pictures.astype(np.float32)), wanted, rtol=1e-5)
    assert cells.dtype == np.float32


def test_cells_are_apart_by_their_share_in_the_same_light() -> None:
    """Twice the light; one cell of five is half as bright as that, and one a fifth brighter."""
    leaders = np.array([[100, 50, 80, 40, 60], [200, 200, 200, 200, 200]], np.float32)
    cells = np.array([200, 50, 160, 80, 144], np.float32)
    shares = parts._shares(leaders, cells)
    # By the second leader, light is 144 / 200.
    second = [56 / 144, 94 / 144, 16 / 144, 64 / 144, 0]
    np.testing.assert_allclose(shares, [[0, 0.5, 0, 0, 0.2], second], atol=1e-6)
    np.testing.assert_allclose(parts._apart(leaders, cells), [0, 56 / 144], atol=1e-6)
    assert parts._apart(leaders[:0], cells).shape == (0,)
    assert np.isfinite(parts._shares(leaders, np.zeros(5, np.float32))).all()


def test_textures_are_clipped_fine_detail_of_length_one() -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    pictures[1] = 0
    luma = pictures[0] @ LUMA
    detail = luma - ndimage.gaussian_filter(luma, 2.5, mode="mirror", truncate=4)
    limit = 2 * np.median(np.abs(detail))
    wanted = detail.clip(-limit, limit).ravel()
    for each in (pictures, pictures.astype(np.float32)):
        found = parts._textures(each)
        np.testing.assert_allclose(found[0], wanted / np.linalg.norm(wanted), atol=2e-5)
        np.testing.assert_array_equal(found[1], 0)
        assert found.dtype == np.float32


@pytest.mark.parametrize("count", [1, 2, 3, 10, 64, 70])
def test_a_grounds_picture_is_the_mean_of_the_middle_two_fifths_in_one_light(count: int) -> None:
    """Of the group's first 64 photos; each has a light of its own and an object in one of the quarters' corners."""
    rng = np.random.default_rng(count)
    ground = rng.uniform(60, 120, (64, 64, 3))
    light = rng.uniform(0.8, 1.2, count)
    sample = np.zeros((count + 5, 64, 64, 3), np.uint8)
    group = rng.permutation(count + 5)[:count]
    for number, brightness in zip(group, light, strict=True):
        sample[number] = (ground * brightness + rng.normal(0, 3, ground.shape)).round()
        top, left = rng.integers(0, 2, 2) * 32
        sample[number, top : top + 24, left : left + 24] = rng.integers(0, 256, 3)
    cells = (sample @ LUMA).reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4)).reshape(-1, 64).astype(np.float32)
    some = group[:64]
    lights = np.array([np.median(cells[number] / cells[some[0]]) for number in some])
    evened = np.sort([sample[n] * (lights.mean() / each) for n, each in zip(some, lights, strict=True)], axis=0)
    low, high = {1: (0, 1), 2: (0, 1), 3: (0, 2), 10: (3, 7), 64: (19, 44), 70: (19, 44)}[count]
    np.testing.assert_allclose(parts._picture(sample, cells, group), evened[low:high].mean(axis=0), rtol=1e-4)


def cells_with(objects: list[int | None], size: float = 0.5) -> np.ndarray:
    """Cells of level 100, brighter by `size` where the object of that number lies."""
    cells = np.full((len(objects), 64), 100, np.float32)
    for row, place in zip(cells, objects, strict=True):
        if place is not None:
            row[place] *= 1 + size
    return cells


def led(cells: np.ndarray, textures: np.ndarray | None, photos: list[int]) -> tuple[list[list[int]], list[int]]:
    groups, left = parts._led(cells, textures, np.array(photos))
    return [group.tolist() for group in groups], left.tolist()


@pytest.mark.parametrize(
    ("objects", "size", "shared"),
    [
        ([0, 1, 2, 3, 4], 0.5, True),
        ([0, 1, 2, 3], 0.5, False),
        ([0, 1, 2, 3, 0, 1, 2, 3, 3], 0.5, False),  # copies, though each differs from the others
        ([0, 0, 1, 1, 2, 2, 3, 4, 5, 6], 0.5, True),
        ([0, 1, 2, 3, 4], 0.12, True),
        ([0, 1, 2, 3, 4], 0.09, False),  # fainter than what tells objects
    ],
)
def test_a_ground_needs_five_photos_of_different_objects(objects: list[int], size: float, shared: bool) -> None:
    photos = list(range(len(objects)))
    cells = cells_with(objects, size)
    assert led(cells, None, photos) == (([photos], []) if shared else ([], photos))
    textures = np.ones((len(objects), 1), np.float32)
    assert led(cells, textures, photos) == (([photos], []) if shared else ([], photos))


def test_photos_share_a_ground_whose_levels_agree_in_whatever_light_over_half_of_the_cells() -> None:
    """On even photos, a third of the cells is darker and another third brighter; all come in a light of their own."""
    for step, wanted in ((0.06, [[9, 7, 5, 3, 1], [8, 6, 4, 2, 0]]), (0.04, [[9, 8, 7, 6, 5, 4, 3, 2, 1, 0]])):
        cells = cells_with(list(range(10)))
        cells[::2, :22] *= 1 - step
        cells[::2, 42:] *= 1 + step
        cells *= np.linspace(0.5, 1.5, 10, dtype=np.float32)[:, None]
        assert led(cells, None, list(range(9, -1, -1))) == (wanted, [])


def test_an_object_may_hide_nearly_half_of_the_cells() -> None:
    cells = cells_with([*range(10), None, None])
    cells[10, 12:42] *= 3
    cells[11, 10:43] *= np.linspace(2, 4, 33, dtype=np.float32)
    assert led(cells, None, list(range(12))) == ([list(range(11))], [11])


def test_photos_share_a_ground_with_the_first_photo_whose_texture_theirs_is_most_like() -> None:
    """Textures by hand: what is 0.08 alike is too little, and of two that are alike the nearer one counts."""
    first, second = np.eye(3, dtype=np.float32)[:2]
    near_both = np.array([0.6, 0.7, 0.0], np.float32)
    alike, unlike = np.array([0.09, 0, 1], np.float32), np.array([0.07, 0, -1], np.float32)
    textures = np.stack([first, second] * 5 + [near_both, unlike, unlike, alike, first])
    cells = cells_with([*range(10), 11, 12, 13, 14, 15])
    cells[14, 32:] *= 1.2  # the texture of one ground at the levels of none
    groups, left = led(cells, textures, list(range(15)))
    assert groups == [[0, 2, 4, 6, 8, 13], [1, 3, 5, 7, 9, 10]]
    assert left == [11, 12, 14]


def test_beyond_the_most_leaders_photos_join_one_or_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three grounds, but only two that may lead; what is left comes in the photos' order."""
    monkeypatch.setattr(parts, "_MOST_LEADERS", 2)
    cells = cells_with(list(range(18)))
    cells[1::3, :32] *= 1.3
    cells[2::3, 16:48] *= 1.3
    textures = np.ones((18, 1), np.float32)
    for each in (None, textures):
        groups, left = led(cells, each, list(range(18)))
        assert groups == [list(range(0, 18, 3)), list(range(1, 18, 3))]
        assert left == list(range(2, 18, 3))


def test_photos_of_two_textures_lie_on_two_grounds_and_others_on_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grounds come from a sample, but are told behind all photos; one that is not in the sample is not known."""
    monkeypatch.setattr(parts, "_SAMPLE", 26)
    textures = 110 + 9 * independent(3, 1)
    kinds = ["first", "second"] * 12 + ["other"] * 2 + ["first", "second", "third"] * 16
    photos = [
        photo(textures[["first", "second", "third"].index(kind)], n, noise=10, light=1 + 0.1 * np.sin(n))
        if kind != "other"
        else np.random.default_rng(n).uniform(0, 255, (64, 64, 3))
        for n, kind in enumerate(kinds)
    ]
    grounds = find_grounds(stored(tmp_path, photos))
    assert names(grounds.of, kinds) == {"first": {0}, "second": {1}, "other": {-1}, "third": {-1}}
    assert grounds.of.dtype == np.int16
    assert grounds.pictures.dtype == np.float32
    for picture, texture in zip(grounds.pictures, textures, strict=False):
        light = np.median(picture / texture[..., None])
        assert np.abs(picture / light - texture[..., None]).mean() < 4  # a single photo has 8


def test_a_ground_without_texture_is_known_by_its_levels(tmp_path: Path) -> None:
    """The camera's noise is all there is; darker corners and a brighter side tell two such grounds apart."""
    down, across = np.mgrid[0:64, 0:64] / 64 - 0.5
    plain = [120 - 100 * (across**2 + down**2), 120 + 80 * across]
    kinds = ["corners", "side"] * 8
    photos = [photo(plain[kind == "side"], n, noise=3) for n, kind in enumerate(kinds)]
    grounds = find_grounds(stored(tmp_path, photos))
    assert names(grounds.of, kinds) == {"corners": {0}, "side": {1}}
    for picture, ground in zip(grounds.pictures, plain, strict=True):
        assert np.abs(picture - ground[..., None]).mean() < 2


def test_no_ground_is_found_in_photos_that_share_none(tmp_path: Path) -> None:
    photos = [np.random.default_rng(n).uniform(0, 255, (8, 8, 3)).repeat(8, 0).repeat(8, 1) for n in range(9)]
    grounds = find_grounds(stored(tmp_path, photos))
    assert grounds.pictures.shape == (0, 64, 64, 3)
    assert grounds.pictures.dtype == np.float32
    assert grounds.of.tolist() == [-1] * 9
    assert grounds.of.dtype == np.int16


def test_textures_that_are_partly_alike_are_grounds_of_their_own(tmp_path: Path) -> None:
    """The first ground's texture is partly in the two others, which have nothing in common, at the same levels.

    All photos are alike the first one, so that they form one group at first; of it, those that show its texture
    less than usual are looked at once more.
    """
    alike = np.array([[1, 0.35, 0.35], [0.35, 1, 0], [0.35, 0, 1]])
    textures = 110 + 9 * with_correlations(alike, 2)
    kinds = mixed({"a": 24, "b": 7, "c": 7}, 3)
    photos = [photo(textures["abc".index(kind)], n) for n, kind in enumerate(kinds)]
    of = names(find_grounds(stored(tmp_path, photos)).of, kinds)
    assert sorted(map(sorted, of.values())) == [[0], [1], [2]]


def test_photos_are_looked_at_until_each_ground_is_by_itself(tmp_path: Path) -> None:
    """Of what the first ground leaves, the second one's texture is partly in the two others."""
    alike = np.array([[1, 0.25, 0.25, 0.25], [0.25, 1, 0.25, 0.25], [0.25, 0.25, 1, 0], [0.25, 0.25, 0, 1]])
    textures = 110 + 9 * with_correlations(alike, 4)
    kinds = mixed({"a": 60, "b": 16, "c": 6, "d": 6}, 5)
    photos = [photo(textures["abcd".index(kind)], n) for n, kind in enumerate(kinds)]
    of = names(find_grounds(stored(tmp_path, photos)).of, kinds)
    assert sorted(map(sorted, of.values())) == [[0], [1], [2], [3]]


@pytest.mark.parametrize(
    ("kinds", "wanted"),
    [([0, 1, 0, 2, 0, 3, 0], [0] * 7), ([0, 1, 0, 2, 0, 3, 0, 0], [0, -1, 0, -1, 0, -1, 0, 0])],
    ids=["four of seven", "five of eight"],
)
def test_too_few_photos_that_show_one_texture_share_a_ground_by_their_levels(
    tmp_path: Path, kinds: list[int], wanted: list[int]
) -> None:
    """Three have textures partly like the others'; five that show the same are a ground without them."""
    alike = np.eye(4)
    alike[0, 1:] = alike[1:, 0] = 0.3
    textures = 110 + 9 * with_correlations(alike, 6)
    grounds = find_grounds(stored(tmp_path, [photo(textures[kind], n) for n, kind in enumerate(kinds)]))
    assert grounds.of.tolist() == wanted
    assert len(grounds.pictures) == 1


@pytest.fixture
def slopes() -> np.ndarray:
    """Three grounds of one texture: even, and in two steeper lights, the last of which leaves no level as it was."""
    across = np.mgrid[0:64, 0:64][1] / 64 - 0.5
    return np.stack([(110 + 9 * independent(1, 7)[0]) * (1 + slope * across) for slope in (0, 0.1, 0.5)])


def as_pictures(grounds: np.ndarray) -> np.ndarray:
    return np.repeat(grounds[..., None], 3, axis=3).astype(np.float32)


def test_of_grounds_with_one_texture_a_photos_is_the_one_whose_levels_are_nearest(
    tmp_path: Path, slopes: np.ndarray
) -> None:
    """And none where the levels of no ground are near: more than one block of photos."""
    kinds = [0, 1, 2] * 25
    thumbnails = stored(tmp_path, [photo(slopes[kind], n, noise=0.5) for n, kind in enumerate(kinds)])
    for order in ([0, 1], [1, 0]):
        of = parts._assigned(thumbnails, as_pictures(slopes[order]), np.array([0.3, 0.3]))
        assert of.tolist() == [order.index(kind) if kind < 2 else -1 for kind in kinds]
        assert of.dtype == np.int16


def test_a_photo_lies_on_no_ground_whose_texture_it_does_not_show_enough(tmp_path: Path) -> None:
    """0.9 of its texture is the first ground's, and 0.44 the second's, but for what the object hides."""
    one, other = independent(2, 8)
    seen = 110 + 9 * (0.9 * one + 0.436 * other)
    thumbnails = stored(tmp_path, [seen[..., None].repeat(3, axis=2)])
    pictures = as_pictures(110 + 9 * np.stack([other, one]))
    for limits, wanted in (([0.3, 0.8], 1), ([0.3, 0.95], 0), ([0.6, 0.95], -1), ([-1.0, 0.8], 1)):
        assert parts._assigned(thumbnails, pictures, np.array(limits)).tolist() == [wanted]
