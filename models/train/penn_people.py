"""People of Penn Action (Zhang, Zhu and Derpanis, ICCV 2013): `labels/0001.mat`, `frames/0001/000001.jpg`.

The labels count pixels from 1 in frames that were shrunk afterwards: the first pixel lies at the factor by
which a video was shrunk. The factor can be seen where a joint is not labelled, for its placeholder is (1, 1)
times the factor; elsewhere it is taken as 1. The frames of a video are nearly alike: `every` thins them out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.train.pose_data import PoseData, people

SKELETON = "penn13"
SPLITS = {"train": 1, "test": -1, "val": -1}


def load_penn(folder: Path, split: str, limit: int | None = None, every: int = 1) -> PoseData:
    """Read the "train" or "test" videos ("val" is "test", "all" both), one frame in `every`.

    Raises KnownError when files are missing or malformed.
    """
    if split not in (*SPLITS, "all"):
        raise KnownError(f"Penn Action has no part '{split}'.", hint="Use train, test or all.")
    pictures: list[Path] = []
    keypoints: list[NDArray[np.float64]] = []
    boxes: list[NDArray[np.float64]] = []
    for path in sorted((folder / "labels").glob("*.mat")):
        labels = read_label_file(path)
        if split != "all" and int(labels["train"].flat[0]) != SPLITS[split]:
            continue
        frames = sorted((folder / "frames" / path.stem).glob("*.jpg"))
        if not frames:
            raise KnownError(f"There are no frames of {path.stem} in {folder / 'frames' / path.stem}.")
        of_frames, of_boxes = zero_based(*label_arrays(path, labels))
        n = min(len(frames), len(of_frames))
        pictures += frames[:n:every]
        keypoints.append(of_frames[:n:every])
        boxes.append(of_boxes[:n:every])
        if limit is not None and len(pictures) >= limit:
            break
    if not pictures:
        raise KnownError(f"{folder} has no videos of Penn Action's part '{split}'.")
    return people(
        pictures[:limit],
        np.concatenate(keypoints)[:limit],
        np.concatenate(boxes)[:limit],
        load_skeleton(SKELETON).joints,
        [f"{p.parent.name}/{p.stem}" for p in pictures[:limit]],
    )


def zero_based(
    xy: NDArray[np.float64], visible: NDArray[np.bool_], boxes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Keypoints (T, 13, 3) and boxes (T, 4) of one video in 0-based px from Penn's own xy and boxes."""
    placeholder = (xy[..., 0] > 0) & (xy[..., 0] <= 1.001) & (np.abs(xy[..., 0] - xy[..., 1]) < 1e-3)
    unlabelled = placeholder & ~visible
    first_px = float(np.median(xy[unlabelled])) if unlabelled.any() else 1.0
    seen = visible & ~placeholder
    return np.concatenate([xy - first_px, seen[..., None]], -1), boxes - first_px


def read_label_file(path: Path, *more: str) -> dict[str, Any]:
    """The joints, boxes and split in a `.mat` file, and what `more` names. Raises KnownError when it is
    damaged or lacks any of them.
    """
    from scipy.io import loadmat

    try:
        content: dict[str, Any] = loadmat(path)
        return {key: content[key] for key in ("x", "y", "visibility", "bbox", "train", *more)}
    except Exception as error:  # scipy's reader raises anything on a damaged file
        raise KnownError(f"{path} is not a label file of Penn Action: {error}.") from error


def label_arrays(
    path: Path, labels: dict[str, Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """xy (T, 13, 2) as written, visible (T, 13), boxes (T, 4, NaN where missing) of a label file."""
    xy = np.stack([np.asarray(labels["x"], np.float64), np.asarray(labels["y"], np.float64)], -1)
    visible = np.asarray(labels["visibility"]) > 0
    if xy.ndim != 3 or xy.shape[1:] != (13, 2) or visible.shape != xy.shape[:2]:
        raise KnownError(f"{path} has joints of shape {xy.shape[:2]}, not (frames, 13).")
    boxes = np.full((len(xy), 4), np.nan)  # some videos lack boxes of their last frames
    given = np.asarray(labels["bbox"], np.float64).reshape(-1, 4)[: len(xy)]
    boxes[: len(given)] = given
    return xy, visible, boxes
