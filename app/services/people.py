"""Who is who: columns of a track over a stopped job, between two results, and who is worth a column at all.

People are recognised by where they are: by the overlap of the boxes around their joints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.track import KeypointTrack, Origin, boxes_of
from models.domain.video import VideoInfo

# A person seen in fewer frames than this share of the take (and fewer than 10 frames) is dropped as a ghost.
GHOST_SHARE = 0.05
# Overlap (intersection over union) from which two poses at one time may be one person's.
SAME_PERSON = 0.1

Floats = NDArray[np.float32]


class Columns:
    """Which column of a track each person of a tracker has, in the order the tracker met them.

    before: (T, P, J, 3) the last frames of a job that goes on, NaN where nobody was seen. Who is met where
    somebody was last seen gets that one's column; others get one that nobody has had, if need be a new one.
    """

    def __init__(self, before: Floats) -> None:
        boxes = boxes_of(before)
        self._last = np.full(boxes.shape[1:], np.nan, dtype=np.float32)
        for frame in boxes:
            self._last = np.where(np.isfinite(frame), frame, self._last)
        self._columns: list[int] = []

    def place(self, values: Floats) -> Floats:
        """The tracker's poses (n, J, 3) of one frame in the track's columns (P, J, 3)."""
        for pose in values[len(self._columns) :]:
            self._columns.append(self._column_of(pose))
        placed = np.full((len(self._last), *values.shape[1:]), np.nan, dtype=np.float32)
        placed[..., 2] = 0
        placed[self._columns] = values
        return placed

    def _column_of(self, pose: Floats) -> int:
        free = [column for column in range(len(self._last)) if column not in self._columns]
        overlap = _overlap(boxes_of(pose)[None], self._last)
        best = max(free, key=lambda column: float(overlap[column]), default=-1)
        if best >= 0 and overlap[best] >= SAME_PERSON:
            return best
        unused = [column for column in free if np.isnan(self._last[column]).any()]
        if unused:
            return unused[0]
        self._last = np.concatenate([self._last, np.full((1, 4), np.nan, dtype=np.float32)])
        return len(self._last) - 1


def one_block(frames: Sequence[Floats]) -> Floats:
    """Frames (P, J, 3) of growing P as one block (n, P, J, 3)."""
    block = np.full((len(frames), max(map(len, frames)), *frames[0].shape[1:]), np.nan, dtype=np.float32)
    block[..., 2] = 0
    for row, frame in zip(block, frames, strict=True):
        row[: len(frame)] = frame
    return block


def without_ghosts(track: KeypointTrack) -> KeypointTrack:
    """People in the order of how much of the take they fill; those seen only for a moment are dropped.

    The first person of a track is the main one, for lifting and alignment: the most present and largest.
    """
    seen = np.asarray(track.seen.any(axis=2), dtype=np.bool_)
    present = seen.sum(axis=0)
    heights = [_height_px(track.values[seen[:, p], p]) for p in range(track.people)]
    least = min(10, max(1, int(GHOST_SHARE * track.frames)))
    order = sorted(
        (p for p in range(track.people) if present[p] >= least),
        key=lambda p: -present[p] * heights[p],
    )
    keep = order or [0]
    return replace(track, values=track.values[:, keep], origin=track.origin[:, keep])


def columns_in(result: KeypointTrack, earlier: KeypointTrack) -> dict[int, int]:
    """Which person of `earlier` is which of `result`; nobody where the tracks cannot be compared.

    Those who were corrected but are not in `result` come after its people.
    """
    if earlier.skeleton != result.skeleton or earlier.frames != result.frames:
        return {}
    old_boxes, new_boxes = boxes_of(earlier.values), boxes_of(result.values)
    overlap = np.stack(
        [_overlap(old_boxes[:, old, None], new_boxes).sum(axis=0) for old in range(earlier.people)]
    )
    together = np.isfinite(old_boxes[:, :, None]).all(axis=-1) & np.isfinite(new_boxes[:, None]).all(axis=-1)
    overlap /= np.maximum(together.sum(axis=0), 1)
    columns: dict[int, int] = {}
    for old, new in sorted(np.ndindex(overlap.shape), key=lambda pair: -overlap[pair]):
        if overlap[old, new] >= SAME_PERSON and old not in columns and new not in columns.values():
            columns[old] = new
    corrected = (earlier.origin == Origin.HUMAN).any(axis=(0, 2))
    for old in np.flatnonzero(corrected).tolist():
        columns.setdefault(old, max(result.people - 1, *columns.values()) + 1 if columns else result.people)
    return columns


def in_columns_of(result: KeypointTrack, earlier: KeypointTrack) -> KeypointTrack:
    """The `earlier` track with its people in the columns they have in `result`, as `columns_in` says."""
    columns = columns_in(result, earlier)
    if not columns:
        return earlier
    joints = earlier.values.shape[2]
    placed = KeypointTrack.empty(earlier.skeleton, earlier.frames, max(columns.values()) + 1, joints)
    for old, new in columns.items():
        placed.values[:, new], placed.origin[:, new] = earlier.values[:, old], earlier.origin[:, old]
    return placed


def names_in(result: KeypointTrack, earlier: KeypointTrack, names: Sequence[str]) -> tuple[str, ...]:
    """Names of the people of `result`, from those of the `earlier` track's people."""
    columns = {new: old for old, new in columns_in(result, earlier).items()}
    last = max(columns, default=-1) + 1
    return tuple(names[columns[p]] if columns.get(p, len(names)) < len(names) else "" for p in range(last))


def check_boxes(boxes: NDArray[np.floating], info: VideoInfo) -> None:
    """Raise KnownError where a box (..., 4) that a person drew shows nothing of the picture, or is no box."""
    x1, y1, x2, y2 = np.moveaxis(np.asarray(boxes, dtype=np.float64).reshape(-1, 4), 1, 0)
    if not (np.isfinite(boxes).all() and (x1 < x2).all() and (y1 < y2).all()):
        raise KnownError("The box is empty.", hint="Draw it from one corner of the person to the other.")
    if not ((x2 > 0) & (y2 > 0) & (x1 < info.width_px) & (y1 < info.height_px)).all():
        raise KnownError(
            f"The box lies outside the picture ({info.width_px} × {info.height_px} px).",
            hint="Draw it around the person in the picture.",
        )


def _height_px(poses: Floats) -> float:
    """Median height of a person over frames (n, J, 3) in which they are seen."""
    if len(poses) == 0:
        return 0.0
    return float(np.median(np.nanmax(poses[..., 1], axis=1) - np.nanmin(poses[..., 1], axis=1)))


def _overlap(a: Floats, b: Floats) -> Floats:
    """Intersection over union of boxes (..., 4) that broadcast; 0 where one is not known."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    inside = np.clip(high - low, 0, None).prod(axis=-1)
    area = (a[..., 2:] - a[..., :2]).prod(axis=-1) + (b[..., 2:] - b[..., :2]).prod(axis=-1)
    return np.asarray(np.nan_to_num(inside / np.maximum(area - inside, 1e-6)), dtype=np.float32)
