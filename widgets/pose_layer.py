"""The poses of one frame as the canvas holds them: checked, named, and asked what lies under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import Skeleton
from models.domain.track import Origin
from widgets.canvas_gestures import PoseDrag, Selection
from widgets.people import person_label
from widgets.pose_overlay import hit_joint, hit_limb
from widgets.view_transform import Point, ViewTransform

HIT_PX = 12.0
LIMB_HIT_PX = 6.0


@dataclass(frozen=True)
class PoseLayer:
    """Poses of one frame. values: (P, J, 3) x px, y px, confidence. origin: (P, J). names: P labels."""

    values: NDArray[np.floating]
    origin: NDArray[np.uint8]
    skeleton: Skeleton | None
    names: tuple[str, ...]

    @classmethod
    def empty(cls) -> PoseLayer:
        return cls(np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), np.uint8), None, ())

    @classmethod
    def of(
        cls,
        values: NDArray[np.floating] | None,
        origin: NDArray[np.integer] | None,
        skeleton: Skeleton | None,
        names: Sequence[str],
    ) -> PoseLayer:
        """Raises ValueError where the shapes do not fit each other."""
        if values is None or skeleton is None:
            return cls.empty()
        if values.ndim != 3 or values.shape[1:] != (len(skeleton), 3):
            raise ValueError(f"poses {values.shape} do not fit (people, {len(skeleton)}, 3)")
        filled = np.full(values.shape[:2], Origin.MODEL) if origin is None else origin
        if filled.shape != values.shape[:2]:
            raise ValueError(f"origin {filled.shape} does not fit poses {values.shape}")
        labels = tuple(person_label(person, names) for person in range(len(values)))
        return cls(values, np.asarray(filled, np.uint8), skeleton, labels)

    def moved(self, drag: PoseDrag, size: tuple[int, int]) -> PoseLayer:
        """As it will be once the drag is accepted: the moved joints are a person's work."""
        values, origin = drag.apply(self.values, size), self.origin.copy()
        touched = np.arange(values.shape[1]) if drag.joint is None else np.array([drag.joint])
        new = origin[drag.person, touched] != Origin.HUMAN
        sure = touched if drag.joint is not None else touched[new]
        values[drag.person, sure, 2] = 1.0
        origin[drag.person, touched] = Origin.HUMAN
        return replace(self, values=values, origin=origin)

    def has(self, person: int, joint: int | None = None) -> bool:
        """Whether there is such a person, and such a joint."""
        people, joints = self.values.shape[:2]
        return bool(person < people and (joint or 0) < joints)

    def joint_at(self, at: Point, view: ViewTransform, prefer: int | None = None) -> tuple[int, int] | None:
        """(person, joint) under a view point, the nearest if there are several; None beside them all."""
        return hit_joint(view.to_view(self.values[..., :2]), at, HIT_PX, prefer)

    def person_at(self, at: Point, view: ViewTransform) -> int | None:
        """Person with a joint or limb under a view point."""
        if self.skeleton is None:
            return None
        joint = self.joint_at(at, view)
        if joint is not None:
            return joint[0]
        return hit_limb(view.to_view(self.values[..., :2]), self.skeleton, at, LIMB_HIT_PX)

    def missing(self, selection: Selection | None) -> tuple[int, int] | None:
        """The selected (person, joint) if it has no position in this frame."""
        if selection is None or selection.joint is None or not self.has(selection.person, selection.joint):
            return None
        seen = bool(np.isfinite(self.values[selection.person, selection.joint, :2]).all())
        return None if seen else (selection.person, selection.joint)
