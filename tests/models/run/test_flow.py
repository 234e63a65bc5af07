"""A textured square that moves over a textured ground: followed, lost when it is hidden or leaves."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.run.flow import CONTRADICTIONS, JointFollower, Stop

SIZE, SQUARE = 240, 61
_random = np.random.default_rng(5)


def _texture(side: int) -> NDArray[np.uint8]:
    import cv2

    noise = _random.uniform(0, 255, (side, side, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 2.0) * 3 - 255, 0, 255).astype(np.uint8)


GROUND, OBJECT = _texture(SIZE), _texture(SQUARE)


def picture(x: int, y: int, *, hidden: bool = False) -> NDArray[np.uint8]:
    """The square with its centre at (x, y), cut at the border."""
    shown = np.pad(GROUND, ((SQUARE, SQUARE), (SQUARE, SQUARE), (0, 0)), mode="edge")
    if not hidden:
        half = SQUARE // 2
        shown[y - half + SQUARE : y + half + 1 + SQUARE, x - half + SQUARE : x + half + 1 + SQUARE] = OBJECT
    return np.ascontiguousarray(shown[SQUARE:-SQUARE, SQUARE:-SQUARE])


def model(x: float, y: float, confidence: float = 0.9) -> NDArray[np.float32]:
    return np.array([x, y, confidence], np.float32)


def test_a_moving_patch_is_followed_to_a_fraction_of_a_pixel() -> None:
    follower = JointFollower(picture(80, 90), (83.0, 88.0), torso_px=90)
    for n in range(1, 20):
        step = follower.step(picture(80 + 4 * n, 90 + 2 * n))
        assert step.lost is None and step.fit > 0.9
        assert step.at == pytest.approx((83 + 4 * n, 88 + 2 * n), abs=0.3)


def test_what_is_hidden_is_lost_at_once() -> None:
    follower = JointFollower(picture(80, 90), (80.0, 90.0), torso_px=90)
    assert follower.step(picture(84, 90)).lost is None
    assert follower.step(picture(88, 90, hidden=True)).lost in (Stop.BACKWARDS, Stop.CHANGED)


def test_what_leaves_the_picture_is_lost() -> None:
    follower = JointFollower(picture(200, 90), (200.0, 90.0), torso_px=90)
    for n in range(1, 12):
        step = follower.step(picture(200 + 6 * n, 90))
        if step.lost is not None:
            assert n >= 5 and step.at[0] <= SIZE - 1
            return
    pytest.fail("it left the picture unnoticed")


def test_a_sure_model_elsewhere_is_believed_after_some_frames() -> None:
    follower = JointFollower(picture(80, 90), (80.0, 90.0), 50, model(82, 90))
    lost = [follower.step(picture(80 + n, 90), model(80, 150)).lost for n in range(1, CONTRADICTIONS + 1)]
    assert lost == [None] * (CONTRADICTIONS - 1) + [Stop.MODEL]


def test_a_model_that_was_corrected_or_is_unsure_is_no_witness() -> None:
    for elsewhere in (model(80, 150), model(80, 150, 0.2), model(np.nan, np.nan, 0)):
        start = elsewhere if elsewhere[2] == np.float32(0.9) else None
        follower = JointFollower(picture(80, 90), (80.0, 90.0), 50, start)
        assert all(follower.step(picture(80 + n, 90), elsewhere).lost is None for n in range(1, 8))


def test_the_smallest_pictures_do_not_break_it() -> None:
    tiny = np.zeros((8, 8, 3), np.uint8)
    step = JointFollower(tiny, (3.0, 3.0), np.nan).step(tiny)
    assert step.lost is None or step.fit == 0
