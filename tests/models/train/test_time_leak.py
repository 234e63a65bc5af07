"""The measure of a time leak tells a clock from a look at the pose."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.train.time_leak import time_leak


def _takes() -> list[NDArray[np.float32]]:
    takes = []
    for frames in (40, 55, 70):
        phase = np.linspace(0, 1, frames)[:, None, None] * np.ones((1, 13, 3))
        takes.append((100 * phase).astype(np.float32))
    return takes


def test_a_clock_leaks_as_much_as_the_time_index_and_a_pose_nothing() -> None:
    pose = time_leak(_takes(), lambda take: take.reshape(len(take), -1))
    clock = time_leak(_takes(), lambda take: np.linspace(0, 1, len(take))[:, None])
    assert pose.percent < 0.1
    assert clock.percent == pytest.approx(clock.time_index_percent, abs=1.5)
    assert clock.percent > 5


def test_looking_up_takes_two_takes() -> None:
    with pytest.raises(ValueError, match="another take"):
        time_leak(_takes()[:1], lambda take: take.reshape(len(take), -1))
