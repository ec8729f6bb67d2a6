"""Keys of what caches keep: every part decides, and where one ends."""

from pathlib import Path

from scrapline.system.keys import key_of, maker


def test_keys_tell_parts_apart(tmp_path: Path) -> None:
    assert len({key_of(b"ab", b"c"), key_of(b"a", b"bc"), key_of(b"abc"), key_of(b"ab", b"c", b"")}) == 4
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    before = maker([code], ["numpy"])
    assert maker([code], ["numpy"]) == before
    assert maker([code], ["numpy", "pillow"]) != before
    assert maker([code], ["no such library"]) != before
    code.write_text("a = 2")
    assert maker([code], ["numpy"]) != before
