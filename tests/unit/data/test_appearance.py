"""Brightness and sharpness against values known beforehand."""

import cv2
import numpy as np
import pytest

from scrapline.data import appearance


def test_brightness_is_a_share_of_white_by_the_eye() -> None:
    grey = np.full((8, 8, 3), 51, np.uint8)
    assert appearance.brightness(grey) == pytest.approx(0.2)
    green = np.zeros((8, 8, 3), np.uint8)
    green[..., 1] = 255
    assert appearance.brightness(green) == pytest.approx(0.587, abs=0.002)  # Rec. 601


def test_sharpness_of_a_step_is_by_hand_and_blur_lowers_it() -> None:
    plain = np.full((16, 16, 3), 90, np.uint8)
    assert appearance.sharpness(plain) == 0
    step = plain.copy()
    step[:, 8:] = 190
    # The Laplacian is +100 in the column before the step, -100 behind it and 0 elsewhere: 2 of 16 columns.
    assert appearance.sharpness(step) == pytest.approx(100 * (2 / 16) ** 0.5)
    assert appearance.sharpness(cv2.GaussianBlur(step, (7, 7), 2)) < 25
