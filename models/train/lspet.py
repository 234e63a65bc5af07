"""Pictures with joints in the `lspet` layout: `NAME.npz` beside tar files of JPEGs.

`NAME.npz` holds `name` (N,), `keypoints` (N, J, 3) x px, y px, visible 0/1, `shard` (N,) the tar that holds
the picture, `joint_names` (J,). Everything is decoded once into memory (about 120 kB per picture), because a
training run reads each picture dozens of times. Missing joints: visible = 0, coordinates NaN.
"""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.skeleton import Skeleton

BOX_MARGIN = 0.05  # joints lie inside the body: its outline is about this much of the longer side further out


@dataclass(frozen=True, slots=True)
class PoseData:
    """images: N uint8 (H, W, 3) RGB of any size. joints: float64 (N, J, 2) px, NaN = not labelled.

    visible: bool (N, J). boxes: float64 (N, 4) x1, y1, x2, y2 px around the person.
    """

    images: list[NDArray[np.uint8]]
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    boxes: NDArray[np.float64]
    joint_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def require(self, skeleton: Skeleton) -> None:
        """Raises KnownError unless the labels have the joints of `skeleton`, in its order."""
        if self.joint_names != skeleton.joints:
            raise KnownError(
                f"The labels' {len(self.joint_names)} joints are not those of skeleton {skeleton.name}.",
                hint=f"Expected in this order: {', '.join(skeleton.joints)}.",
            )


def person_boxes(joints: NDArray[np.float64], margin: float = BOX_MARGIN) -> NDArray[np.float64]:
    """Boxes (N, 4) around labelled joints (N, J, 2), grown on each side by `margin` of the longer side."""
    low, high = np.nanmin(joints, -2), np.nanmax(joints, -2)
    grow = margin * np.max(high - low, -1, keepdims=True)
    return np.concatenate([low - grow, high + grow], -1)


def load_pose_data(data_dir: Path | str, split: str, limit: int | None = None) -> PoseData:
    """Read one split. Raises KnownError when files are missing or do not have the layout."""
    folder = Path(data_dir)
    try:
        with np.load(folder / f"{split}.npz", allow_pickle=False) as data:
            names, shards = data["name"][:limit], data["shard"][:limit]
            keypoints = data["keypoints"][:limit].astype(np.float64)
            joint_names = tuple(str(name).replace("_", " ") for name in data["joint_names"])
    except (OSError, KeyError, ValueError) as error:
        raise KnownError(
            f"No pose data '{split}' in {folder}: {error}.",
            hint="Expected NAME.npz (name, keypoints, shard, joint_names) beside tar files of pictures.",
        ) from error
    pictures: dict[str, NDArray[np.uint8]] = {}
    wanted = {str(name) for name in names}
    for shard in sorted({str(s) for s in shards}):
        pictures.update(_read_tar(folder / shard, wanted))
    missing = [str(name) for name in names if str(name) not in pictures]
    if missing:
        raise KnownError(
            f"{len(missing)} pictures of '{split}' are not in its tar files, first: {missing[0]}."
        )
    visible = keypoints[..., 2] > 0
    joints = np.where(visible[..., None], keypoints[..., :2], np.nan)
    return PoseData([pictures[str(n)] for n in names], joints, visible, person_boxes(joints), joint_names)


def _read_tar(path: Path, wanted: set[str]) -> dict[str, NDArray[np.uint8]]:
    pictures: dict[str, NDArray[np.uint8]] = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                stem = Path(member.name).stem
                handle = tar.extractfile(member)
                if handle is None or not (member.name in wanted or stem in wanted):
                    continue
                image = cv2.imdecode(np.frombuffer(handle.read(), np.uint8), cv2.IMREAD_COLOR_RGB)
                if image is None:
                    raise KnownError(f"{member.name} in {path} is not a picture.")
                pictures[member.name if member.name in wanted else stem] = np.asarray(image, np.uint8)
    except (OSError, tarfile.TarError) as error:
        raise KnownError(f"Cannot read {path}: {error}.") from error
    return pictures
