"""Odd files give the values that tests/odd_folder.py states."""

import numpy as np
import pytest

import odd_folder
from odd_folder import Odd
from scrapline.data import imaging
from scrapline.data.errors import ImageError


@pytest.mark.parametrize("odd", odd_folder.files(), ids=lambda odd: odd.name)
def test_an_odd_file_gives_its_right_value(odd: Odd) -> None:
    if odd.reasons:
        with pytest.raises(ImageError) as caught:
            imaging.decode(odd.data, 512)
        assert caught.value.reason in odd.reasons
        return
    for pixels in (imaging.decode(odd.data, 512).pixels, imaging.load(odd.data, imaging.Preprocessing(32, 512))):
        height, width = pixels.shape[:2]
        found = [pixels[y * height // 4, x * width // 4].astype(int) for y in (1, 3) for x in (1, 3)]
        assert np.abs(np.array(found) - np.array(odd.quarters)).max() <= odd.tolerance


def test_floating_point_pixels_are_unsupported_in_every_format() -> None:
    values = np.full((4, 5), 0.5, "<f4").tobytes()
    with pytest.raises(imaging.ImageError, match="floating-point"):
        imaging.decode(b"Pf\n5 4\n-1.0\n" + values, 512)
