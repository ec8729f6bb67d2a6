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
