"""The demo's truth is true: joints lie on the figure, key events where the hands are, warps in order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from app.services.demo_scene import (
    EVENT_PHASES,
    HEIGHT_PX,
    TAKES,
    WIDTH_PX,
    TakeScript,
    event_frames,
    phase_of,
    render_take,
    true_warp,
)
from models.domain.ontology import load_ontology
from models.domain.skeleton import load_skeleton

LSP = load_skeleton("lsp14")
WRISTS = [LSP.index("left wrist"), LSP.index("right wrist")]
SHOULDERS = [LSP.index("left shoulder"), LSP.index("right shoulder")]


def still(script: TakeScript, phases: tuple[float, ...]) -> TakeScript:
    """A short take that shows just these phases, in order."""
    count = len(phases)
    return replace(script, frames=count, tempo=tuple((i / (count - 1), u) for i, u in enumerate(phases)))


def test_key_events_are_those_of_the_ontology() -> None:
    assert len(EVENT_PHASES) == len(load_ontology("jumping_jacks").events)
    for script in TAKES:
        frames = event_frames(script)
        assert all(a < b for a, b in pairwise(frames)) and frames[0] > 0 and frames[-1] < script.frames


@pytest.mark.parametrize("script", TAKES, ids=lambda script: script.name)
def test_hands_pass_the_shoulders_and_meet_the_top_at_the_key_events(script: TakeScript) -> None:
    up, top, down = EVENT_PHASES
    shown = (up - 0.04, up, up + 0.04, top - 0.04, top, top + 0.04, down - 0.04, down, down + 0.04)
    poses = np.stack([keypoints for _, keypoints in render_take(still(script, shown))])
    torso = np.abs(poses[:, LSP.index("neck"), 1] - poses[:, LSP.index("left hip"), 1])
    above = (poses[:, SHOULDERS, 1].mean(axis=1) - poses[:, WRISTS, 1].mean(axis=1)) / torso
    assert above[0] < above[1] < above[2] and above[0] < 0 < above[2]
    assert abs(above[1]) < 0.25, "hands at the shoulders going up"
    assert above[6] > above[7] > above[8] and above[6] > 0 > above[8]
    assert abs(above[7]) < 0.25, "hands at the shoulders going down"
    assert above[4] == above.max(), "hands highest in the middle"
    assert (poses[4, WRISTS, 1] < poses[4, LSP.index("head top"), 1]).all(), "above the head"


@pytest.mark.parametrize("script", TAKES, ids=lambda script: script.name)
def test_joints_lie_on_the_figure_and_inside_the_picture(script: TakeScript) -> None:
    shown = still(script, (0.0, 0.275, 0.5, 0.8))
    pictures = list(render_take(shown))
    background = np.median([frame for frame, _ in pictures], axis=0)
    for frame, keypoints in pictures[1:]:
        assert (frame.shape, frame.dtype) == ((HEIGHT_PX, WIDTH_PX, 3), np.uint8)
        assert keypoints.shape == (14, 3) and (keypoints[:, 2] == 1).all()
        inside = (keypoints[:, :2] >= 0).all() and (keypoints[:, :2] <= [WIDTH_PX - 1, HEIGHT_PX - 1]).all()
        assert inside
        # wrists and elbows move, so that the middle of the pictures shows the room behind them
        for joint in (*WRISTS, LSP.index("left elbow"), LSP.index("right elbow")):
            x, y = np.round(keypoints[joint, :2]).astype(int)
            around = np.abs(
                frame[y - 2 : y + 3, x - 2 : x + 3].astype(float) - background[y - 2 : y + 3, x - 2 : x + 3]
            )
            assert around.max(axis=2).mean() > 8, LSP.joints[joint]


def test_left_is_the_figures_own_left() -> None:
    """It faces the camera: its left is on the right of the picture."""
    _, keypoints = next(render_take(still(TAKES[0], (0.5, 0.6))))
    assert keypoints[LSP.index("left wrist"), 0] > keypoints[LSP.index("right wrist"), 0]


@pytest.mark.parametrize("query", TAKES, ids=lambda script: script.name)
def test_the_true_warp_joins_equal_phases_and_never_goes_back(query: TakeScript) -> None:
    reference = TAKES[0]
    warp = true_warp(reference, query)
    moving = np.isfinite(warp)
    assert moving.sum() > 0.5 * reference.frames
    assert (np.diff(warp[moving]) >= 0).all()
    assert warp[moving].min() >= 0 and warp[moving].max() <= query.frames - 1
    shown = np.interp(warp[moving], np.arange(query.frames), phase_of(query))
    np.testing.assert_allclose(shown, phase_of(reference)[moving], atol=0.03)
    for a, b in zip(event_frames(reference), event_frames(query), strict=True):
        assert abs(warp[a] - b) <= 1.5


def test_a_take_looks_the_same_every_time() -> None:
    shown = still(TAKES[1], (0.3, 0.4))
    first, again = (next(render_take(shown)) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
