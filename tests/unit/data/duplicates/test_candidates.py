"""The index's descriptors against SciPy and scikit-learn, and which neighbours become candidates."""

from pathlib import Path

import faiss
import numpy as np
import pytest
from PIL import Image
from scipy import fft, ndimage
from sklearn.decomposition import PCA

from scrapline.data.duplicates import candidates, orientations
from scrapline.data.duplicates.candidates import Kind, Seeker, find_candidates
from scrapline.data.duplicates.thumbnails import Thumbnails

WHOLE = Kind(1.0, (1.0,), 0.67)


def smooth(count: int, seed: int) -> np.ndarray:
    """Pictures of which no two are alike."""
    levels = np.random.default_rng(seed).uniform(0, 255, (count, 64, 64, 3))
    return ndimage.gaussian_filter(levels, (0, 3, 3, 0)).astype(np.uint8)


PICTURES = smooth(12, 0)


pytestmark = pytest.mark.usefixtures("forkable")


def stored(folder: Path, pictures: np.ndarray) -> Thumbnails:
    (folder / "rows").write_bytes(pictures.astype(np.uint8).tobytes())
    return Thumbnails(folder / "rows", np.arange(len(pictures)))


@pytest.mark.parametrize(("share", "off"), [(1.0, 2e-4), (0.95, 0.02), (0.9, 0.02), (0.75, 0.02)])
def test_spectra_are_the_lowest_cosines_of_luma_and_chroma_in_the_middle(share: float, off: float) -> None:
    """By SciPy: the middle scaled up to the whole, between pixels, in JPEG's colours; OpenCV rounds places to 1/32."""
    at = 31.5 + share * (np.arange(64) - 31.5)
    places = np.meshgrid(at, at, indexing="ij")
    for picture, spectrum in zip(PICTURES.astype(float), candidates._spectra(PICTURES, share), strict=True):
        red, green, blue = np.moveaxis(picture, 2, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        planes = luma, 0.5 / 0.701 * (red - luma), 0.5 / 0.886 * (blue - luma)
        for channel, plane in enumerate(planes):
            middle = ndimage.map_coordinates(plane, places, order=1, mode="nearest")
            known = fft.dctn(middle, norm="ortho")[:8, :8]
            assert np.linalg.norm(spectrum[..., channel] - known) < off * np.linalg.norm(known.ravel()[1:])


@pytest.mark.parametrize("share", [1.0, 0.9, 0.5])
def test_cosines_are_those_of_the_middle_share_of_a_line(share: float) -> None:
    line = np.random.default_rng(6).uniform(0, 255, 64)
    middle = np.interp(31.5 + share * (np.arange(64) - 31.5), np.arange(64), line)
    found = candidates._cosines(share)
    assert (found.shape, found.dtype) == ((8, 64), np.float32)
    np.testing.assert_allclose(found @ line, fft.dct(middle, norm="ortho")[:8], atol=3 if share < 1 else 1e-3)


@pytest.mark.parametrize("way", range(orientations.COUNT))
def test_the_spectra_of_turned_pictures_need_no_pictures(way: int) -> None:
    turned = np.stack([orientations.oriented(picture, way) for picture in PICTURES])
    np.testing.assert_allclose(
        candidates._turned(candidates._spectra(PICTURES, 0.95), way), candidates._spectra(turned, 0.95), atol=0.01
    )


def test_a_descriptor_is_the_lowest_frequencies_but_for_the_mean_level_scaled_to_length_1() -> None:
    """35 of luma, whose orders along both sides add up to less than 8, and 10 of each chroma, to less than 4."""
    spectra = np.random.default_rng(1).normal(size=(3, 8, 8, 3)).astype(np.float32)
    found = candidates._vectors(spectra)
    assert found.shape == (3, 55)
    low = {0: 8, 1: 4, 2: 4}
    for vector, spectrum in zip(found, spectra, strict=True):
        kept = [
            spectrum[y, x, channel]
            for channel, below in low.items()
            for y in range(8)
            for x in range(8)
            if y + x < below and (channel, y, x) != (0, 0, 0)
        ]
        np.testing.assert_allclose(vector, np.array(kept) / np.linalg.norm(kept), rtol=1e-5)


def test_plain_pictures_have_a_descriptor_of_zeros() -> None:
    np.testing.assert_array_equal(candidates._vectors(np.zeros((2, 8, 8, 3), np.float32)), np.zeros((2, 55)))


def test_whitening_is_that_of_principal_components_with_a_tenth_of_their_mean_added(tmp_path: Path) -> None:
    """By scikit-learn; axes may point either way, so that the angles between photos are compared."""
    pictures = smooth(300, 2)
    thumbnails = stored(tmp_path, pictures)
    vectors = candidates._vectors(candidates._spectra(pictures, 1.0))
    parts = PCA(48).fit(vectors)
    spread = parts.explained_variance_ * 299 / 300
    known = parts.transform(vectors) / np.sqrt(spread + 0.1 * spread.mean())
    known /= np.linalg.norm(known, axis=1, keepdims=True)
    found = candidates._whitening(thumbnails, WHOLE)(vectors)
    np.testing.assert_allclose(found @ found.T, known @ known.T, atol=2e-3)


def test_the_whitening_is_told_by_a_sample_and_by_no_fewer_than_64(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.concatenate([PICTURES] * 6)[:64]
    assert np.diag(candidates._whitening(stored(tmp_path, pictures), WHOLE).axes).tolist() != [1.0] * 48
    few = candidates._whitening(stored(tmp_path, pictures[:63]), WHOLE)
    np.testing.assert_array_equal(few.axes, np.eye(55)[:, :48])
    assert not few.mean.any()
    monkeypatch.setattr(candidates, "_SAMPLE", 64)
    monkeypatch.setattr(candidates, "_BLOCK", 32)
    more = np.concatenate([pictures, 255 - pictures])
    np.testing.assert_array_equal(
        candidates._whitening(stored(tmp_path, more), WHOLE).mean,
        candidates._whitening(stored(tmp_path, pictures), WHOLE).mean,
    )


def test_up_to_4000_photos_the_index_is_exact_and_past_that_of_cells_of_80(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thumbnails = stored(tmp_path, np.concatenate([PICTURES] * 20))
    whitening = candidates._whitening(thumbnails, WHOLE)
    monkeypatch.setattr(candidates, "_EXACT_UP_TO", 240)
    exact = candidates._index(thumbnails, whitening, WHOLE)
    assert isinstance(exact, faiss.IndexFlatIP)
    monkeypatch.setattr(candidates, "_EXACT_UP_TO", 239)
    cells = candidates._index(thumbnails, whitening, WHOLE)
    assert (cells.nlist, cells.nprobe, cells.ntotal, cells.d) == (3, 16, 240, 48)
    assert cells.metric_type == faiss.METRIC_INNER_PRODUCT
    wanted = whitening(candidates._vectors(candidates._spectra(PICTURES[:5], 1.0)))
    np.testing.assert_allclose(exact.reconstruct_n(0, 5), wanted, atol=1e-5)
    np.testing.assert_allclose(cells.search(wanted, 1)[0], exact.search(wanted, 1)[0], atol=1e-3)


def test_photos_are_described_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thumbnails = stored(tmp_path, PICTURES)
    monkeypatch.setattr(candidates, "_BLOCK", 2)
    whitening = candidates._whitening(thumbnails, WHOLE)
    every, third = (np.concatenate(list(candidates._described(thumbnails, whitening, WHOLE, step))) for step in (1, 3))
    assert len(every) == 12
    np.testing.assert_allclose(third, every[::3], atol=1e-5)


def blends(shares: list[float]) -> np.ndarray:
    """A picture, and more and less of it mixed with another."""
    rng = np.random.default_rng(3)
    one, other = (ndimage.gaussian_filter(rng.normal(0, 1, (64, 64, 3)), (3, 3, 0)) for _ in range(2))
    mixed = np.stack([one, *(share * one + np.sqrt(1 - share**2) * other for share in shares)])
    return np.asarray(np.round((128 + 30 * mixed / mixed.std()).clip(0, 255)), np.uint8)


def near(folder: Path, pictures: np.ndarray, kind: Kind) -> set[tuple[int, int, int]]:
    return Seeker.of(kind, stored(folder, pictures)).near(pictures, 0)


def test_of_a_photos_neighbours_the_most_similar_are_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Photo 0 is sought alone: of six that are like it, all but one, the best four are kept."""
    pictures = blends([0.99, 0.9, 0.97, 0.0, 0.95, 0.93])
    seeker = Seeker.of(Kind(1.0, (1.0,), 0.75), stored(tmp_path, pictures))
    assert seeker.near(pictures[:1], 0) == {(0, other, 0) for other in (1, 3, 5, 6)}
    monkeypatch.setattr(candidates, "_PER_PHOTO", 2)
    assert seeker.near(pictures[:1], 0) == {(0, 1, 0), (0, 3, 0)}
    monkeypatch.setattr(candidates, "_PER_PHOTO", 9)
    assert seeker.near(pictures[:1], 0) == {(0, other, 0) for other in (1, 3, 5, 6)}, "the index gives four"
    monkeypatch.setattr(candidates, "_NEAREST", 9)
    assert seeker.near(pictures[:1], 0) == {(0, other, 0) for other in (1, 2, 3, 5, 6)}


def test_neighbours_have_as_much_in_common_as_their_kind_asks_for(tmp_path: Path) -> None:
    pictures = blends([0.8])
    vectors = candidates._vectors(candidates._spectra(pictures, 1.0))[:, :48]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    common = float(vectors[0] @ vectors[1])
    assert near(tmp_path, pictures, Kind(1.0, (1.0,), common - 0.001)) == {(0, 1, 0)}
    assert near(tmp_path, pictures, Kind(1.0, (1.0,), common + 0.001)) == set()


def test_a_cropped_copy_is_found_by_the_crop_that_shows_the_same(tmp_path: Path) -> None:
    """The middle nine tenths of a picture, blown up: like the original's, and less like all of it."""
    wide = ndimage.gaussian_filter(np.random.default_rng(4).normal(0, 1, (160, 160, 3)), (6, 6, 0))
    wide = np.asarray((128 + 30 * wide / wide.std()).clip(0, 255), np.uint8)
    original, cropped = (
        np.asarray(Image.fromarray(each).resize((64, 64), Image.Resampling.BILINEAR))
        for each in (wide, wide[8:-8, 8:-8])
    )
    pictures = np.stack([original, cropped])
    vectors = [candidates._vectors(candidates._spectra(pictures, share))[:, :48].astype(float) for share in (1.0, 0.9)]
    whole, middle = (
        float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))
        for one, other in ((vectors[0][0], vectors[0][1]), (vectors[1][0], vectors[0][1]))
    )
    between = (whole + middle) / 2
    assert middle - whole > 0.05
    assert near(tmp_path, pictures, Kind(1.0, (1.0, 0.9), between)) == {(0, 1, 0)}
    assert near(tmp_path, pictures, Kind(1.0, (1.0,), between)) == set()


def test_each_pair_comes_once_for_each_orientation_whatever_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven photos and a copy of each, turned by a quarter; the third is its own mirror image."""
    pictures = smooth(7, 5)
    pictures[2] = (pictures[2].astype(int) + pictures[2][:, ::-1]) // 2
    thumbnails = stored(tmp_path, np.concatenate([pictures, pictures.swapaxes(1, 2)[:, ::-1]]))
    back = next(
        way
        for way in range(orientations.COUNT)
        if (orientations.oriented(pictures[0].swapaxes(0, 1)[::-1], way) == pictures[0]).all()
    )
    found = find_candidates(thumbnails).tolist()
    assert found == sorted(found)
    assert {tuple(each) for each in found} >= {(n, n + 7, back) for n in range(7)}
    assert len([each for each in found if each[:2] == [2, 9]]) == 2
    monkeypatch.setattr(candidates, "_BLOCK", 3)
    assert find_candidates(thumbnails).tolist() == found
