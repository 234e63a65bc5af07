"""Keyframes and what is filled in between: never over a person's work, never towards an absent joint."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.joint_edit import JointEdit
from models.domain.track import KeypointTrack, Origin
from models.run.keyframes import Way, fill_gaps, gap_at, gaps, keyframes, refilled

JOINT = 5


def track_with(keys: dict[int, tuple[float, float] | None], frames: int = 40) -> KeypointTrack:
    """One person; joint 5 set by hand at some frames (None = absent), the model elsewhere."""
    track = KeypointTrack.empty("coco17", frames, 1, 17)
    track.values[:, 0, JOINT] = (500, 500, 0.7)
    track.origin[:, 0, JOINT] = Origin.MODEL
    for frame, place in keys.items():
        track.values[frame, 0, JOINT] = (np.nan, np.nan, 0) if place is None else (*place, 1)
        track.origin[frame, 0, JOINT] = Origin.HUMAN
    return track


def x_of(track: KeypointTrack, frame: int) -> float:
    return float(track.values[frame, 0, JOINT, 0])


def filled(track: KeypointTrack, way: Way) -> KeypointTrack:
    return fill_gaps(track, 0, JOINT, gaps(track, 0, JOINT), way).put_into(track)


def test_straight_between_and_nothing_else_changes() -> None:
    track = track_with({10: (0, 0), 14: (8, 4)})
    done = filled(track, Way.STRAIGHT)
    assert [x_of(done, f) for f in range(10, 15)] == [0, 2, 4, 6, 8]
    assert done.origin[11:14, 0, JOINT].tolist() == [Origin.INTERPOLATED] * 3
    changed = (done.values != track.values).any(axis=-1) & ~np.isnan(done.values).any(axis=-1)
    assert set(np.flatnonzero(changed[:, 0, JOINT])) == {11, 12, 13}
    assert keyframes(done, 0, JOINT).tolist() == [10, 14]


def test_smooth_goes_through_the_keyframes_without_overshooting() -> None:
    track = track_with({0: (0, 0), 10: (100, 0), 20: (100, 50), 30: (0, 50)})
    done = filled(track, Way.SMOOTH)
    x = done.values[:31, 0, JOINT, 0]
    assert x.max() == 100 and x[15] == 100
    assert abs(x[12] - x[11]) < abs(x[6] - x[5])
    assert (np.diff(x[:11]) > 0).all() and np.diff(x)[9] < 2, "it slows down before the turn"


def test_nothing_is_filled_towards_an_absent_joint() -> None:
    track = track_with({5: (0, 0), 10: None, 15: (10, 0), 20: (20, 0)})
    assert gaps(track, 0, JOINT) == [(15, 20)]
    assert gap_at(track, 0, JOINT, 7) is None
    assert gap_at(track, 0, JOINT, 17) == (15, 20)
    assert gap_at(track, 0, JOINT, 30) == (15, 20), "behind the last one: the gap before it"


def test_a_moved_keyframe_takes_its_neighbours_along() -> None:
    track = filled(track_with({10: (0, 0), 20: (10, 0), 30: (0, 0)}), Way.STRAIGHT)
    edit = JointEdit.of(np.array([20]), 0, JOINT, np.array([[30, 0, 1]], np.float32), Origin.HUMAN)
    moved = refilled(track, edit, Way.STRAIGHT).put_into(track)
    assert [x_of(moved, f) for f in (10, 15, 20, 25, 30)] == [0, 15, 30, 15, 0]
    assert x_of(moved, 31) == 500


def test_a_new_keyframe_inside_a_filled_stretch_bends_it() -> None:
    track = filled(track_with({10: (0, 0), 20: (10, 0)}), Way.STRAIGHT)
    edit = JointEdit.of(np.array([14]), 0, JOINT, np.array([[40, 0, 1]], np.float32), Origin.HUMAN)
    bent = refilled(track, edit, Way.STRAIGHT).put_into(track)
    assert [x_of(bent, f) for f in (12, 14, 17, 20)] == [20, 40, 25, 10]
    assert keyframes(bent, 0, JOINT).tolist() == [10, 14, 20]


def test_an_edit_beside_nothing_interpolated_is_only_itself() -> None:
    track = track_with({10: (0, 0), 20: (10, 0)})
    edit = JointEdit.of(np.array([15]), 0, JOINT, np.array([[40, 0, 1]], np.float32), Origin.HUMAN)
    assert len(refilled(track, edit, Way.SMOOTH)) == 1


def test_a_keyframe_that_becomes_absent_leaves_the_stretches_as_they_are() -> None:
    track = filled(track_with({10: (0, 0), 20: (10, 0)}), Way.STRAIGHT)
    gone = JointEdit.of(np.array([20]), 0, JOINT, np.array([[np.nan, np.nan, 0]], np.float32), Origin.HUMAN)
    assert len(refilled(track, gone, Way.STRAIGHT)) == 1


def test_joined_edits_keep_the_last_word() -> None:
    frames = np.array([3, 4])
    first = JointEdit.of(frames, 0, JOINT, np.full((2, 3), 1, np.float32), Origin.INTERPOLATED)
    second = JointEdit.of(frames[:1], 0, JOINT, np.full((1, 3), 2, np.float32), Origin.HUMAN)
    both = JointEdit.joined([first, second])
    assert both.places[:, 0].tolist() == [3, 4]
    assert both.values[:, 0].tolist() == pytest.approx([2, 1])
    assert both.origin.tolist() == [Origin.HUMAN, Origin.INTERPOLATED]
