"""People of MPII Human Pose (Andriluka et al., CVPR 2014) in the layout that HRNet and others publish.

`annot/{train,valid}.json` is a list of {image, center, scale, joints (16, 2), joints_vis (16,)}, the pictures
lie in `images`; the official labels with head boxes are `annot/gt_valid.mat`. Coordinates are 1-based
(MATLAB): one is subtracted, as in the published code, which also moves the centre 15 px × scale down. `scale`
is the person's height / 200 px.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import load_skeleton
from models.run.crop import PADDING, PIXEL_STD
from models.train.pose_data import PoseData, people

SKELETON = "mpii16"
HEAD_SHARE = 0.6  # PCKh measures in 0.6 × the diagonal of the head box (published evaluation, SC_BIAS)


def mpii_boxes(center: NDArray[np.float64], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Square boxes (N, 4) px of MPII's centre (N, 2), 1-based, and scale (N,), such that a crop with the
    published padding has the published centre and scale. A centre at x = -1 stands for "not known" and is
    neither moved nor enlarged there.
    """
    known = center[:, 0] != -1
    middle = center - 1.0
    middle[:, 1] += np.where(known, 15 * scale, 0)
    half = 0.5 * PIXEL_STD * np.where(known, scale, scale / PADDING)[:, None]
    return np.concatenate([middle - half, middle + half], -1)


def load_mpii(folder: Path, split: str, limit: int | None = None) -> PoseData:
    """Read `annot/SPLIT.json` ("val" is "valid"). Raises KnownError when files are missing or malformed."""
    path = folder / "annot" / f"{'valid' if split == 'val' else split}.json"
    try:
        records = json.loads(path.read_text("utf-8"))[:limit]
        joints = np.array([record["joints"] for record in records], np.float64).reshape(-1, 16, 2)
        visible = np.array([record["joints_vis"] for record in records], np.float64).reshape(-1, 16)
        center = np.array([record["center"] for record in records], np.float64).reshape(-1, 2)
        scale = np.array([record["scale"] for record in records], np.float64).reshape(-1)
        files = [str(record["image"]) for record in records]
    except OSError as error:
        raise KnownError(f"Cannot read {path}: {error.strerror}.") from error
    except KeyError as error:
        raise KnownError(
            f"{path} does not state {error} of every person.",
            hint="The test part of MPII has no joints: use train or valid.",
        ) from error
    except (ValueError, TypeError) as error:
        raise KnownError(f"{path} is not an MPII annotation file: {error}.") from error
    images = folder / "images"
    there = {p.name for p in images.iterdir()} if images.is_dir() else set()
    missing = [name for name in files if name not in there]
    if missing:
        raise KnownError(f"{len(missing)} pictures of {path} are not in {images}, first: {missing[0]}.")
    keypoints = np.concatenate([joints - 1.0, visible[..., None]], -1)
    names = [f"{name}#{i}" for i, name in enumerate(files)]
    return people(
        (images / name for name in files),
        keypoints,
        mpii_boxes(center, scale),
        load_skeleton(SKELETON).joints,
        names,
        _heads(path, len(joints)),
    )


def head_sizes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sizes (N,) px that PCKh measures in, from head boxes (2, 2, N): corners, x and y, people."""
    return np.asarray(HEAD_SHARE * np.linalg.norm(boxes[1] - boxes[0], axis=0), np.float64)


def _heads(path: Path, n: int) -> NDArray[np.float64] | None:
    """Head sizes from `gt_SPLIT.mat` beside the annotations; None where it does not lie there."""
    from scipy.io import loadmat

    official = path.with_name(f"gt_{path.stem}.mat")
    if not official.is_file():
        return None
    try:
        boxes = np.asarray(loadmat(official)["headboxes_src"], np.float64)
        if boxes.shape[:2] != (2, 2) or boxes.shape[2] < n:
            raise ValueError(f"headboxes_src has shape {boxes.shape}")
    except Exception as error:  # scipy's reader raises anything on a damaged file
        raise KnownError(f"{official} cannot be read: {error}.") from error
    return head_sizes(boxes[..., :n])
