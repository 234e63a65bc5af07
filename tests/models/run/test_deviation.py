"""How a take differs from others: at the right moment, in the right joint, whatever size, place and speed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.alignment import Alignment
from models.run.deviation import WarpedTake, deviations, typicality

LEFT_WRIST = 5
BODY = np.array(
    [
        [0, 1.6, 0],
        [0.2, 1.4, 0],
        [-0.2, 1.4, 0],
        [0.3, 1.1, 0],
        [-0.3, 1.1, 0],
        [0.3, 0.85, 0.1],
        [-0.3, 0.85, 0.1],
        [0.12, 0.9, 0],
        [-0.12, 0.9, 0],
        [0.12, 0.5, 0],
        [-0.12, 0.5, 0],
        [0.12, 0.08, 0],
        [-0.12, 0.08, 0],
    ]
)


def moving(frames: int, dimensions: int = 3) -> NDArray[np.float32]:
    """A body that sinks and rises once, (T, 13, D + confidence)."""
    pose = np.repeat(BODY[None], frames, axis=0)
    pose[:, :9, 1] -= 0.4 * np.sin(np.linspace(0, np.pi, frames))[:, None]
    kept = pose[..., :dimensions]
    return np.concatenate([kept, np.ones((frames, 13, 1))], axis=-1).astype(np.float32)


def stretched(frames: int, query: int) -> Alignment:
    reference = np.arange(frames, dtype=np.int32)
    path = np.stack([reference, np.round(reference * (query - 1) / (frames - 1)).astype(np.int32)], axis=1)
    zero = np.zeros(frames, dtype=np.float32)
    return Alignment("a", "b", path, zero, zero)


def test_the_joint_and_the_moment_of_a_difference_are_found() -> None:
    odd = moving(160)
    odd[70:90, LEFT_WRIST, 1] += 0.5  # half a metre higher for a moment, at frame 80 of 160
    takes = [
        WarpedTake("a", moving(80), None),
        WarpedTake("b", odd, stretched(80, 160)),
        WarpedTake("c", moving(50), stretched(80, 50)),
        WarpedTake("d", moving(120), stretched(80, 120)),
    ]
    found = {one.uid: one for one in deviations(takes, 80, 30.0)}
    peak = found["b"].peaks[0]
    assert peak.joint == LEFT_WRIST
    assert abs(peak.take_frame - 80) <= 10 and abs(peak.frame - 40) <= 5
    assert found["b"].total > 3 * max(found[uid].total for uid in "acd")
    assert [uid for uid, _, _ in typicality(list(found.values()))][-1] == "b"


def test_place_size_and_direction_of_a_person_make_no_difference() -> None:
    turned = moving(80)
    angle = 1.1
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    turned[..., :3] = 1.3 * turned[..., :3] @ turn.T.astype(np.float32) + 2.0
    takes = [WarpedTake("a", moving(80), None), WarpedTake("b", turned, stretched(80, 80))]
    assert max(one.total for one in deviations(takes, 80, 30.0)) < 1e-3


def test_a_mirrored_view_in_2d_is_no_deviation() -> None:
    base = moving(60, 2)
    base[..., LEFT_WRIST, 0] += 0.4
    mirrored = base.copy()
    mirrored[..., 0] = 5.0 - mirrored[..., 0]
    found = deviations([WarpedTake("a", base, None), WarpedTake("b", mirrored, stretched(60, 60))], 60, 25.0)
    assert max(one.total for one in found) < 1e-3
    assert not found[0].is_3d


def test_frames_nobody_was_seen_in_are_not_compared() -> None:
    gone = moving(80)
    gone[20:40] = np.nan
    takes = [WarpedTake("a", moving(80), None), WarpedTake("b", gone, stretched(80, 80))]
    curve = deviations(takes, 80, 30.0)[1].curve
    assert np.isnan(curve[25:35]).all() and np.isfinite(curve[:15]).all()


def test_outliers_stand_out_by_their_z() -> None:
    takes = [WarpedTake("a", moving(60), None)]
    for k in range(5):
        shaken = moving(60)
        shaken[:, 3:7, 0] += 0.02 * (k + 1)
        takes.append(WarpedTake(f"b{k}", shaken, stretched(60, 60)))
    odd = moving(60)
    odd[:, 3:7, 1] += 0.8
    takes.append(WarpedTake("odd", odd, stretched(60, 60)))
    ranked = typicality(deviations(takes, 60, 30.0))
    assert ranked[-1][0] == "odd" and ranked[-1][2] > 3.5
    assert abs(ranked[0][2]) < 3.5


def test_one_take_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="two takes"):
        deviations([WarpedTake("a", moving(10), None)], 10, 30.0)
