"""What splitting promises for any data set, however classes share near-duplicates."""

import contextlib
import hashlib
import random
from collections import defaultdict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scrapline.data.splitting import MIN_GROUPS, SPLITS, Member, by_hash, by_lists
from scrapline.system.errors import ScraplineError

CLASSES = ("cans", "glass", "paper")
SHARED = 500  # the number of the first group that several classes may share
FILLERS = 300

Shares = dict[str, float]
SHARES = st.fixed_dictionaries({"seed": st.integers(0, 2**32), "val": st.floats(0.1, 0.4), "test": st.floats(0.1, 0.4)})


def photo(number: int, class_name: str, group: int) -> Member:
    """A member whose id is no smaller than its group's name, as group_near_duplicates names groups."""
    name = hashlib.sha256(str(group).encode()).hexdigest()[:16]
    return Member(f"{int(name, 16) + number:016x}", class_name, f"{class_name}/{number}.jpg", name)


@st.composite
def data_sets(draw: st.DrawFn, first: int = 0, fewest: int = MIN_GROUPS) -> list[Member]:
    """Mostly tiny classes: each has `fewest` groups of its own or more, and some that other classes may share."""
    classes = draw(st.lists(st.sampled_from(CLASSES), min_size=1, unique=True))
    own = [name for name in classes for _ in range(draw(st.integers(fewest, 10)))]
    shared = st.tuples(st.sampled_from(classes), st.integers(first + SHARED, first + SHARED + 9))
    groups = [(name, first + index) for index, name in enumerate(own)] + draw(st.lists(shared, max_size=25))
    return [photo(number, *group) for number, group in enumerate(groups)]


def by_hash_alone(members: list[Member], shares: Shares) -> dict[str, str]:
    """Where the hash puts each group, seen in one class so large that it reaches every split."""
    one_class = [Member(m.image_id, "all", m.source_path, m.group) for m in members]
    alone = by_hash(one_class + [photo(0, "all", -1 - number) for number in range(FILLERS)], **shares)
    return {member.group: alone[member.group] for member in members}


def given_away(members: list[Member], shares: Shares) -> set[str]:
    """The groups that a class gave to a split which it would be left out of."""
    split, alone = by_hash(members, **shares), by_hash_alone(members, shares)
    return {group for group in split if split[group] != alone[group]}


def left_out(members: list[Member], split: dict[str, str]) -> dict[str, set[str]]:
    """The splits that each class is in none of."""
    lacking: dict[str, set[str]] = defaultdict(lambda: set(SPLITS))
    for member in members:
        lacking[member.class_name].discard(split[member.group])
    return lacking


@settings(deadline=None, max_examples=60)
@given(data_sets(), SHARES)
def test_every_class_with_three_groups_of_its_own_is_in_every_split(members: list[Member], shares: Shares) -> None:
    split = by_hash(members, **shares)
    assert set(split) == {member.group for member in members}
    assert not any(left_out(members, split).values())


@settings(deadline=None, max_examples=60)
@example(
    [photo(0, name, g) for name, groups in {"a": (1, 3, 4), "b": (2, 3, 4), "c": (0, 1, 2, 3)}.items() for g in groups],
    {"seed": 3406, "val": 0.15, "test": 0.15},
)
@given(data_sets(fewest=0), SHARES)
def test_a_class_is_in_every_split_or_refused(members: list[Member], shares: Shares) -> None:
    with contextlib.suppress(ScraplineError):
        assert not any(left_out(members, by_hash(members, **shares)).values())


@settings(deadline=None, max_examples=60)
@given(data_sets(), SHARES)
def test_a_class_gives_away_no_more_groups_than_it_lacks_splits(members: list[Member], shares: Shares) -> None:
    lacking = left_out(members, by_hash_alone(members, shares))
    moved = given_away(members, shares)
    assert len(moved) <= sum(map(len, lacking.values()))
    for group in moved:
        assert any(lacking[member.class_name] for member in members if member.group == group)


@settings(deadline=None, max_examples=60)
@given(data_sets(), data_sets(first=1000), st.data(), SHARES)
def test_more_photos_move_only_groups_that_a_class_gives_or_gave_away(
    members: list[Member], new: list[Member], data: st.DataObject, shares: Shares
) -> None:
    """More photos form groups of their own or join one under a larger id: no two groups merge, none is renamed."""
    names = sorted({member.class_name for member in members})
    joining = data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(members)), max_size=5))
    more = members + new
    more += [Member(f"{int(m.image_id, 16) + 1000:016x}", name, f"{name}/more.jpg", m.group) for name, m in joining]
    before, after = by_hash(members, **shares), by_hash(more, **shares)
    moved = {group for group in before if after[group] != before[group]}
    assert moved <= given_away(members, shares) | given_away(more, shares)


@settings(deadline=None, max_examples=60)
@given(data_sets(), st.randoms(use_true_random=False), SHARES)
def test_the_order_of_the_photos_changes_nothing(members: list[Member], rng: random.Random, shares: Shares) -> None:
    shuffled = rng.sample(members, len(members))
    assert by_hash(shuffled, **shares) == by_hash(members, **shares)
    listed = {member.source_path: rng.choice(SPLITS) for member in members}
    split, leaks = by_lists(members, listed)
    split_again, leaks_again = by_lists(shuffled, listed)
    assert split_again == split
    assert leaks_again.keys() == leaks.keys()


@settings(deadline=None, max_examples=8)
@given(SHARES)
def test_shares_come_near_those_asked_for(shares: Shares) -> None:
    for number in (1000, 16000):
        split = by_hash([photo(0, "glass", group) for group in range(number)], **shares)
        for name in ("val", "test"):
            share = shares[name]
            deviation = (share * (1 - share) / number) ** 0.5
            assert sum(s == name for s in split.values()) / number == pytest.approx(share, abs=6 * deviation)


@settings(deadline=None, max_examples=60)
@given(data_sets(fewest=0), st.randoms(use_true_random=False))
def test_lists_hold_and_no_group_lies_in_two_splits(members: list[Member], rng: random.Random) -> None:
    listed = {m.source_path: split for m in members if (split := rng.choice([None, *SPLITS]))}
    split, leaks = by_lists(members, listed)
    assert split.keys() | leaks.keys() == {member.image_id for member in members}
    assert not split.keys() & leaks.keys()
    group_of = {member.source_path: member.group for member in members}
    homes: dict[str, set[str]] = defaultdict(set)
    for member in members:
        wanted = listed.get(member.source_path, "train")
        if member.image_id in leaks:
            held_out = leaks[member.image_id]
            assert group_of[held_out] == member.group
            assert SPLITS.index(listed[held_out]) > SPLITS.index(wanted), "and so never a test image"
        else:
            assert split[member.image_id] == wanted
            homes[member.group].add(split[member.image_id])
    assert homes.keys() == set(group_of.values())
    assert all(len(splits) == 1 for splits in homes.values())
