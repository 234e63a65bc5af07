"""Doubtful frames of a walker whose faults are known, and their mends."""

from __future__ import annotations

import numpy as np
import pytest

from models.domain.doubts import Doubt, Finding, Thresholds, find_doubts
from models.domain.mends import mend
from models.domain.skeleton import load_skeleton
from models.domain.track import KeypointTrack, Origin

COCO = load_skeleton("coco17")
WRIST, ANKLES = COCO.index("left wrist"), (COCO.index("left ankle"), COCO.index("right ankle"))
FRAMES = 120


def walker() -> KeypointTrack:
    """Goes to the right, 2 px a frame, 100 px of torso, the feet crossing each other four times."""
    track = KeypointTrack.empty("coco17", FRAMES, 1, 17)
    time = np.arange(FRAMES)
    rest = np.array([[10.0 * (j % 4), 11.0 * j] for j in range(17)])
    rest[[COCO.index("left shoulder"), COCO.index("right hip")]] = (0, 0), (0, 100)
    track.values[:, 0, :, :2] = rest + np.stack([2 * time, 0 * time], axis=1)[:, None]
    swing = 60 * np.sin(2 * np.pi * time / 50)
    for side, ankle in zip((1, -1), ANKLES, strict=True):
        track.values[:, 0, ankle, 0] = 2 * time + side * swing
        track.values[:, 0, ankle, 1] = 200
    track.values[..., 2] = 0.9
    track.origin[:] = Origin.MODEL
    return track


def found(track: KeypointTrack, kind: Doubt, **limits: float) -> list[Finding]:
    return find_doubts(track, COCO, Thresholds(kinds=frozenset({kind}), **limits))


def test_a_clean_walk_has_no_doubts() -> None:
    assert find_doubts(walker(), COCO, Thresholds()) == []


def test_a_jump_is_found_where_it_is_and_bridged() -> None:
    track = walker()
    track.values[40, 0, WRIST, :2] += 30
    (jump,) = found(track, Doubt.JITTER)
    assert (jump.frame, jump.joints, jump.start, jump.stop) == (40, (WRIST,), 40, 41)
    mended = mend(track, jump, COCO).put_into(track)
    assert mended.values[40, 0, WRIST, :2] == pytest.approx(walker().values[40, 0, WRIST, :2])
    assert mended.origin[40, 0, WRIST] == Origin.INTERPOLATED
    assert found(mended, Doubt.JITTER) == []


def test_swapped_ankles_are_found_in_their_frames_and_exchanged() -> None:
    track = walker()
    track.values[58:71, 0, list(ANKLES)] = track.values[58:71, 0, list(ANKLES)[::-1]]
    (flip,) = found(track, Doubt.FLIP)
    assert (flip.start, flip.stop) == (58, 71) and set(flip.joints) == set(ANKLES)
    mended = mend(track, flip, COCO).put_into(track)
    np.testing.assert_array_equal(mended.values, walker().values)
    assert (mended.origin == Origin.MODEL).all(), "still the model's measurements"


def test_of_one_change_of_sides_the_shorter_part_is_wrong() -> None:
    track = walker()
    track.values[90:, 0, list(ANKLES)] = track.values[90:, 0, list(ANKLES)[::-1]]
    (flip,) = found(track, Doubt.FLIP)
    assert (flip.start, flip.stop, flip.frame) == (90, FRAMES, 90)


def test_low_confidence_follows_the_threshold() -> None:
    track = walker()
    track.values[10:14, 0, WRIST, 2] = 0.2
    track.values[12, 0, WRIST, 2] = 0.05
    (low,) = found(track, Doubt.LOW)
    assert (low.start, low.stop, low.frame) == (10, 14, 12)
    assert found(track, Doubt.LOW, confidence=0.04) == []


def test_missing_joints_are_gaps_not_what_never_was_there() -> None:
    track = walker()
    track.values[20:25, 0, WRIST] = (np.nan, np.nan, 0)
    track.values[:, 0, 0] = (np.nan, np.nan, 0)
    track.values[100:, 0, 1] = (np.nan, np.nan, 0)
    (gap,) = found(track, Doubt.MISSING)
    assert (gap.start, gap.stop, gap.joints) == (20, 25, (WRIST,))
    mended = mend(track, gap, COCO).put_into(track)
    assert mended.values[22, 0, WRIST, :2] == pytest.approx(walker().values[22, 0, WRIST, :2])


def test_what_a_person_placed_is_not_in_doubt_and_not_mended() -> None:
    track = walker()
    track.values[40, 0, WRIST, :2] += 30
    track.values[40, 0, WRIST, 2] = 0
    track.origin[40, 0, WRIST] = Origin.HUMAN
    assert find_doubts(track, COCO, Thresholds()) == []
    over = Finding(Doubt.JITTER, 0, (WRIST,), 38, 43, 40, 1.0)
    places = mend(track, over, COCO).places[:, 0].tolist()
    assert places == [38, 39, 41, 42]


def test_a_long_stretch_is_left_to_the_person() -> None:
    long = Finding(Doubt.LOW, 0, (WRIST,), 10, 60, 10, 1.0)
    assert len(mend(walker(), long, COCO)) == 0
