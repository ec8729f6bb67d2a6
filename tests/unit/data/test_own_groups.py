"""Groups by the user's own rule."""

from pathlib import Path

import pytest

from scrapline.data.own_groups import OwnGroups, read_table
from scrapline.system.errors import ScraplineError

PATHS = ["glass/s1-0001.jpg", "glass/s2-0001.jpg", "metal/s1-0002.jpg", "metal/other.jpg"]


def table(folder: Path, *lines: str, head: str = "source_path,group") -> OwnGroups:
    (folder / "g.csv").write_text("\n".join([head, *lines]) + "\n")
    return OwnGroups(table=read_table(folder / "g.csv"))


def test_a_pattern_finds_groups_anywhere_in_the_path() -> None:
    assert OwnGroups(r"/(s\d)-").of(PATHS) == {PATHS[0]: "s1", PATHS[1]: "s2", PATHS[2]: "s1"}
    assert OwnGroups(r"/(s1)?").of(PATHS) == {PATHS[0]: "s1", PATHS[2]: "s1"}
    assert OwnGroups().of(PATHS) == {}
    assert OwnGroups("(x)").of([]) == {}


def test_a_pattern_that_matches_nothing_is_refused_with_an_example() -> None:
    with pytest.raises(ScraplineError, match=r"`\(x\)y` matches the path of no photo; the first path is `glass/s1-"):
        OwnGroups("(x)y").check(PATHS)
    OwnGroups("(s1)").check(PATHS)
    OwnGroups("(s1)").check([])
    OwnGroups().check(PATHS)
    assert OwnGroups("(x)y").of(PATHS) == {}


def test_names_in_two_unicode_forms_are_one_group(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert OwnGroups(f"({decomposed})").of([f"glass/{composed}1"]) == {f"glass/{composed}1": composed}
    groups = table(tmp_path, f"glass/1.jpg,{composed}", f"glass/2.jpg,{decomposed}")
    assert set(groups.of(["glass/1.jpg", "glass/2.jpg"]).values()) == {composed}


def test_a_table_groups_what_it_lists(tmp_path: Path) -> None:
    groups = table(tmp_path, "glass/s1-0001.jpg,one", "metal\\other.jpg, one ", "gone.jpg,two")
    assert groups.of(PATHS) == {"glass/s1-0001.jpg": "one", "metal/other.jpg": "one"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "lists no photo"),
        (["glass/1.jpg,"], "line 2: `glass/1.jpg` has no group"),
        (["glass/1.jpg,a", "glass/1.jpg,a", "./glass/1.jpg,b"], "line 4: `glass/1.jpg` has two groups, `a` and `b`"),
    ],
)
def test_a_table_that_says_nothing_or_too_much_is_refused(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(ScraplineError, match=said):
        table(tmp_path, *lines)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match=r"none\.csv is not here: data\.group\.file"):
        read_table(tmp_path / "none.csv")
