"""Pictures with joints in the `lspet` layout: `NAME.npz` beside tar files of JPEGs.

`NAME.npz` holds `name` (N,), `keypoints` (N, J, 3) x px, y px, visible 0/1, `shard` (N,) the tar that holds
the picture, `joint_names` (J,), and may hold `box` (N, 4) x1, y1, x2, y2 px around each person. Everything is
decoded once into memory (about 120 kB per picture), because a training run reads each picture dozens of
times. Missing joints: visible = 0, coordinates NaN.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np

from models.domain.errors import KnownError
from models.train.pose_data import Picture, PoseData, decode_picture, people, person_boxes

__all__ = ["PoseData", "load_pose_data", "person_boxes"]


def load_pose_data(data_dir: Path | str, split: str, limit: int | None = None) -> PoseData:
    """Read one split. Raises KnownError when files are missing or do not have the layout."""
    folder = Path(data_dir)
    try:
        with np.load(folder / f"{split}.npz", allow_pickle=False) as data:
            names, shards = data["name"][:limit], data["shard"][:limit]
            keypoints = data["keypoints"][:limit]
            joint_names = [str(name) for name in data["joint_names"]]
            boxes = data["box"][:limit] if "box" in data else None  # else from the joints
        if keypoints.shape != (len(names), len(joint_names), 3):
            raise ValueError(f"keypoints have shape {keypoints.shape}")
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise KnownError(
            f"No pose data '{split}' in {folder}: {error}.",
            hint="Expected NAME.npz (name, keypoints, shard, joint_names) beside tar files of pictures.",
        ) from error
    pictures: dict[str, Picture] = {}
    wanted = {str(name) for name in names}
    for shard in sorted({str(s) for s in shards}):
        pictures.update(_read_tar(folder / shard, wanted))
    missing = [str(name) for name in names if str(name) not in pictures]
    if missing:
        raise KnownError(
            f"{len(missing)} pictures of '{split}' are not in its tar files, first: {missing[0]}."
        )
    known = [str(name) for name in names]
    return people((pictures[name] for name in known), keypoints, boxes, joint_names, known)


def _read_tar(path: Path, wanted: set[str]) -> dict[str, Picture]:
    pictures: dict[str, Picture] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                stem = Path(member.name).stem
                handle = tar.extractfile(member)
                if handle is None or not (member.name in wanted or stem in wanted):
                    continue
                image = decode_picture(np.frombuffer(handle.read(), np.uint8))
                if image is None:
                    raise KnownError(f"{member.name} in {path} is not a picture.")
                pictures[member.name if member.name in wanted else stem] = image
    except (OSError, tarfile.TarError) as error:
        raise KnownError(f"Cannot read {path}: {error}.") from error
    return pictures
