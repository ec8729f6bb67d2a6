"""Photos that a person pinned in data/splits/pins.csv: some only train, on others is only measured."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from scrapline.data import user_tables
from scrapline.data.user_tables import Line, Table
from scrapline.system.errors import ScraplineError


class Pin(StrEnum):
    """`train_only` photos are never measured on, so they choose no threshold; from `measure_only` ones nothing learns.

    The first suits photos that were chosen because they were hard, the second a sample drawn to measure by.
    """

    NONE = ""
    TRAIN_ONLY = "train_only"
    MEASURE_ONLY = "measure_only"


def read_pins(path: Path) -> Table:
    """The file's lines; ScraplineError where one has no such pin."""
    table = user_tables.read(path, ("photo", "pin", "why"), ("photo",))
    kinds = {Pin.TRAIN_ONLY, Pin.MEASURE_ONLY}
    for line in table.lines:
        if line.fields["pin"] not in kinds:
            raise ScraplineError(f"{line.where}: pin `{line.fields['pin']}` is not `train_only` or `measure_only`")
    return table


def pins_by_id(table: Table, image_id: Callable[[Line, str], str | None]) -> dict[str, Pin]:
    """image_id -> pin. `image_id` leads from a line's name for a photo to its id, to None for a quarantined one.

    Raises ScraplineError where one photo, or a byte-identical copy of it, has both pins.
    """
    pins: dict[str, Pin] = {}
    for line in table.lines:
        if (found := image_id(line, line.fields["photo"])) is None:
            continue
        pin = Pin(line.fields["pin"])
        if pins.setdefault(found, pin) is not pin:
            raise ScraplineError(
                f"{line.where}: `{line.fields['photo']}` is pinned both train_only and measure_only: take one line out"
            )
    return pins
