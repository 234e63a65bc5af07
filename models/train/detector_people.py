"""People to compose scenes of: pictures with a mask, from photographs with joints and from renderings.

Convention: pictures uint8 (H, W, 4) RGB and mask; a photograph keeps its surroundings under the mask, a
rendering (a picture that came with transparency) has none.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.train.cutouts import load_cutouts

Image = NDArray[np.uint8]

_SOLID = 127  # of a mask's 0..255: from here on a pixel belongs to the person


@dataclass(frozen=True, slots=True)
class Person:
    """picture: uint8 (H, W, 4), RGB and mask. box: x1, y1, x2, y2 px around the mask, half open.
    area_px: of the mask. photograph: the rest of the picture shows where the person really was."""

    picture: Image
    box: tuple[int, int, int, int]
    area_px: int
    photograph: bool
    upright: bool

    @property
    def cutout(self) -> Image:
        """The part of the picture inside the box."""
        x1, y1, x2, y2 = self.box
        return self.picture[y1:y2, x1:x2]


def person_of(picture: Image, *, photograph: bool, upright: bool) -> Person | None:
    """A person from a picture with its mask; None when the mask is next to empty."""
    solid = picture[..., 3] > _SOLID
    columns, rows = np.flatnonzero(solid.any(axis=0)), np.flatnonzero(solid.any(axis=1))
    if len(columns) < 8 or len(rows) < 8:
        return None
    box = (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    return Person(picture, box, int(solid.sum()), photograph, upright)


def load_people(sets: Sequence[Path], kept_in: Path, held_back: int) -> list[Person]:
    """The people of several data sets: files NAME.npz in the layout of `models.train.lspet`.

    kept_in: a folder for the masks of photographs; masks that lie beside a set (`NAME.masks.npz`) are used.
    held_back: photographs at the beginning of each set that are left out, for choosing thresholds.
    """
    people: list[Person] = []
    for path in sets:
        images, joints, names = _read_set(path)
        photographs = [k for k, image in enumerate(images) if image.shape[2] == 3]
        if photographs:
            places = [path.with_suffix(".masks.npz"), kept_in / f"{path.stem}.masks.npz"]
            masks = load_cutouts([images[k] for k in photographs], joints[photographs], names, places)
            for k, mask in zip(photographs, masks, strict=True):
                images[k] = np.dstack([images[k], mask])
        left_out = frozenset(photographs[:held_back])
        real = frozenset(photographs)
        for k, picture in enumerate(images):
            person = None
            if k not in left_out:
                person = person_of(picture, photograph=k in real, upright=is_upright(joints[k], names))
            if person is not None:
                people.append(person)
    if not people:
        raise KnownError(f"There is nobody in {', '.join(str(path) for path in sets)}.")
    return people


def _read_set(path: Path) -> tuple[list[Image], NDArray[np.float64], list[str]]:
    """Pictures uint8 (H, W, 3), or (H, W, 4) where they have transparency; joints (N, J, 2), NaN = unknown;
    names of the joints."""
    try:
        with np.load(path, allow_pickle=False) as data:
            names, shards = [str(name) for name in data["name"]], {str(shard) for shard in data["shard"]}
            keypoints = data["keypoints"].astype(np.float64)
            joint_names = [str(name).replace("_", " ") for name in data["joint_names"]]
            if "alone" in data:  # a mask around two people, or a person and a thing, would give a wrong box
                names = [name for name, alone in zip(names, data["alone"], strict=True) if alone]
                keypoints = keypoints[data["alone"]]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise KnownError(
            f"{path} is no set of pictures: {error}.",
            hint="Expected NAME.npz (name, keypoints, shard, joint_names) beside tar files of pictures.",
        ) from error
    files: dict[str, bytes] = {}
    for shard in sorted(shards):
        try:
            with tarfile.open(path.parent / shard, "r:") as tar:
                for member in tar:
                    handle = tar.extractfile(member)
                    if handle is not None:
                        files[member.name] = files[Path(member.name).stem] = handle.read()
        except (OSError, tarfile.TarError) as error:
            raise KnownError(f"Cannot read {path.parent / shard}: {error}.") from error
    encoded = [files.get(name, files.get(Path(name).stem)) for name in names]
    with ThreadPoolExecutor() as pool:  # decoding leaves the interpreter free
        images = list(pool.map(_decode, encoded))
    missing = [name for name, image in zip(names, images, strict=True) if image is None]
    if missing:
        raise KnownError(
            f"{len(missing)} pictures of {path.name} are not in its tar files, first: {missing[0]}."
        )
    joints = np.where(keypoints[..., 2:] > 0, keypoints[..., :2], np.nan)
    return [image for image in images if image is not None], joints, joint_names


def _decode(content: bytes | None) -> Image | None:
    if content is None:
        return None
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        return None
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(
        cv2.cvtColor(image, cv2.COLOR_BGRA2RGBA if image.shape[2] == 4 else cv2.COLOR_BGR2RGB), np.uint8
    )


def load_textures(archive: Path, every: int = 4) -> list[Image]:
    """Small pictures without people (CIFAR-10 as tar.gz of class/name.jpg), used magnified as backgrounds.

    every: one of so many is read; the rest would take memory and time and add little."""
    textures: list[Image] = []
    try:
        with tarfile.open(archive, "r:gz") as tar:
            usable = (
                m for m in tar if m.isfile() and Path(m.name).parent.name != "horse"
            )  # they carry riders
            for number, member in enumerate(usable):
                if number % every:
                    continue
                file = tar.extractfile(member)
                image = _decode(None if file is None else file.read())
                if image is not None:
                    textures.append(np.ascontiguousarray(image[..., :3]))
    except (OSError, tarfile.TarError) as error:
        raise KnownError(
            f"{archive} cannot be read: {error}", hint="It must be a tar.gz of JPEG files."
        ) from error
    if not textures:
        raise KnownError(f"There are no pictures in {archive}.")
    return textures


def is_upright(joints: NDArray[np.float64], names: Sequence[str]) -> bool:
    """Head or neck well above the hips, hips above the knees. joints: (J, 2) px, NaN = not labelled."""
    height = {part: joints[[part in name for name in names], 1] for part in ("head", "neck", "hip", "knee")}
    head = np.concatenate([height["head"], height["neck"]])
    if not all(np.isfinite(values).any() for values in (head, height["hip"], height["knee"])):
        return False
    extent = float(np.nanmax(joints[:, 1]) - np.nanmin(joints[:, 1]))
    torso = np.nanmean(height["hip"]) - np.nanmean(head)
    thigh = np.nanmean(height["knee"]) - np.nanmean(height["hip"])
    return bool(torso > 0.25 * extent and thigh > 0.08 * extent)
