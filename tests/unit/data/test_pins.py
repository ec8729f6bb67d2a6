"""What a person pinned: train_only and measure_only."""

from pathlib import Path

import pytest

from scrapline.data.pins import Pin, pins_by_id, read_pins
from scrapline.data.user_tables import Line
from scrapline.system.errors import ScraplineError

IDS = {"glass/1.jpg": "b", "metal/2.jpg": "a", "glass/copy.jpg": "b"}


def image_id(line: Line, name: str) -> str | None:
    return IDS.get(name)


def read(path: Path, *lines: str) -> dict[str, Pin]:
    path.write_text("\n".join(["photo,pin,why", *lines]) + "\n")
    return pins_by_id(read_pins(path), image_id)


def test_pins_are_read_by_path(tmp_path: Path) -> None:
    lines = ("glass/1.jpg,train_only,was hard", "metal/2.jpg,measure_only,", "glass/copy.jpg,train_only,again")
    assert read(tmp_path / "pins.csv", *lines) == {"b": Pin.TRAIN_ONLY, "a": Pin.MEASURE_ONLY}
    assert pins_by_id(read_pins(tmp_path / "none.csv"), image_id) == {}


def test_a_pin_on_a_quarantined_photo_has_no_effect(tmp_path: Path) -> None:
    assert read(tmp_path / "pins.csv", "glass/broken.jpg,train_only,", "metal/2.jpg,train_only,") == {
        "a": Pin.TRAIN_ONLY
    }


@pytest.mark.parametrize("pin", ["train", "", "Train_only"])
def test_another_word_is_no_pin(tmp_path: Path, pin: str) -> None:
    with pytest.raises(ScraplineError, match=rf"pins\.csv, line 3: pin `{pin}` is not `train_only` or `measure_only`"):
        read(tmp_path / "pins.csv", "glass/1.jpg,train_only,", f"metal/2.jpg,{pin},why")


def test_one_photo_with_both_pins_is_a_contradiction_also_by_its_copy(tmp_path: Path) -> None:
    with pytest.raises(ScraplineError, match=r"line 3: `glass/copy.jpg` is pinned both train_only and measure_only"):
        read(tmp_path / "pins.csv", "glass/1.jpg,train_only,", "glass/copy.jpg,measure_only,")
