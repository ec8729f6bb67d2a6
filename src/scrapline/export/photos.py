"""Which training photos set INT8's ranges, and on which of them INT8 is compared with float32."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# So many show a changed label in two hundred, and take seconds.
_JUDGED = 512
# Where fewer photos than this are left, those that set the ranges are judged too.
_ENOUGH = 128


@dataclass(frozen=True)
class Photos:
    """Positions in training, in id order. What set the ranges suits INT8 best: `judged` avoids it where it can."""

    calibration: list[int]
    judged: list[int]

    @property
    def reused(self) -> int:
        """How many of the judged photos set the ranges too."""
        return len(set(self.judged) & set(self.calibration))


def choose(measurable: Sequence[bool], calibration_images: int) -> Photos:
    """Evenly spread over the training photos; all of them calibrate where there are no more than wanted.

    `measurable` [N] is False for those pinned train_only, which are not judged.
    """
    calibration = spread(range(len(measurable)), calibration_images)
    allowed = {position for position, may in enumerate(measurable) if may}
    fresh = spread(sorted(allowed - set(calibration)), _JUDGED)
    again = spread([position for position in calibration if position in allowed], max(0, _ENOUGH - len(fresh)))
    return Photos(calibration, sorted(fresh + again))


def spread(positions: Sequence[int], wanted: int) -> list[int]:
    """So many of the positions, evenly spread; all where there are fewer."""
    chosen = np.linspace(0, len(positions) - 1, min(wanted, len(positions))).round().astype(int)
    return [positions[index] for index in chosen]
