"""Motion capture before four cameras, always the same ones: for scores, and as a data set like Human3.6M.

The pictures are square and slightly from above; two cameras have the lens of Human3.6M (47 degrees across),
one a wider, one a longer one from further away. No distortion.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from models.domain.skeleton import load_skeleton
from models.train.calibrate import Camera
from models.train.h36m import LAYOUTS, LiftData, Take
from models.train.mocap import HELD_OUT_SUBJECTS, Mocap

SIZE_PX = 1000
FOCALS_PX = (1145.0, 800.0, 1145.0, 1800.0)


def watch(poses: NDArray[np.float32], name: str, camera: int) -> NDArray[np.float32]:
    """Poses (T, 17, 3) with y up in the axes of one of the cameras around them; `name` fixes where these
    stand.
    """
    random = np.random.default_rng(zlib.crc32(name.encode()))
    yaw = random.uniform(0, 2 * np.pi) + camera * 2 * np.pi / len(FOCALS_PX)
    elevation = np.deg2rad(random.uniform(0, 20, len(FOCALS_PX))[camera])
    low, high = poses[:, 0].min(axis=0), poses[:, 0].max(axis=0)
    distance = (4.0 + 1.1 * float(np.linalg.norm(high - low))) * FOCALS_PX[camera] / FOCALS_PX[0]
    back = np.array([np.sin(yaw) * np.cos(elevation), np.sin(elevation), np.cos(yaw) * np.cos(elevation)])
    right = np.array([np.cos(yaw), 0, -np.sin(yaw)])
    down = np.cross(-back, right)
    centred = poses - (low + high) / 2
    return (centred @ np.stack([right, down, -back], axis=1) + [0, 0, distance]).astype(np.float32)


def lift_data_from_mocap(mocap: Mocap) -> LiftData:
    """The sequences as takes with 2D, 3D and cameras; subjects are "1", "2", .. and "unknown". The subjects
    that are held out are those of the test.
    """
    centre = np.full(2, SIZE_PX / 2)
    cameras = [
        Camera(np.eye(3), np.zeros(3), np.full(2, focal), centre, np.zeros(3), np.zeros(2))
        for focal in FOCALS_PX
    ]
    takes = []
    for index, name in enumerate(mocap.names):
        number = int(mocap.subject[index])
        subject = str(number) if number >= 0 else "unknown"
        for view, camera in enumerate(cameras):
            points = watch(mocap.sequence(index), name, view)
            pixels = FOCALS_PX[view] * points[..., :2] / points[..., 2:] + SIZE_PX / 2
            takes.append(Take(subject, name, view, pixels.astype(np.float32), points, camera))
    there = {take.subject for take in takes}
    test = tuple(str(number) for number in HELD_OUT_SUBJECTS if str(number) in there)
    flip = load_skeleton("h36m17").flip
    return LiftData(tuple(takes), LAYOUTS[17], flip, 17, ((SIZE_PX, SIZE_PX),), test)
