"""What every table of alignment shows beside an encoder: features that nothing was trained for.

* time index: a frame's relative position in its clip. Its Kendall's τ is 1 by construction.
* raw pose: the joints around the middle of the body, in limb lengths; with velocity on request.

All are functions (T, 13, 3) → float64 (T, D) of the frames given, so that a cropped clip is treated as the
shorter clip it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.run.pose_features import fill_gaps
from models.train.event_signals import limb_px

Floats = NDArray[np.float64]
VELOCITY_S = 0.2  # velocities count as the way made in this time


def time_index(frames: int) -> Floats:
    """float64 (T, 1): 0 at the first frame, 1 at the last."""
    return np.linspace(0, 1, frames)[:, None]


def raw_pose(values: NDArray[np.floating], fps: float, *, velocity: bool = False) -> Floats:
    """float64 (T, 26), with velocity (T, 52), of joints (T, 13, 3) px, NaN = not seen.

    Joints that were not seen are drawn through in time; one that never was lies in the middle of the body.
    """
    xy = np.array(values[..., :2], np.float64)
    limb = limb_px(xy) or 1.0
    seen = np.isfinite(xy).all(axis=-1, keepdims=True)
    centre = np.where(seen, xy, 0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    centre[~seen.any(axis=(1, 2))] = np.nan
    places = (fill_gaps(xy - fill_gaps(centre)[:, None]) / limb).reshape(len(xy), -1)
    if not velocity:
        return places
    way = np.gradient(places, axis=0) * fps * VELOCITY_S if len(places) > 1 else np.zeros_like(places)
    return np.concatenate([places, way], axis=1)
