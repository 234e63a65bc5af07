"""The natural mend of a doubtful stretch: exchange swapped sides, bridge what jumps or is missing."""

from __future__ import annotations

import numpy as np

from models.domain.doubts import Doubt, Finding
from models.domain.joint_edit import JointEdit
from models.domain.skeleton import Skeleton
from models.domain.track import KeypointTrack, Origin

LONGEST_BRIDGE = 12  # frames: beyond, a straight line is a guess that a person should make
SEARCH = 4  # frames beside the stretch in which a seen joint is looked for


def mend(track: KeypointTrack, finding: Finding, skeleton: Skeleton) -> JointEdit:
    """What would mend a finding, sparing joints that a person placed; empty where nothing natural would.

    Swapped sides: the pairs in doubt change places over the whole stretch, and each value keeps its origin,
    as it is still the model's measurement under the right name. All else: a straight line from the frame
    before to the frame after, origin `interpolated`.
    """
    if finding.kind is Doubt.FLIP:
        return _exchanged(track, finding, skeleton)
    if finding.stop - finding.start > LONGEST_BRIDGE:
        return JointEdit.joined([])
    edits = [_bridge(track, finding, joint) for joint in finding.joints]
    return JointEdit.joined(edit for edit in edits if edit is not None)


def _exchanged(track: KeypointTrack, finding: Finding, skeleton: Skeleton) -> JointEdit:
    frames = np.arange(finding.start, finding.stop)
    edits = []
    for joint in finding.joints:
        other, person = skeleton.flip[joint], finding.person
        human = (track.origin[frames][:, person, [joint, other]] == Origin.HUMAN).any(axis=1)
        free = frames[~human]
        places = np.stack([free, np.full_like(free, person), np.full_like(free, joint)], axis=1)
        edits.append(JointEdit(places, track.values[free, person, other], track.origin[free, person, other]))
    return JointEdit.joined(edits)


def _bridge(track: KeypointTrack, finding: Finding, joint: int) -> JointEdit | None:
    person = finding.person
    before = _seen(track, person, joint, range(finding.start - 1, finding.start - 1 - SEARCH, -1))
    after = _seen(track, person, joint, range(finding.stop, finding.stop + SEARCH))
    if before is None or after is None:
        return None
    frames = np.arange(before + 1, after)
    human = frames[(track.origin[frames, person, joint] == Origin.HUMAN)]
    through = [before, *(f for f in human.tolist() if np.isfinite(track.values[f, person, joint, 0])), after]
    series = track.values[:, person, joint]
    values = np.stack([np.interp(frames, through, series[through, d]) for d in range(3)], axis=1)
    edit = JointEdit.of(frames, person, joint, values.astype(np.float32), Origin.INTERPOLATED)
    return edit.sparing_humans(track)


def _seen(track: KeypointTrack, person: int, joint: int, frames: range) -> int | None:
    inside = (f for f in frames if 0 <= f < track.frames)
    return next((f for f in inside if np.isfinite(track.values[f, person, joint, 0])), None)
