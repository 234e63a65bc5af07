"""The measure of a time leak tells a clock from a look at the pose; labels cross between people."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.train.evaluate_mocap6 import evaluate_mocap6, load_mocap6
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


def test_labels_of_the_same_poses_cross_from_one_person_to_the_other(tmp_path: Path) -> None:
    label = np.repeat(np.arange(1, 5), 100).astype(np.uint8)
    poses = label[:, None, None] * np.ones((1, 17, 3), np.float32) + np.arange(17)[:, None]
    np.savez(
        tmp_path / "two.npz",
        name=np.array(["cmu/13_01", "cmu/14_01", "cmu/14_02"]),
        fps=50,
        offset=[0, 400, 800],
        nframes=[400, 400, 0],
        positions=np.concatenate([poses, poses]).astype(np.float32),
        frame_label=np.concatenate([label, label]),
    )
    recordings = load_mocap6(tmp_path / "two.npz")
    assert [recording.subject for recording in recordings] == ["13", "14"]
    flat_pose = lambda values, fps: values[..., 0]  # noqa: E731
    assert evaluate_mocap6(recordings, flat_pose, flat=False) == 1.0
    blind = evaluate_mocap6(recordings, lambda values, fps: np.zeros((len(values), 1)), flat=False)
    assert blind <= 0.3


def test_a_file_without_labels_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(KnownError, match="lacks name"):
        load_mocap6(tmp_path / "other.npz")
    with pytest.raises(KnownError, match="cannot be read"):
        load_mocap6(tmp_path / "nowhere.npz")
