"""Derived events lie where the joints put them, and are refused where the joints cannot tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.domain.ontology import load_ontology
from models.domain.skeleton import load_skeleton
from models.train.derived_events import RULES, derive_events
from models.train.penn_sequences import ACTIONS, load_penn_sequences

PENN = load_skeleton("penn13")
Floats = NDArray[np.float64]
STANDING = {
    "head": (0, 0),
    "shoulder": (15, 25),
    "elbow": (25, 55),
    "wrist": (28, 85),
    "hip": (10, 80),
    "knee": (10, 125),
    "ankle": (10, 170),
}


def person(frames: int) -> Floats:
    """Somebody who stands still: (T, 13, 3) px, y down."""
    pose = np.ones((frames, 13, 3))
    for i, joint in enumerate(PENN.joints):
        side, _, part = joint.rpartition(" ")
        x, y = STANDING[part]
        pose[:, i, :2] = 100 + (x if side == "left" else -x), 40 + y
    return pose


def move(pose: Floats, part: str, down_px: Floats) -> None:
    for i, joint in enumerate(PENN.joints):
        if joint.endswith(part):
            pose[:, i, 1] += down_px


def dip(frames: int, at: int, width: float) -> Floats:
    return np.asarray(np.exp(-(((np.arange(frames) - at) / width) ** 2)))


def squat(frames: int = 80, *lows: int) -> Floats:
    pose = person(frames)
    for at in lows or (35,):
        for part in ("head", "shoulder", "elbow", "wrist", "hip"):
            move(pose, part, 60 * dip(frames, at, 9))
    return pose


def test_a_squat_is_lowest_once_and_passes_the_knees_before_and_after() -> None:
    found = derive_events("squats", squat())
    down, low, up = found.values()
    assert low is not None and abs(low - 35) <= 1
    assert down is not None and up is not None
    # 45 px of 60 down: exp(-(d / 9)²) = 0.75
    assert down == pytest.approx(35 - 4.8, abs=1.5) and up == pytest.approx(35 + 4.8, abs=1.5)


def test_what_was_not_seen_decides_nothing() -> None:
    hidden = squat()
    hidden[27:44, [PENN.index("left hip"), PENN.index("right hip")]] = np.nan
    assert derive_events("squats", hidden)["hips lowest"] is None
    assert set(derive_events("squats", np.full((40, 13, 3), np.nan)).values()) == {None}


def test_one_side_is_enough() -> None:
    half = squat()
    half[:, [i for i, name in enumerate(PENN.joints) if name.startswith("left")]] = np.nan
    assert derive_events("squats", half) == derive_events("squats", squat())


def test_two_repetitions_are_no_single_lowest_point() -> None:
    assert derive_events("squats", squat(120, 30, 85))["hips lowest"] is None


def test_a_clip_that_ends_on_the_way_down_has_no_lowest_point() -> None:
    assert derive_events("squats", squat()[:35])["hips lowest"] is None


def test_a_single_joint_gone_astray_moves_no_event() -> None:
    noisy = squat()
    noisy[60, PENN.index("left hip"), 1] += 300
    assert derive_events("squats", noisy)["hips lowest"] == derive_events("squats", squat())["hips lowest"]


def test_hands_of_jumping_jacks_pass_the_shoulders_twice() -> None:
    pose = person(30)
    move(pose, "wrist", -120 * dip(30, 14, 5))
    up, top, down = derive_events("jumping_jacks", pose).values()
    assert up is not None and top is not None and down is not None
    assert up < top < down and abs(top - 14) <= 1 and abs((top - up) - (down - top)) <= 1


def test_each_action_has_rules_that_stand_for_events_of_its_ontology() -> None:
    assert set(RULES) == set(ACTIONS)
    for action, rules in RULES.items():
        names = [event.name for event in load_ontology(action).events]
        assert all(event.stands_for in names for event in rules.events), action
        order = [names.index(event.stands_for) for event in rules.events]
        assert order == sorted(order)


def test_real_clips_give_events_in_order(shared_dir: Path) -> None:
    clips = load_penn_sequences(shared_dir / "data" / "penn_action" / "penn_action_labels.npz", "test")
    share: dict[str, list[bool]] = {action: [] for action in RULES}
    for clip in clips[::4]:
        frames = [frame for frame in derive_events(clip.action, clip.xyc).values() if frame is not None]
        assert frames == sorted(set(frames)) and all(0 <= frame < len(clip) for frame in frames)
        share[clip.action].append(bool(frames))
    assert all(np.mean(found) > 0.5 for found in share.values()), share
