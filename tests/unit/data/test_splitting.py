import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scrapline.data import splitting
from scrapline.data.splitting import Member, by_hash, by_lists
from scrapline.system.errors import ScraplineError


def member(number: int, class_name: str = "glass", group: int | None = None) -> Member:
    name = f"{number:016x}"
    return Member(name, class_name, f"{class_name}/{number}.jpg", f"{number if group is None else group:016x}")


def split_of(members: list[Member]) -> dict[str, str]:
    groups = by_hash(members, seed=7, val=0.15, test=0.15)
    return {m.image_id: groups[m.group] for m in members}


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 400), st.integers(0, 40)), min_size=60, max_size=200))
def test_no_group_straddles_and_every_class_is_everywhere(rows: list[tuple[str, int, int]]) -> None:
    members = [Member(f"{i:016x}", c, f"{c}/{i}", f"{g:016x}") for i, (c, _, g) in enumerate(rows)]
    groups_of = {c: {m.group for m in members if m.class_name == c} for c, _, _ in rows}
    if min(map(len, groups_of.values())) < splitting.MIN_GROUPS:
        with pytest.raises(ScraplineError, match="needs at least 3"):
            by_hash(members, seed=7, val=0.15, test=0.15)
        return
    split = by_hash(members, seed=7, val=0.15, test=0.15)
    assert set(split) == {m.group for m in members}
    if all(len(groups) > 12 for groups in groups_of.values()):
        for groups in groups_of.values():
            assert {split[group] for group in groups} == set(splitting.SPLITS)


def test_adding_images_moves_no_other() -> None:
    before = split_of([member(n) for n in range(200)])
    after = split_of([member(n) for n in range(260)])
    assert {image: after[image] for image in before} == before


def test_shares_are_about_those_asked_for() -> None:
    split = split_of([member(n) for n in range(4000)])
    shares = [sum(s == name for s in split.values()) / 4000 for name in ("val", "test")]
    assert shares == pytest.approx([0.15, 0.15], abs=0.02)


def test_a_tiny_class_still_reaches_every_split() -> None:
    split = split_of([member(n) for n in range(100)] + [member(1000 + n, "tiny") for n in range(3)])
    assert {split[f"{1000 + n:016x}"] for n in range(3)} == set(splitting.SPLITS)


def test_too_few_groups_say_how_many_are_needed() -> None:
    near = [member(n, "tiny", group=1) for n in (1, 2, 3)]
    with pytest.raises(ScraplineError, match=r"class `tiny` has 1 distinct photo .* needs at least 3"):
        split_of([member(n + 10) for n in range(20)] + near)


def test_seed_changes_the_split() -> None:
    members = [member(n) for n in range(100)]
    assert by_hash(members, seed=1, val=0.2, test=0.2) != by_hash(members, seed=2, val=0.2, test=0.2)


def write_lists(folder: Path, **lists: list[str]) -> Path:
    folder.mkdir()
    for name in splitting.SPLITS:
        (folder / f"{name}.txt").write_text("\n".join(lists.get(name, [])) + "\n")
    return folder


def test_lists_win_and_what_resembles_held_out_images_leaks(tmp_path: Path) -> None:
    lists = splitting.read_lists(
        write_lists(tmp_path / "l", train=["glass/1.jpg"], val=["glass/2.jpg", "glass/5.jpg"], test=["glass/3.jpg"])
    )
    members = [
        member(1, group=1),
        member(2, group=1),
        member(3, group=3),
        member(4, group=3),
        member(5, group=3),
        member(6),
    ]
    split, leaks = by_lists(members, lists)
    assert {int(image, 16): name for image, name in split.items()} == {2: "val", 3: "test", 6: "train"}
    assert {int(image, 16): path for image, path in leaks.items()} == {
        1: "glass/2.jpg",
        4: "glass/3.jpg",
        5: "glass/3.jpg",
    }


def test_list_problems_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match=r"`a/1` stands in both train\.txt and test\.txt"):
        splitting.read_lists(write_lists(tmp_path / "l", train=["a/1"], test=["a/1"]))
    with pytest.raises(ScraplineError, match=r"train\.txt is not here"):
        splitting.read_lists(tmp_path / "missing")


def point(group: int, seed: int) -> float:
    """Where a group falls between 0 and 1, worked out anew: the first 64 bits of a SHA-256."""
    return int(hashlib.sha256(f"{seed}:{group:016x}".encode()).hexdigest()[:16], 16) / 2**64


def test_each_group_lies_where_its_hash_falls() -> None:
    """Test from 0, then validation, then training."""
    split = by_hash([member(n) for n in range(300)], seed=11, val=0.3, test=0.1)
    for number in range(300):
        at = point(number, 11)
        assert split[f"{number:016x}"] == ("test" if at < 0.1 else "val" if at < 0.4 else "train"), at


def test_a_class_left_out_gives_the_group_that_lies_nearest() -> None:
    """Five groups, all in training: the nearest to the test range and the nearest to validation's are given."""
    everywhere = [member(n) for n in range(100)]
    outside = [n for n in range(1000, 3000) if point(n, 7) > 0.35][:5]
    split = by_hash(everywhere + [member(n, "rare") for n in outside], seed=7, val=0.15, test=0.15)
    nearest = sorted(outside, key=lambda n: point(n, 7))
    given = {n: split[f"{n:016x}"] for n in outside}
    assert given[nearest[0]] == "test"
    assert given[nearest[1]] == "val"
    assert all(given[n] == "train" for n in nearest[2:])


def test_of_identical_files_the_one_held_out_stays() -> None:
    lists = {"a": "test", "b": "val", "c": "train"}
    assert [splitting.rank_by_list(lists, path) for path in ("a", "b", "c", "in none")] == [0, 1, 2, 2]


def test_three_groups_are_enough_and_two_are_not() -> None:
    others = [member(n) for n in range(50)]
    by_hash(others + [member(1000 + n, "few") for n in range(3)], seed=7, val=0.15, test=0.15)
    with pytest.raises(
        ScraplineError, match=r"class `few` has 2 distinct photos \(near-duplicates count as one\) and "
    ):
        by_hash(others + [member(1000 + n, "few") for n in range(2)], seed=7, val=0.15, test=0.15)


def test_a_list_may_name_a_photo_twice_and_have_empty_lines(tmp_path: Path) -> None:
    lists = splitting.read_lists(write_lists(tmp_path / "l", train=["a/1", "", "  a/1  "]))
    assert lists["a/1"] == "train"


def test_lists_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    folder = write_lists(tmp_path / "l", val=["a/3"])
    (folder / "test.txt").write_bytes(b"\xef\xbb\xbfa/2\r\n")
    assert splitting.read_lists(folder) == {"a/2": "test", "a/3": "val"}
    (folder / "test.txt").write_bytes(b"a/\xff\n")
    with pytest.raises(ScraplineError, match=r"test\.txt is not UTF-8 text"):
        splitting.read_lists(folder)


def test_classes_of_one_shared_group_are_refused_in_words() -> None:
    """Three groups, all of them shared by the two classes in a way that leaves one of them short."""
    shared = [member(1, "a"), member(2, "a"), member(3, "a"), member(1, "b", group=1), member(2, "b", group=2)]
    with pytest.raises(ScraplineError, match=r"needs at least 3, one each to train, validate and test: add"):
        split_of(shared)


def test_a_class_only_in_test_gives_its_highest_hashes_to_validation_and_training() -> None:
    everywhere = [member(n) for n in range(100)]
    inside = [n for n in range(1000, 9000) if point(n, 7) < 0.14][:5]
    split = by_hash(everywhere + [member(n, "rare") for n in inside], seed=7, val=0.15, test=0.15)
    highest = sorted(inside, key=lambda n: -point(n, 7))
    assert split[f"{highest[0]:016x}"] == "val"
    assert split[f"{highest[1]:016x}"] == "train"
    assert all(split[f"{n:016x}"] == "test" for n in highest[2:])
