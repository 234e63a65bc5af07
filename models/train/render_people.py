"""Rendered people as training data for the pose network: `NAME.npz` beside tar files of WebP with alpha.

The layout is that of `models.train.lspet` (joints in the order of skeleton body19), which can read it, too;
the alpha channel lets a training put each person on other backgrounds. Besides the lspet keys
`NAME.npz` holds `covered` (N, 19) bool (something lies in front of the joint), `box` (N, 4) float32 x1, y1,
x2, y2 px of what is seen of the person, `alone` (N,) bool (nothing else is in the picture), and how
they were made: `seed`, `side`, `close`. A stopped run goes on after its last complete tar.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.train.detector_people import load_textures
from models.train.human_crop import PersonCrop, random_crop
from models.train.human_mesh import read_makehuman
from models.train.human_picture import CLOSE_CELL_M, JOINTS, WHOLE_CELL_M, prepare
from models.train.mocap import HELD_OUT_SUBJECTS, load_mocap

SIDE_PX = 192
WEBP_QUALITY = 88
PER_TAR = 500
_PER_PICTURE = ("name", "keypoints", "size", "shard", "covered", "box", "alone")


def render_people(
    makehuman: Path,
    mocap: Path,
    textures: Path,
    out: Path,
    count: int,
    seed: int = 0,
    name: str = "people",
    side_px: int = SIDE_PX,
    *,
    close: bool = False,
) -> Iterator[Progress]:
    """Write `count` people to `out`; yields after each tar. Held-out subjects of the mocap are left out.

    close: part of each person fills the picture, mostly the upper body; joints outside are not labelled.
    Picture i depends on `seed` and i only. Raises KnownError when a source cannot be read, or when `out`
    holds a set of this name made in another way.
    """
    out.mkdir(parents=True, exist_ok=True)
    made = {"seed": seed, "side": side_px, "close": int(close)}
    labels = _complete(out / f"{name}.npz", made, count)
    done = len(labels["name"]) if labels else 0
    if done >= count:
        yield Progress(done, count, "complete")
        return
    figure = prepare(read_makehuman(makehuman), CLOSE_CELL_M if close else WHOLE_CELL_M)
    motions = load_mocap(mocap).select(HELD_OUT_SUBJECTS, keep=False)
    pictures = load_textures(textures, every=8)  # the archive is sorted by class: take of each
    while done < count:
        numbers = range(done, min(count, done + PER_TAR))
        shard = f"{name}-{done // PER_TAR:02d}.tar"
        crops = []
        for number in numbers:
            rng = np.random.default_rng([seed, number])
            crops.append(random_crop(figure, motions, pictures, rng, side_px, close=close))
            if number % 50 == 0:
                yield Progress(number, count, f"{name} {number}")
        names = [f"{number:05d}" for number in numbers]
        _write_tar(out / shard, {n: _webp(crop.image) for n, crop in zip(names, crops, strict=True)})
        part = _labels(names, crops, shard, side_px)
        labels = {key: np.concatenate([labels[key], part[key]]) for key in part} if labels else part
        _write_labels(out / f"{name}.npz", labels, made)
        done = numbers.stop
        yield Progress(done, count, shard)


def _labels(
    names: list[str], crops: list[PersonCrop], shard: str, side_px: int
) -> dict[str, NDArray[np.generic]]:
    return {
        "name": np.array(names),
        "keypoints": np.stack([crop.keypoints for crop in crops]),
        "size": np.full((len(crops), 2), side_px, np.int32),
        "shard": np.array([shard] * len(crops)),
        "covered": np.stack([crop.covered for crop in crops]),
        "box": np.stack([crop.box for crop in crops]),
        "alone": np.array([crop.alone for crop in crops]),
    }


def _complete(path: Path, made: dict[str, int], count: int) -> dict[str, NDArray[np.generic]] | None:
    """Labels an earlier run left: all if it finished, else those of complete tars; None if there are none."""
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as data:
            other = {key: int(data[key]) for key in made}
            found = len(data["name"])
            keep = found if found >= count else found // PER_TAR * PER_TAR
            labels = {key: data[key][:keep] for key in _PER_PICTURE}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise KnownError(
            f"{path} is not a set of rendered people: {error}.", hint="Give another --out or --name."
        ) from error
    if other != made:
        was = ", ".join(f"{key} {value}" for key, value in other.items())
        raise KnownError(
            f"{path} was made with {was}.", hint="Give the same options, or another --out or --name."
        )
    return labels if keep else None


def _write_labels(path: Path, labels: dict[str, NDArray[np.generic]], made: dict[str, int]) -> None:
    part = path.with_suffix(".npz.part")
    joint_names = np.array([joint.replace(" ", "_") for joint in JOINTS])
    with part.open("wb") as file:
        np.savez_compressed(file, **labels, **made, joint_names=joint_names)
    part.replace(path)


def _write_tar(path: Path, pictures: dict[str, bytes]) -> None:
    part = path.with_suffix(".tar.part")
    with tarfile.open(part, "w:") as tar:
        for name, data in pictures.items():
            member = tarfile.TarInfo(f"{name}.webp")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    part.replace(path)


def _webp(image: NDArray[np.uint8]) -> bytes:
    ok, data = cv2.imencode(
        ".webp", cv2.cvtColor(image, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]
    )
    assert ok
    return data.tobytes()
