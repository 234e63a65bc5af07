"""Data sets in VideoPose3D's layout: `data_3d_*.npz` and `data_2d_*.npz` of Human3.6M and HumanEva-I.

3D: `positions_3d`, dict[subject][action] -> float (frames, J, 3), metres, world axes; 32 joints (Human3.6M as
recorded), 17, or 15 (HumanEva). 2D: `positions_2d`, dict[subject][action] -> one (frames, J, 2) in pixels for
each camera; `metadata` with `keypoints_symmetry` = [left joints, right joints]. The 2D may be longer, and may
cover subjects without 3D.

The files hold no cameras. They are read from a JSON file of Human3.6M's calibration (intrinsics and
extrinsics by camera and subject, millimetres), or recovered from the joints themselves.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.run.camera import normalise_screen
from models.train.calibrate import Camera, recover_camera
from models.train.chunks import LiftSequence
from models.train.pickled_npz import read_pickled_npz

Array = NDArray[np.float32]

# The 17 joints that Human3.6M's 32 hold without repeats, hands and toes (VideoPose3D, h36m data set).
_OF_32 = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
# pictures of Human3.6M's four cameras, pixels
_H36M_SIZES = ((1000, 1002), (1000, 1000), (1000, 1000), (1000, 1002))
# this take of the data set has wrong 3D (VideoPose3D leaves it out)
_BROKEN = ("S11", "Directions")
TEST_SUBJECTS = ("S9", "S11")


@dataclass(frozen=True, slots=True)
class BodyLayout:
    """Parents and sides of the 3D joints; the usual pictures and frame rate of such data."""

    parents: tuple[int, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    fps: float

    @property
    def flip(self) -> list[int]:
        return flip_table(len(self.parents), self.left, self.right)


LAYOUTS = {
    17: BodyLayout(
        (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
        (4, 5, 6, 11, 12, 13),
        (1, 2, 3, 14, 15, 16),
        _H36M_SIZES,
        50.0,
    ),
    15: BodyLayout(
        (-1, 0, 1, 2, 3, 1, 5, 6, 0, 8, 9, 0, 11, 12, 1),
        (2, 3, 4, 8, 9, 10),
        (5, 6, 7, 11, 12, 13),
        ((640, 480),),
        60.0,
    ),
}


@dataclass(frozen=True, slots=True)
class Take:
    """One action of one subject before one camera. points_px (T, J, 2); points_m (T, J', 3) in camera axes,
    None without 3D; camera None where it is not known."""

    subject: str
    action: str
    view: int
    points_px: Array
    points_m: Array | None
    camera: Camera | None

    def sequence(self, size_wh: tuple[int, int]) -> LiftSequence:
        """Screen units; the 3D relative to joint 0, whose slot keeps the place in camera axes."""
        points_2d = normalise_screen(self.points_px, *size_wh).astype(np.float32)
        points_3d = None
        if self.points_m is not None:
            points_3d = self.points_m.copy()
            points_3d[:, 1:] -= points_3d[:, :1]
        camera = None if self.camera is None else self.camera.screen(*size_wh)
        return LiftSequence(points_2d, points_3d, camera)


@dataclass(frozen=True, slots=True)
class LiftData:
    """All takes of a data set. flip_2d: mirror images of the 2D joints. sizes: width and height of the
    pictures of each camera. test: subjects kept for the test, empty for the usual ones."""

    takes: tuple[Take, ...]
    layout: BodyLayout
    flip_2d: tuple[int, ...]
    joints_in: int
    sizes: tuple[tuple[int, int], ...]
    test: tuple[str, ...] = ()

    @property
    def subjects(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(take.subject for take in self.takes))

    def size(self, take: Take) -> tuple[int, int]:
        """Width and height of the pictures of a take, pixels."""
        return self.sizes[take.view % len(self.sizes)]

    def of(self, subjects: Collection[str], *, labelled: bool = True) -> list[Take]:
        """Takes of these subjects, with 3D unless not `labelled`. Raises KnownError for unknown subjects."""
        unknown = sorted(set(subjects) - set(self.subjects))
        if unknown:
            raise KnownError(
                f"The data have no subject {', '.join(unknown)}.", hint=f"Known: {', '.join(self.subjects)}."
            )
        chosen = [take for take in self.takes if take.subject in subjects]
        return [take for take in chosen if take.points_m is not None] if labelled else chosen

    def default_test(self) -> tuple[str, ...]:
        """S9 and S11 of Human3.6M, the validation part of HumanEva, else the last subject with 3D."""
        if self.test:
            return self.test
        labelled = list(dict.fromkeys(take.subject for take in self.takes if take.points_m is not None))
        for chosen in (
            [s for s in labelled if s in TEST_SUBJECTS],
            [s for s in labelled if s.startswith("Validate")],
        ):
            if chosen and len(chosen) < len(labelled):
                return tuple(chosen)
        return tuple(labelled[-1:])


def is_pickled_layout(path: Path) -> bool:
    """Whether the file has `positions_3d`, as opposed to this project's motion capture files."""
    try:
        return read_pickled_npz(path, "positions_3d") is not None
    except KnownError:
        return False


def load_lift_data(data_3d: Path, data_2d: Path, cameras: Path | None = None) -> LiftData:
    """Read both files. Raises KnownError when they are missing, of another kind or do not fit together."""
    positions = _dictionary(read_pickled_npz(data_3d, "positions_3d"), data_3d, "positions_3d")
    keypoints = _dictionary(read_pickled_npz(data_2d, "positions_2d"), data_2d, "positions_2d")
    metadata = read_pickled_npz(data_2d, "metadata")
    world = {
        subject: {action: _positions(value, data_3d) for action, value in actions.items()}
        for subject, actions in positions.items()
    }
    counts = {value.shape[1] for actions in world.values() for value in actions.values()}
    if len(counts) != 1 or not counts <= set(LAYOUTS):
        raise KnownError(f"{data_3d}: 32, 17 or 15 joints were expected, not {sorted(counts)}.")
    layout = LAYOUTS[counts.pop()]
    calibrated = {} if cameras is None else read_cameras(cameras)
    symmetry = _symmetry(metadata, data_2d)
    same_joints = symmetry == (layout.left, layout.right)
    takes: list[Take] = []
    for subject, actions in keypoints.items():
        views = _views_of(subject, actions, data_2d)
        labelled = world.get(subject, {}) if same_joints else {}
        found = _cameras_of(subject, views, labelled, calibrated, layout.sizes)
        for (action, view), pixels in views.items():
            joints = world.get(subject, {}).get(action)
            if (subject, action) == _BROKEN:
                continue
            camera = found.get(view)
            points = None
            if joints is not None and camera is not None:
                length = min(len(joints), len(pixels))
                pixels, points = pixels[:length], camera.to_camera(joints[:length])
            if len(pixels):
                takes.append(Take(subject, action, view, pixels, points, camera))
    joints_in = {take.points_px.shape[1] for take in takes}
    if len(joints_in) != 1 or not any(take.points_m is not None for take in takes):
        raise KnownError(
            f"{data_2d.name} and {data_3d.name} have no take in common with a known camera.",
            hint="Other joints in 2D than in 3D do not tell the cameras: give --cameras FILE.json.",
        )
    count = joints_in.pop()
    try:
        flip_2d = flip_table(count, *symmetry)
    except (ValueError, IndexError) as error:
        raise KnownError(f"{data_2d}: left and right joints do not fit {count} joints.") from error
    return LiftData(tuple(takes), layout, tuple(flip_2d), count, layout.sizes)


def read_cameras(path: Path) -> dict[tuple[str, int], Camera]:
    """(subject, camera 0..) -> camera, from Human3.6M's calibration as JSON: `intrinsics[id]` with
    `calibration_matrix` and `distortion` (k1, k2, p1, p2, k3), `extrinsics[subject][id]` with `R` (world to
    camera) and `t` in millimetres.
    """
    try:
        data = json.loads(path.read_text("utf-8"))
        cameras = {}
        for subject, views in data["extrinsics"].items():
            for view, (name, pose) in enumerate(sorted(views.items())):
                inner = data["intrinsics"][name]
                matrix, bend = (
                    np.array(inner["calibration_matrix"], float),
                    np.array(inner["distortion"], float),
                )
                cameras[subject, view] = Camera(
                    rotation=np.array(pose["R"], float).reshape(3, 3),
                    translation_m=np.array(pose["t"], float).reshape(3) / 1000,
                    focal_px=np.array([matrix[0, 0], matrix[1, 1]]),
                    centre_px=matrix[:2, 2],
                    radial=bend[[0, 1, 4]],
                    tangential=bend[[3, 2]],
                )
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise KnownError(f"{path} does not hold cameras: {error}.") from error
    return cameras


def _cameras_of(
    subject: str,
    views: Mapping[tuple[str, int], Array],
    world: Mapping[str, Array],
    calibrated: Mapping[tuple[str, int], Camera],
    sizes: tuple[tuple[int, int], ...],
) -> dict[int, Camera]:
    """The cameras of a subject by number: from the file, else from its labelled takes."""
    found: dict[int, Camera] = {}
    for view in sorted({view for _, view in views}):
        if (subject, view) in calibrated:
            found[view] = calibrated[subject, view]
            continue
        pairs = [
            (world[action][: len(pixels)], pixels[: len(world[action])])
            for (action, number), pixels in views.items()
            if number == view and action in world and (subject, action) != _BROKEN
        ]
        camera = recover_camera(pairs, sizes[view % len(sizes)]) if pairs else None
        if camera is not None:
            found[view] = camera
    return found


def _views_of(subject: str, actions: Any, path: Path) -> dict[tuple[str, int], Array]:
    views: dict[tuple[str, int], Array] = {}
    for action, cameras in _dictionary(actions, path, subject).items():
        for view, values in enumerate(cameras):
            pixels = np.asarray(values, dtype=np.float32)
            if pixels.ndim != 3 or pixels.shape[2] < 2:
                raise KnownError(f"{path}: {subject}/{action} has 2D joints of shape {pixels.shape}.")
            views[action, view] = np.ascontiguousarray(pixels[..., :2])
    return views


def _positions(value: Any, path: Path) -> Array:
    joints = np.asarray(value, dtype=np.float32)
    if joints.ndim != 3 or joints.shape[2] != 3:
        raise KnownError(f"{path}: 3D joints of shape {joints.shape}; (frames, joints, 3) was expected.")
    return joints[:, list(_OF_32)] if joints.shape[1] == 32 else joints


def _dictionary(value: Any, path: Path, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not value:
        raise KnownError(f"{path} has no {what}.", hint="Give a file in VideoPose3D's layout.")
    return value


def _symmetry(metadata: Any, path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The left and the right joints of the 2D data."""
    try:
        left, right = metadata["keypoints_symmetry"]
        return tuple(int(joint) for joint in left), tuple(int(joint) for joint in right)
    except (TypeError, KeyError, ValueError) as error:
        raise KnownError(f"{path} does not say which joints are left and right.") from error


def flip_table(count: int, left: Collection[int], right: Collection[int]) -> list[int]:
    """For each joint its mirror image."""
    table = list(range(count))
    for a, b in zip(left, right, strict=True):
        table[a], table[b] = b, a
    return table
