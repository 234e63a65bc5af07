"""Keypoints of the people in a video, frame by frame, each joint with the story of where it comes from.

Convention: axis 0 is the frame index, axis 1 the person, axis 2 the joint. Pixel coordinates have their
origin at the centre of the top-left pixel. NaN = not seen. A person's correction is never overwritten by
a model run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Origin(IntEnum):
    """Who put a joint where it is."""

    NONE = 0
    MODEL = 1
    INTERPOLATED = 2
    TRANSFERRED = 3
    HUMAN = 4


class Visibility(IntEnum):
    """What a person says of a joint, as COCO counts it; kept in the confidence of human joints."""

    ABSENT = 0
    OCCLUDED = 1
    VISIBLE = 2


@dataclass(frozen=True, eq=False)
class KeypointTrack:
    """Keypoints of one video.

    values: float32 (T, P, J, 3) – x px, y px, confidence 0..1 – or (T, P, J, 4) – x, y, z metres, confidence.
    3D is in the axes of the video's camera: x right, y down, z away from the lens, which is at the origin.
    Where it is not known how far away a person is, its pelvis lies at the origin instead: see `roots_of`.
    origin: uint8 (T, P, J), values of `Origin`. skeleton: name of the skeleton of the J joints.
    """

    skeleton: str
    values: NDArray[np.float32]
    origin: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.values.ndim != 4 or self.values.shape[-1] not in (3, 4):
            raise ValueError(f"keypoints must be (T, P, J, 3 or 4), not {self.values.shape}")
        if self.origin.shape != self.values.shape[:3]:
            raise ValueError(f"origin {self.origin.shape} does not fit keypoints {self.values.shape}")

    @classmethod
    def empty(
        cls, skeleton: str, frames: int, people: int, joints: int, dimensions: int = 2
    ) -> KeypointTrack:
        """A track in which nothing is seen."""
        values = np.full((frames, people, joints, dimensions + 1), np.nan, dtype=np.float32)
        values[..., -1] = 0
        return cls(skeleton, values, np.zeros((frames, people, joints), dtype=np.uint8))

    @property
    def frames(self) -> int:
        return int(self.values.shape[0])

    @property
    def people(self) -> int:
        return int(self.values.shape[1])

    @property
    def is_3d(self) -> bool:
        return bool(self.values.shape[-1] == 4)

    @property
    def seen(self) -> NDArray[np.bool_]:
        """bool (T, P, J): joints with coordinates."""
        return np.asarray(np.isfinite(self.values[..., 0]), dtype=np.bool_)

    def shows(self, person: int) -> bool:
        """Whether that person is there, and any of its joints is seen in any frame."""
        return person < self.people and bool(np.isfinite(self.values[:, person, :, 0]).any())

    def with_people(self, people: int) -> KeypointTrack:
        """The same track with room for `people` persons (never fewer than now)."""
        if people <= self.people:
            return self
        wider = KeypointTrack.empty(
            self.skeleton, self.frames, people, self.values.shape[2], self.values.shape[3] - 1
        )
        wider.values[:, : self.people] = self.values
        wider.origin[:, : self.people] = self.origin
        return wider

    def keeping_corrections_of(self, earlier: KeypointTrack) -> KeypointTrack:
        """This (new) track with every human joint of the `earlier` one laid over it.

        Persons are matched by index; both tracks must have the same skeleton and number of frames.
        """
        if earlier.skeleton != self.skeleton or earlier.frames != self.frames:
            return self
        human = earlier.origin == Origin.HUMAN
        if not human.any():
            return self
        merged = self.with_people(earlier.people)
        values, origin = merged.values.copy(), merged.origin.copy()
        values[:, : earlier.people][human] = earlier.values[human]
        origin[:, : earlier.people][human] = Origin.HUMAN
        return replace(self, values=values, origin=origin)


def roots_of(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the pelvises of 3D poses (..., J, 3 or 4) are: float32 (..., 3) metres from the camera, NaN where
    that is not known.
    """
    root = values[..., 0, :3].astype(np.float32)
    root[(root == 0).all(axis=-1)] = np.nan
    return root


def boxes_of(values: NDArray[np.float32], margin: float = 0.15) -> NDArray[np.float32]:
    """Bounding boxes of the seen joints, enlarged by `margin` of their longer side on every side.

    values: float32 (..., J, 3) px. Returns float32 (..., 4) = x1, y1, x2, y2 px; NaN where no joint is seen.
    """
    xy = values[..., :2]
    seen = np.asarray(np.isfinite(xy).all(axis=-1, keepdims=True), dtype=np.bool_)
    low = np.where(seen, xy, np.inf).min(axis=-2)
    high = np.where(seen, xy, -np.inf).max(axis=-2)
    pad = margin * (high - low).max(axis=-1, keepdims=True)
    box = np.concatenate([low - pad, high + pad], axis=-1).astype(np.float32)
    box[~seen[..., 0].any(axis=-1)] = np.nan
    return np.asarray(box, dtype=np.float32)
