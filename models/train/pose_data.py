"""Labelled people in pictures, whatever data set they come from.

Pictures of small sets lie decoded in memory; those of large ones are files that are decoded when they are
asked for, so a set may be larger than memory. Missing joints: visible = False, coordinates NaN.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.mapping import joint_sources, map_keypoints
from models.domain.skeleton import Skeleton, load_skeleton, skeleton_names

Picture = NDArray[np.uint8]

BOX_MARGIN = 0.05  # joints lie inside the body: its outline is about this much of the longer side further out


@dataclass(frozen=True, slots=True)
class Pictures(Sequence[Picture]):
    """Pictures uint8 (H, W, 3) RGB, or (H, W, 4) with opacity for cut-out people, in memory or in files.

    Asking for one may decode it (only the last few files are kept): take a picture once and hold it.
    """

    items: tuple[Picture | Path, ...]

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, index: int) -> Picture: ...
    @overload
    def __getitem__(self, index: slice) -> list[Picture]: ...
    def __getitem__(self, index: int | slice) -> Picture | list[Picture]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        item = self.items[index]
        return read_picture(item) if isinstance(item, Path) else item


@lru_cache(maxsize=8)  # people of one picture follow each other
def read_picture(path: Path) -> Picture:
    """The picture in a file, turned as its pixels lie (labels know nothing of EXIF). Raises KnownError."""
    try:
        encoded = np.fromfile(path, np.uint8)
    except OSError as error:
        raise KnownError(f"Cannot read {path}: {error.strerror}.") from error
    picture = decode_picture(encoded)
    if picture is None:
        raise KnownError(f"{path} is not a picture.")
    return picture


def decode_picture(encoded: NDArray[np.uint8]) -> Picture | None:
    """RGB pixels of an encoded picture as they lie, without EXIF's turn; None when it is not a picture.

    A fourth channel, the opacity, is kept where something in the picture is transparent.
    """
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    picture = cv2.imdecode(encoded, flags) if len(encoded) else None
    if picture is not None and (picture.ndim == 2 or picture.dtype != np.uint8):  # grey, 16 bits, …
        picture = cv2.imdecode(encoded, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        return None
    if picture.shape[2] == 4 and picture[..., 3].min() < 255:
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA), np.uint8)
    return np.asarray(cv2.cvtColor(picture[..., :3], cv2.COLOR_BGR2RGB), np.uint8)


@dataclass(frozen=True, slots=True)
class PoseData:
    """N labelled people; a picture with several people occurs several times.

    images: N pictures uint8 (H, W, 3 or 4) RGB of any size, with opacity where people are cut out. joints:
    float64 (N, J, 2) px, NaN = not labelled. visible: bool (N, J). boxes: float64 (N, 4) x1, y1, x2, y2 px
    around the person. skeleton: name of the skeleton whose joints these are. names: N names, by which a list
    can say something about a person. heads: float64 (N,) px, the size of the head that the data set states,
    NaN where it does not; None: nowhere.
    """

    images: Sequence[Picture]
    joints: NDArray[np.float64]
    visible: NDArray[np.bool_]
    boxes: NDArray[np.float64]
    skeleton: str
    names: tuple[str, ...] = ()
    heads: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.images)

    @property
    def joint_names(self) -> tuple[str, ...]:
        return load_skeleton(self.skeleton).joints

    def require(self, skeleton: Skeleton) -> None:
        """Raises KnownError unless the labels have the joints of `skeleton`, in its order."""
        if self.joint_names != skeleton.joints:
            raise KnownError(
                f"The labels' {len(self.joint_names)} joints are not those of skeleton {skeleton.name}.",
                hint=f"Expected in this order: {', '.join(skeleton.joints)}.",
            )


def people(
    pictures: Iterable[Picture | Path],
    keypoints: NDArray[np.floating],
    boxes: NDArray[np.floating] | None,
    joint_names: Sequence[str],
    names: Iterable[str],
    heads: NDArray[np.floating] | None = None,
) -> PoseData:
    """PoseData of keypoints (N, J, 3) x px, y px, visible > 0, in the order of `joint_names`.

    The joints may stand in any order; people without any are left out. A box (N, 4) that is not one (NaN, or
    without area) is made from the joints. Raises KnownError when the joints are no skeleton's or nobody is
    left.
    """
    skeleton, order = skeleton_of(joint_names)
    keypoints = np.asarray(keypoints, np.float64).reshape(-1, len(joint_names), 3)[:, order]
    visible = (keypoints[..., 2] > 0) & np.isfinite(keypoints[..., :2]).all(-1)
    kept = np.flatnonzero(visible.any(1))
    if not len(kept):
        raise KnownError("The data have nobody with labelled joints.")
    joints = np.where(visible[..., None], keypoints[..., :2], np.nan)[kept]
    around = person_boxes(joints)
    if boxes is not None:
        own = np.asarray(boxes, np.float64)[kept]
        sound = np.isfinite(own).all(1) & (own[:, 2:] > own[:, :2]).all(1)
        around = np.where(sound[:, None], own, around)
    pictures, names = tuple(pictures), tuple(names)
    return PoseData(
        Pictures(tuple(pictures[i] for i in kept)),
        joints,
        visible[kept],
        around,
        skeleton,
        tuple(names[i] for i in kept),
        None if heads is None else np.asarray(heads, np.float64)[kept],
    )


def skeleton_of(joint_names: Sequence[str]) -> tuple[str, list[int]]:
    """The skeleton with these joints, and the place of each of its joints among the names.

    Raises KnownError when no skeleton has them.
    """
    given = [str(name).replace("_", " ").lower() for name in joint_names]
    for name in skeleton_names():
        joints = load_skeleton(name).joints
        if sorted(joints) == sorted(given):
            return name, [given.index(joint) for joint in joints]
    raise KnownError(
        f"No skeleton has these {len(given)} joints: {', '.join(given) or 'none'}.",
        hint=f"Known skeletons: {', '.join(skeleton_names())}.",
    )


def person_boxes(joints: NDArray[np.float64], margin: float = BOX_MARGIN) -> NDArray[np.float64]:
    """Boxes (N, 4) around labelled joints (N, J, 2), grown on each side by `margin` of the longer side."""
    low, high = np.nanmin(joints, -2), np.nanmax(joints, -2)
    grow = margin * np.max(high - low, -1, keepdims=True)
    return np.concatenate([low - grow, high + grow], -1)


def in_skeleton(data: PoseData, skeleton: str) -> PoseData:
    """The same people with the joints of another skeleton; joints the data do not have are masked.

    A joint that could only be the mean of others is masked too: it would teach another place than the labels
    of data sets that have it (the middle of the shoulders lies 0.13 torso lengths from LSP's neck: median
    over `lspet/train`).
    """
    if data.skeleton == skeleton:
        return data
    target = load_skeleton(skeleton)
    sources = joint_sources(load_skeleton(data.skeleton), target)
    mapped = map_keypoints(
        np.concatenate([data.joints, data.visible[..., None]], -1).astype(np.float32), data.skeleton, skeleton
    )
    single = np.array([len(sources.get(joint, ())) == 1 for joint in target.joints])
    visible = (mapped[..., 2] > 0) & single
    joints = np.where(visible[..., None], mapped[..., :2], np.nan).astype(np.float64)
    return replace(data, joints=joints, visible=visible, skeleton=skeleton)


def select(data: PoseData, chosen: NDArray[np.integer] | Sequence[int]) -> PoseData:
    """The people at these indices."""
    chosen = np.asarray(chosen, np.int64)
    items = _items(data)
    return replace(
        data,
        images=Pictures(tuple(items[i] for i in chosen)),
        joints=data.joints[chosen],
        visible=data.visible[chosen],
        boxes=data.boxes[chosen],
        names=tuple(data.names[i] for i in chosen) if data.names else (),
        heads=None if data.heads is None else data.heads[chosen],
    )


def join(parts: Sequence[PoseData]) -> PoseData:
    """All people of several sets, in order; ValueError unless all have one skeleton (`in_skeleton`)."""
    if len({part.skeleton for part in parts}) != 1:
        raise ValueError(f"not one skeleton: {[part.skeleton for part in parts]}")
    if len(parts) == 1:
        return parts[0]
    named = all(part.names for part in parts)
    heads = [np.full(len(part), np.nan) if part.heads is None else part.heads for part in parts]
    return PoseData(
        Pictures(tuple(item for part in parts for item in _items(part))),
        np.concatenate([part.joints for part in parts]),
        np.concatenate([part.visible for part in parts]),
        np.concatenate([part.boxes for part in parts]),
        parts[0].skeleton,
        tuple(name for part in parts for name in part.names) if named else (),
        np.concatenate(heads) if any(part.heads is not None for part in parts) else None,
    )


def _items(data: PoseData) -> Sequence[Picture | Path]:
    return data.images.items if isinstance(data.images, Pictures) else data.images
