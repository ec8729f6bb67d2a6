from pathlib import Path

import pytest

from scrapline.data.frames_table import KnownFrame, read_frames_table, write_frames_table
from scrapline.system.errors import ScraplineError


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_frames_table(tmp_path, [("glass/a, b.jpg", "object 1", 2.5), ("metal/ü.jpg", "metal/ü.jpg", 1.0)])
    assert read_frames_table(tmp_path) == {
        "glass/a, b.jpg": KnownFrame("object 1", 2.5),
        "metal/ü.jpg": KnownFrame("metal/ü.jpg", 1.0),
    }


def test_no_table_is_nothing_known(tmp_path: Path) -> None:
    assert read_frames_table(tmp_path) == {}


def test_a_frame_without_a_group_is_its_own(tmp_path: Path) -> None:
    (tmp_path / ".frames.csv").write_text("frame,group,stands_for\na.jpg,,1\n")
    assert read_frames_table(tmp_path) == {"a.jpg": KnownFrame("a.jpg", 1.0)}


@pytest.mark.parametrize("value", ["", "none", "0", "-1", "inf", "nan"])
def test_a_number_of_photos_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / ".frames.csv").write_text(f"frame,group,stands_for\na.jpg,a,{value}\n")
    with pytest.raises(ScraplineError, match=r"\.frames\.csv, line 2: `stands_for` must be a number above 0"):
        read_frames_table(tmp_path)
