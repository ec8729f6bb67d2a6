"""Splits and groups with copies, groups of the user's own, and pins."""

import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapline.data import splitting
from scrapline.data.duplicates.groups import group_names
from scrapline.data.pins import Pin
from scrapline.params import Split, SplitScheme
from scrapline.prepare.grouping import Grouped, Joined
from scrapline.prepare.placing import Placed, check_pins, place
from scrapline.prepare.quality import Photo
from scrapline.system.errors import ScraplineError

HASH = Split(scheme=SplitScheme.HASH, val=0.2, test=0.2, lists=None)
LISTS = Split(scheme=SplitScheme.LISTS, val=0.2, test=0.2, lists="mine")
SEED = 7


def name(number: int) -> str:
    return f"{number:016x}"


def grouped(photos: int, *copies: tuple[int, int], class_of: dict[int, str] | None = None) -> Grouped:
    """So many photos `glass/<number>`, and which pairs of them are copies."""
    kinds = class_of or {}
    made = [
        Photo(name(n), kinds.get(n, "glass"), f"{kinds.get(n, 'glass')}/{n}", 9, 9, 9, "jpg", False, n)
        for n in range(photos)
    ]
    joined = [Joined(made[a], made[b], "", None) for a, b in copies]
    return Grouped(made, group_names([photo.image_id for photo in made], copies), joined, [])


def hashed(photos: Grouped, own: dict[str, str] | None = None, pins: dict[int, Pin] | None = None) -> Placed:
    by_id = {name(n): pin for n, pin in (pins or {}).items()}
    return place(photos, ids(own or {}), by_id, HASH, None, seed=SEED)


def ids(own: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The groups by path as they come, by id."""
    return {name(int(path.split("/")[1])): (group,) for path, group in own.items()}


def splits(placed: Placed) -> dict[int, str]:
    return {int(image_id, 16): split for image_id, split in placed.split.items()}


ALONE = splits(hashed(grouped(60)))
TRAIN, VAL, TEST = (sorted(n for n, split in ALONE.items() if split == s) for s in splitting.SPLITS)


def test_a_group_of_the_users_own_goes_as_one_where_its_smallest_id_falls() -> None:
    session = [VAL[0], *TRAIN[:3], TEST[-1]]
    placed = hashed(grouped(60), {f"glass/{n}": "s1" for n in session} | {f"glass/{TEST[0]}": "s2"})
    found = splits(placed)
    assert {found[n] for n in session} == {ALONE[min(session)]}
    assert {placed.group[name(n)] for n in session} == {name(min(session))}
    others = ALONE.keys() - set(session)
    assert {n: found[n] for n in others} == {n: ALONE[n] for n in others}
    assert {placed.group[name(n)] for n in others} == {name(n) for n in others}


def test_copies_join_groups_of_the_users_own() -> None:
    placed = hashed(grouped(60, (1, 12)), {"glass/0": "a", "glass/1": "a", "glass/12": "b", "glass/13": "b"})
    assert {placed.group[name(n)] for n in (0, 1, 12, 13)} == {name(0)}


def test_a_train_only_photo_trains_and_moves_no_other() -> None:
    """Photo 0 has the smallest id of all and would give any group its name, and with it another split."""
    for held_out in (TEST, VAL):
        pinned = held_out[0]
        found = splits(hashed(grouped(60), pins={pinned: Pin.TRAIN_ONLY}))
        assert found == ALONE | {pinned: "train"}
    mate = next(n for n in TRAIN if n > 0)
    found = splits(hashed(grouped(60, (0, mate)), pins={0: Pin.TRAIN_ONLY}))
    assert found == ALONE | {0: "train"}


@pytest.mark.parametrize("held_out", [VAL[-1], TEST[-1]])
def test_a_train_only_photo_in_a_group_that_is_measured_on_is_left_out(held_out: int) -> None:
    placed = hashed(grouped(60, (TRAIN[0], held_out)), pins={TRAIN[0]: Pin.TRAIN_ONLY})
    assert splits(placed) == {n: split for n, split in ALONE.items() if n != TRAIN[0]}
    (left,) = placed.rejected
    assert (left.source_path, left.reason, left.detail) == (
        f"glass/{TRAIN[0]}",
        f"leaks_into_{ALONE[held_out]}",
        f"nearly the same photo as glass/{held_out}",
    )
    assert placed.group.keys() == placed.split.keys()


def test_a_train_only_photo_that_two_others_resemble_does_not_join_them() -> None:
    """Left out, where one of them is measured on; else it makes them one group, since both train beside it."""
    bridge = TRAIN[2]
    placed = hashed(grouped(60, (bridge, TRAIN[0]), (bridge, TEST[0])), pins={bridge: Pin.TRAIN_ONLY})
    assert splits(placed) == {n: split for n, split in ALONE.items() if n != bridge}
    assert placed.group[name(TRAIN[0])] == name(TRAIN[0])
    placed = hashed(grouped(60, (bridge, TRAIN[0]), (bridge, TRAIN[1])), pins={bridge: Pin.TRAIN_ONLY})
    assert splits(placed) == ALONE
    assert {placed.group[name(n)] for n in TRAIN[:3]} == {name(min(TRAIN[:3]))}


def test_a_leak_by_the_users_own_group_says_so() -> None:
    own = {f"glass/{TRAIN[0]}": "s", f"glass/{TEST[0]}": "s"}
    (left,) = hashed(grouped(60), own, {TRAIN[0]: Pin.TRAIN_ONLY}).rejected
    assert left.detail == f"in one group with glass/{TEST[0]}"


def test_a_measure_only_photo_takes_its_group_out_of_training() -> None:
    pinned, mate = TRAIN[1], TRAIN[2]
    placed = hashed(grouped(60, (pinned, mate)), pins={pinned: Pin.MEASURE_ONLY})
    found = splits(placed)
    assert found[pinned] == found[mate] != "train"
    assert placed.along == 1
    assert placed.rejected == []
    others = ALONE.keys() - {pinned, mate}
    assert {n: found[n] for n in others} == {n: ALONE[n] for n in others}
    held_out = hashed(grouped(60, (VAL[0], VAL[1])), pins={VAL[0]: Pin.MEASURE_ONLY, TEST[0]: Pin.MEASURE_ONLY})
    assert {n: split for n, split in splits(held_out).items() if n != VAL[1]} == {
        n: split for n, split in ALONE.items() if n != VAL[1]
    }
    assert held_out.along == 0


def test_measure_only_photos_fall_into_validation_and_test_by_their_shares() -> None:
    """A tenth and three tenths: of 4,000 pinned photos about 3,000 go to test, by a standard error of 27."""
    shares = Counter(splitting.measuring_split(name(n), seed=SEED, val=0.1, test=0.3) for n in range(4000))
    assert shares["test"] == pytest.approx(3000, abs=110)
    assert shares["val"] + shares["test"] == 4000


def test_of_both_pins_in_one_group_the_measured_photo_stays() -> None:
    placed = hashed(grouped(60, (TRAIN[1], TRAIN[2])), pins={TRAIN[1]: Pin.MEASURE_ONLY, TRAIN[2]: Pin.TRAIN_ONLY})
    found = splits(placed)
    assert found[TRAIN[1]] != "train"
    assert TRAIN[2] not in found
    assert [entry.reason for entry in placed.rejected] == [f"leaks_into_{found[TRAIN[1]]}"]
    assert placed.along == 0


def test_photos_pinned_train_only_do_not_count_for_their_class() -> None:
    """Four are left, and are placed as if they were alone, whatever the seed; two are too few."""
    pins = dict.fromkeys(range(4, 12), Pin.TRAIN_ONLY)
    for seed in range(40):
        by_id = {name(n): pin for n, pin in pins.items()}
        alone = place(grouped(4), {}, {}, HASH, None, seed=seed).split
        assert place(grouped(12), {}, by_id, HASH, None, seed=seed).split == alone | dict.fromkeys(by_id, "train")
    with pytest.raises(ScraplineError, match=r"`glass` has 2 distinct photos .*train_only do not count\) and needs at"):
        hashed(grouped(10), pins=dict.fromkeys(range(2, 10), Pin.TRAIN_ONLY))


@pytest.mark.parametrize(
    ("own", "pins", "counted"),
    [
        ({}, {}, "near-duplicates count as one"),
        ({"glass/0": "s"}, {}, "near-duplicates count as one, and so do groups of data.group"),
        ({}, {2: Pin.TRAIN_ONLY}, "near-duplicates count as one; photos pinned train_only do not count"),
    ],
)
def test_what_counts_as_one_photo_is_said_of_what_is_in_use(
    own: dict[str, str], pins: dict[int, Pin], counted: str
) -> None:
    with pytest.raises(
        ScraplineError, match=re.escape(f"`glass` has 2 distinct photos ({counted}) and needs at least")
    ):
        hashed(grouped(2 + len(pins)), own, pins)


def test_a_class_whose_photos_are_nearly_all_measured_keeps_one_to_train() -> None:
    assert splits(hashed(grouped(10), pins=dict.fromkeys(range(9), Pin.MEASURE_ONLY)))[9] == "train"
    with pytest.raises(ScraplineError, match=r"class `glass` has no photo left for train.* or take pins out"):
        hashed(grouped(10), pins=dict.fromkeys(range(10), Pin.MEASURE_ONLY))


def test_a_photo_in_two_groups_joins_them() -> None:
    """As where byte-identical files lie in two sessions."""
    own = {name(0): ("a",), name(1): ("a", "b"), name(2): ("b",)}
    placed = place(grouped(60), own, {}, HASH, None, seed=SEED)
    assert {placed.group[name(n)] for n in range(3)} == {name(0)}


def listed(
    split_of: dict[int, str], photos: Grouped, pins: dict[int, Pin], own: dict[str, str] | None = None
) -> Placed:
    by_path = {f"glass/{n}": split for n, split in split_of.items()}
    return place(photos, ids(own or {}), {name(n): pin for n, pin in pins.items()}, LISTS, by_path, seed=SEED)


def test_lists_place_measure_only_photos_with_their_group_or_by_hash() -> None:
    """Photos 0 to 3 are listed. 4 is a copy of test's 3; 5 of 0, which trains; 6 of none; 7 of 6, and unpinned."""
    photos = grouped(9, (3, 4), (0, 5), (6, 7))
    split_of = {0: "train", 1: "train", 2: "val", 3: "test"}
    placed = listed(split_of, photos, dict.fromkeys((4, 5, 6), Pin.MEASURE_ONLY))
    found = splits(placed)
    assert found[4] == "test"
    for pinned in (5, 6):
        smallest = {5: 0, 6: 6}[pinned]
        assert found[pinned] == splitting.measuring_split(name(smallest), seed=SEED, val=0.2, test=0.2)
    assert {entry.source_path: entry.reason for entry in placed.rejected} == {
        "glass/0": f"leaks_into_{found[5]}",
        "glass/7": f"leaks_into_{found[6]}",
    }
    assert {n: found[n] for n in (1, 2, 3, 8)} == {1: "train", 2: "val", 3: "test", 8: "train"}
    assert placed.along == 2, "photos 0 and 7: 3 stands in test.txt"
    assert placed.group.keys() == placed.split.keys()
    assert placed.group[name(5)] == name(5), "0, which has the smaller id, is gone"


def test_lists_leave_train_only_photos_out_where_they_would_leak() -> None:
    photos = grouped(8, (2, 4), (0, 5))
    split_of = {0: "train", 1: "train", 2: "val", 3: "test"}
    placed = listed(split_of, photos, dict.fromkeys((1, 4, 5, 6), Pin.TRAIN_ONLY))
    assert splits(placed) == {0: "train", 1: "train", 2: "val", 3: "test", 5: "train", 6: "train", 7: "train"}
    assert [(entry.source_path, entry.reason) for entry in placed.rejected] == [("glass/4", "leaks_into_val")]


def test_lists_obey_the_users_own_groups() -> None:
    own = {"glass/0": "s", "glass/3": "s", "glass/5": "s"}
    placed = listed({0: "train", 1: "train", 2: "val", 3: "test"}, grouped(6), {}, own)
    assert [(entry.source_path, entry.reason, entry.detail) for entry in placed.rejected] == [
        ("glass/0", "leaks_into_test", "in one group with glass/3"),
        ("glass/5", "leaks_into_test", "in one group with glass/3"),
    ]


@pytest.mark.parametrize(
    ("pin", "split"), [(Pin.TRAIN_ONLY, "val"), (Pin.TRAIN_ONLY, "test"), (Pin.MEASURE_ONLY, "train")]
)
def test_a_pin_that_contradicts_a_list_is_refused(pin: Pin, split: str) -> None:
    photos = grouped(4).photos
    with pytest.raises(ScraplineError, match=rf"`glass/0` is pinned {pin} and stands in {split}\.txt"):
        check_pins(photos, {name(0): pin}, {"glass/0": split})
    check_pins(photos, {name(1): pin}, {"glass/0": split})


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 79), st.integers(0, 79)), max_size=30),
    st.dictionaries(st.integers(0, 79), st.sampled_from(["s1", "s2", "s3"]), max_size=10),
    st.dictionaries(st.integers(0, 79), st.sampled_from([Pin.TRAIN_ONLY, Pin.MEASURE_ONLY]), max_size=30),
)
def test_whatever_is_joined_and_pinned_nothing_leaks(
    pairs: list[tuple[int, int]], own: dict[int, str], pins: dict[int, Pin]
) -> None:
    photos = grouped(80, *{(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    by_path = {f"glass/{n}": group for n, group in own.items()}
    placed, without = hashed(photos, by_path, pins), hashed_without(photos, by_path, pins)
    of_group: dict[str, set[str]] = {}
    for image_id, split in placed.split.items():
        of_group.setdefault(placed.group[image_id], set()).add(split)
        pin = pins.get(int(image_id, 16))
        assert not (pin is Pin.TRAIN_ONLY and split != "train")
        assert not (pin is Pin.MEASURE_ONLY and split == "train")
    assert {len(found) for found in of_group.values()} == {1}
    for joined in photos.joined:
        both = placed.split.get(joined.first.image_id), placed.split.get(joined.second.image_id)
        assert both[0] == both[1] or None in both
    assert placed.split.keys() | {photo.image_id for photo in photos.photos if photo.source_path in left(placed)} == {
        photo.image_id for photo in photos.photos
    }
    unpinned = {
        image_id: split for image_id, split in placed.split.items() if pins.get(int(image_id, 16)) is not Pin.TRAIN_ONLY
    }
    assert unpinned == without


def left(placed: Placed) -> set[str]:
    return {entry.source_path for entry in placed.rejected}


def hashed_without(photos: Grouped, own: dict[str, str], pins: dict[int, Pin]) -> dict[str, str]:
    """The splits as if the train_only photos did not exist."""
    kept = [photo for photo in photos.photos if pins.get(int(photo.image_id, 16)) is not Pin.TRAIN_ONLY]
    ids = {photo.image_id for photo in kept}
    joined = [j for j in photos.joined if j.first.image_id in ids and j.second.image_id in ids]
    fewer = Grouped(kept, ["" for _ in kept], joined, [])
    return hashed(fewer, own, pins).split
