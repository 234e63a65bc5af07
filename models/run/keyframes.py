"""Keyframes: the frames in which a person placed a joint, and what lies between them.

Between two keyframes next to each other a joint is filled in straight or smoothly; a keyframe that says
"absent" ends a stretch: nothing is invented towards it. What a person set is never touched. Frames filled in
have the origin `interpolated`; when a keyframe beside them changes, they are filled in anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.domain.joint_edit import JointEdit
from models.domain.track import KeypointTrack, Origin

Frames = NDArray[np.int64]


class Way(StrEnum):
    """How a joint goes from one keyframe to the next. SMOOTH: a monotone cubic (PCHIP, Fritsch & Carlson
    1980) through all keyframes, which does not overshoot them."""

    STRAIGHT = "straight"
    SMOOTH = "smooth"


def keyframes(track: KeypointTrack, person: int, joint: int) -> Frames:
    """Frames in which a person decided about the joint, also that it is absent."""
    return np.flatnonzero(track.origin[:, person, joint] == Origin.HUMAN).astype(np.int64)


def gap_at(track: KeypointTrack, person: int, joint: int, frame: int) -> tuple[int, int] | None:
    """The two keyframes around `frame` (the last two where none follows), when frames lie between them.

    None where there are not two such keyframes, or one of them says that the joint is absent.
    """
    keys = keyframes(track, person, joint)
    earlier, later = keys[keys <= frame], keys[keys > frame]
    if len(later) == 0 and len(earlier) >= 2:
        earlier, later = earlier[:-1], earlier[-1:]
    if len(earlier) == 0 or len(later) == 0:
        return None
    gap = int(earlier[-1]), int(later[0])
    return gap if gap[1] - gap[0] >= 2 and _placed(track, person, joint, gap) else None


def gaps(track: KeypointTrack, person: int, joint: int) -> list[tuple[int, int]]:
    """All pairs of keyframes next to each other, both with a position, that have frames between them."""
    keys = keyframes(track, person, joint).tolist()
    return [(a, b) for a, b in pairwise(keys) if b - a >= 2 and _placed(track, person, joint, (a, b))]


def fill_gaps(
    track: KeypointTrack, person: int, joint: int, between: Sequence[tuple[int, int]], way: Way
) -> JointEdit:
    """The frames strictly between the ends of each gap, filled in; ends need not be keyframes.

    Joints that a person set in between stay, and the filling goes through them.
    """
    edits = []
    for start, stop in between:
        inner = np.arange(start + 1, stop)
        human = track.origin[inner, person, joint] == Origin.HUMAN
        free = inner[~human]
        if len(free):
            through = np.concatenate([[start], inner[human], [stop]])
            values = _values_at(track, person, joint, free, through, way)
            edits.append(JointEdit.of(free, person, joint, values, Origin.INTERPOLATED))
    return JointEdit.joined(edits, track.values.shape[-1])


def refilled(track: KeypointTrack, edit: JointEdit, way: Way) -> JointEdit:
    """The edit together with the interpolated frames beside it, filled in anew after it.

    track: before the edit. Each stretch of interpolated frames that touches an edited place is filled again
    between the seen frames at its ends; a smooth one also the stretch beyond the next keyframe, whose slope
    there changes with it.
    """
    moved = edit.put_into(track)
    reach = 2 if way is Way.SMOOTH else 1
    edits = [edit]
    pairs = np.unique(edit.places[:, 1:], axis=0)
    for person, joint in pairs.tolist():
        here = edit.places[(edit.places[:, 1:] == (person, joint)).all(axis=1), 0]
        stretches = {s for frame in here.tolist() for s in _beside(moved, person, joint, frame, reach)}
        edits.append(fill_gaps(moved, person, joint, sorted(stretches), way))
    return JointEdit.joined(edits)


def _beside(
    track: KeypointTrack, person: int, joint: int, frame: int, reach: int
) -> Iterator[tuple[int, int]]:
    """Up to `reach` stretches of interpolated frames on each side of a frame, as the seen frames around
    them."""
    between = track.origin[:, person, joint] == Origin.INTERPOLATED
    for step in (-1, 1):
        at = frame
        for _ in range(reach):
            end = at + step
            while 0 <= end < track.frames and between[end]:
                end += step
            if end == at + step or not 0 <= end < track.frames:
                break
            ends = (min(at, end), max(at, end))
            if _placed(track, person, joint, ends):
                yield ends
            at = end


def _placed(track: KeypointTrack, person: int, joint: int, ends: tuple[int, int]) -> bool:
    return bool(np.isfinite(track.values[list(ends), person, joint, 0]).all())


def _values_at(
    track: KeypointTrack, person: int, joint: int, frames: Frames, through: Frames, way: Way
) -> NDArray[np.float32]:
    """Coordinates and confidence (n, D + 1) at `frames` on the way through the joint at `through`."""
    series = track.values[:, person, joint].astype(np.float64)
    through = through[np.isfinite(series[through, 0])]
    found = np.stack([np.interp(frames, through, series[through, d]) for d in range(series.shape[1])], axis=1)
    if way is Way.SMOOTH:
        keys = keyframes(track, person, joint)
        knots = np.union1d(through, keys[np.isfinite(series[keys, 0])])
        if len(knots) > 2:
            from scipy.interpolate import PchipInterpolator

            found[:, :-1] = PchipInterpolator(knots, series[knots, :-1])(frames)
    return found.astype(np.float32)
