"""Pairs that a person declared the same or different."""

from pathlib import Path

import pytest

from scrapline.data.duplicates.declared import Declared, declared, read_pairs
from scrapline.data.user_tables import Line
from scrapline.system.errors import ScraplineError

IDS = {"glass/1.jpg": "b", "metal/2.jpg": "a", "0123456789abcdef": "c", "glass/copy.jpg": "b"}
QUARANTINED = "glass/broken.jpg"


def image_id(line: Line, name: str) -> str | None:
    return None if name == QUARANTINED else IDS[name]


def read(path: Path, *lines: str) -> Declared:
    path.write_text("\n".join(["first,second,verdict", *lines]) + "\n")
    return declared(read_pairs(path), image_id)


def test_pairs_come_with_the_smaller_id_first(tmp_path: Path) -> None:
    found = read(tmp_path / "p.csv", "glass\\1.jpg,metal/2.jpg,same", "0123456789abcdef,./glass/1.jpg,different")
    assert found == Declared(frozenset({("a", "b")}), frozenset({("b", "c")}))
    assert declared(read_pairs(tmp_path / "none.csv"), image_id) == Declared()


def test_a_pair_with_a_quarantined_photo_has_no_effect(tmp_path: Path) -> None:
    lines = (f"{QUARANTINED},metal/2.jpg,same", f"metal/2.jpg,{QUARANTINED},different", "glass/1.jpg,metal/2.jpg,same")
    assert read(tmp_path / "p.csv", *lines) == Declared(frozenset({("a", "b")}))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["glass/1.jpg,metal/2.jpg,alike"], "line 2: verdict `alike` is not"),
        (["glass/1.jpg,glass/1.jpg,same"], "line 2: names one photo twice"),
        (["glass/1.jpg,glass/copy.jpg,different"], "line 2: names one photo twice"),
        (["glass/1.jpg,metal/2.jpg,same", "metal/2.jpg,glass/1.jpg,different"], "line 3: the pair is declared both"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(ScraplineError, match=said):
        read(tmp_path / "p.csv", *lines)
