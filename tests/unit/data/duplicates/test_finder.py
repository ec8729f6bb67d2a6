"""What the finder says of copies, and what it need not compare twice."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import copies
from conftest import jpeg, noise
from copies import CHANGES, Belt
from scrapline.data import learned
from scrapline.data.duplicates import finder, verification
from scrapline.data.duplicates.alignment import Peak
from scrapline.data.duplicates.finder import Verifier, find_copies
from scrapline.data.duplicates.grounds import Grounds
from scrapline.data.duplicates.thumbnails import Thumbnails
from scrapline.data.duplicates.verification import Match
from scrapline.data.duplicates.views import View
from scrapline.data.learned import Learned
from scrapline.system import database

pytestmark = pytest.mark.usefixtures("forkable")

SMOOTH = [noise(seed, (320, 240)) for seed in range(12)]
BELT = Belt("rubber", 0.2, 6, 0.1).photos(24, 3)


def names(changes: list[tuple[str, str, copies.Change, int]]) -> list[str]:
    return [f"{what} {how}".strip() for what, how, _, _ in changes]


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("saved again quality 75", "saved again"),
        ("mirrored", "same framing, mirrored"),
        ("flipped", "same framing, flipped"),
        # Pillow turns against the clock: what was turned by 90 shows the first photo when it is turned by 90 on.
        ("turned 90 degrees", "same framing, turned by 90"),
        ("turned 180 degrees", "same framing, turned by 180"),
        ("turned 270 degrees", "same framing, turned by 270"),
        ("cropped 5% a side", "moved or zoomed"),
        ("shifted 8 pixels, edge repeated", "moved or zoomed"),
    ],
)
def test_the_reason_says_what_was_done(tmp_path: Path, what: str, reason: str) -> None:
    _, _, change, quality = CHANGES[names(CHANGES).index(what)]
    originals = [copies.small(jpeg(photo, quality=92)) for photo in SMOOTH[:3]]
    found = copies.found(originals + copies.copies_of(SMOOTH[:3], change, quality, 0), tmp_path)
    assert [(each.first, each.second, each.reason) for each in found] == [(n, n + 3, reason) for n in range(3)]


def test_only_an_upright_copy_of_the_same_framing_and_pixels_is_a_resave(tmp_path: Path) -> None:
    _, _, change, quality = CHANGES[names(CHANGES).index("saved again quality 75")]
    thumbnails = [copies.small(jpeg(SMOOTH[0], quality=92)), *copies.copies_of(SMOOTH[:1], change, quality, 0)]
    (found,) = copies.found(thumbnails, tmp_path)
    assert found.resaved
    assert not replace(found, orientation=1).resaved
    assert not replace(found, match=replace(found.match, correlation=0.9899)).resaved
    assert replace(found, match=replace(found.match, correlation=0.99)).resaved
    assert not replace(found, match=replace(found.match, same_framing=False)).resaved


def test_no_photos_and_one_photo_have_no_copies(tmp_path: Path) -> None:
    assert copies.found([], tmp_path) == []
    assert copies.found([copies.small(jpeg(SMOOTH[0]))], tmp_path) == []


def test_pairs_that_are_no_copies_are_compared_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies are compared in each run, and so is everything once a ground or the code has changed."""
    monkeypatch.setattr(learned, "user_cache_folder", lambda: tmp_path / "cache")
    kept = Learned.open()
    small = [copies.small(jpeg(photo, quality=90)) for photo in [*BELT, BELT[0]]]
    (tmp_path / "thumbnails").write_bytes(b"".join(small))
    looked: list[int] = []
    compared: list[int] = []

    def glanced(*given: Any) -> Peak | None:
        looked.append(1)
        return verification.glance(*given)

    def counted(*given: Any) -> Match | None:
        compared.append(1)
        return verification.match(*given)

    monkeypatch.setattr(finder, "glance", glanced)
    monkeypatch.setattr(finder, "match", counted)

    def find(photos: int = len(small)) -> tuple[list[finder.Copies], int, int]:
        looked.clear()
        compared.clear()
        return find_copies(tmp_path / "thumbnails", np.arange(photos), kept), len(looked), len(compared)

    first, *at_first = find()
    again, *later = find()
    assert again == first
    assert [(each.first, each.second) for each in first] == [(0, len(BELT))]
    assert at_first[1] < at_first[0]
    assert 1 <= later[1] == later[0] < 0.1 * at_first[1]
    alone, *beside = find(len(BELT))
    assert alone == []
    assert later[1] < beside[1], "the ground is another without the copy, if by little"
    assert beside[0] - beside[1] < 0.5 * (at_first[0] - at_first[1]), "a glance asks for no ground"
    monkeypatch.setattr(finder, "_maker", lambda: b"other code")
    assert find() == (first, *at_first)
    assert find_copies(tmp_path / "thumbnails", np.arange(len(small))) == first


@pytest.mark.parametrize("asks", [False, True])
def test_a_pair_is_not_known_where_the_data_sets_grounds_were_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: bool
) -> None:
    """What lies behind a photo depends on every ground that there is, which no key holds."""
    monkeypatch.setattr(learned, "user_cache_folder", lambda: tmp_path / "cache")
    kept = Learned.open()
    (tmp_path / "thumbnails").write_bytes(b"".join(copies.small(jpeg(SMOOTH[0], quality=q)) for q in (92, 60)))
    compared: list[int] = []

    def match(first: View, second: View, raw: Peak, behind: Callable[[View], Any]) -> None:
        compared.append(1)
        if asks:
            behind(second)

    monkeypatch.setattr(finder, "match", match)
    for _ in range(2):
        assert find_copies(tmp_path / "thumbnails", np.arange(2), kept) == []
    assert len(compared) == (2 if asks else 1)


def test_a_pair_is_known_by_both_photos_the_orientation_and_both_grounds(tmp_path: Path) -> None:
    """The first key by photos and orientation, the second by the grounds, too; a pair known by either is known."""
    pictures = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    (tmp_path / "rows").write_bytes(pictures.tobytes())
    rows = np.arange(4)
    pairs = np.array([[0, 1, 0], [0, 2, 0], [3, 1, 0], [0, 1, 4]], np.int64)
    kept = Learned(tmp_path / "cache.sqlite")
    database.prepared(tmp_path / "cache.sqlite", learned._TABLES, learned._PROBES)

    def keys(*of: int) -> list[tuple[bytes, bytes]]:
        grounds = Grounds(pictures[:2].astype(np.float32), np.array(of, np.int16))
        verifier = Verifier(tmp_path / "rows", rows, grounds, kept)
        return [each for _, each in verifier._unknown(pairs, Thumbnails(tmp_path / "rows", rows))]

    plain = keys(-1, -1, -1, -1)
    assert len({key for both in plain for key in both}) == 8
    for first, second in ((0, -1), (-1, 0), (1, -1), (-1, 1)):
        alone, grounded = keys(first, second, -1, -1)[0]
        assert alone == plain[0][0]
        assert grounded != plain[0][1]
    twins = Grounds(np.stack([pictures[0]] * 2).astype(np.float32), np.array([0, 1, 0, 0], np.int16))
    assert len({Verifier(Path(), rows, twins)._grounded(b"", 0, other) for other in (1, 2)}) == 2
    assert len({keys(*of)[0][1] for of in ((0, -1, -1, -1), (-1, 0, -1, -1), (1, -1, -1, -1), (0, 1, -1, -1))}) == 4
    kept.keep_unlike([plain[0][0], plain[2][1]])
    assert keys(-1, -1, -1, -1) == [plain[1], plain[3]]
    assert keys(-1, 0, -1, 0)[0][0] == plain[1][0]
    assert len(keys(-1, 0, -1, 0)) == 3, "the third pair lies on other grounds"
