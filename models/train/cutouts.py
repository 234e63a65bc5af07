"""Cuts people out of photographs: a mask per picture, from the joints and the colours.

Why it exists: a detector learns from people pasted on other backgrounds only when no rim of the old
background comes along. The joints say where the person surely is (thin limbs, the trunk) and surely is not
(far from every limb); GrabCut (Rother et al., SIGGRAPH 2004) settles the rest by colour. Masks are kept
beside the training, since cutting out takes about 20 ms a picture. Convention: masks uint8, 0..255, soft at
the edge; limbs by the joints' names, so any skeleton with shoulders, hips, knees and ankles works.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]

SIDE_PX = (
    96  # the longer side of the person's surroundings while it is cut out; masks are stored in this size
)
LEAST_JOINTS = 6  # of a person who can be cut out
WORKERS = 5
_SURE, _LIKELY, _POSSIBLE = 0.10, 0.24, 0.50  # radii around the limbs, in torso lengths
_ROUNDS = 3
_LIMBS = (
    ("ankle", "knee"),
    ("knee", "hip"),
    ("hip", "shoulder"),
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
)
_HEADS = ("head top", "head", "nose")


def load_cutouts(
    images: Sequence[Image], joints: NDArray[np.floating], names: Sequence[str], kept_in: Sequence[Path]
) -> list[Image]:
    """Masks (H, W) as large as each of `images` (H, W, 3), whose people have `joints` (N, J, 2).

    kept_in: files that may hold them; if none does, they are made and written to the last one. A picture with
    fewer than six joints gets an empty mask. Raises KnownError when the last file cannot be written.
    """
    digest = hashlib.sha256(np.round(joints).astype(np.float32).tobytes()).hexdigest()
    rows = next((bits for path in kept_in if (bits := _read(path, digest)) is not None), None)
    if rows is None:
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:  # GrabCut leaves the interpreter free
            rows = np.stack(list(pool.map(lambda k: _bits(images[k], joints[k], names), range(len(images)))))
        try:
            np.savez_compressed(kept_in[-1], digest=np.array(digest), bits=rows)
        except OSError as error:
            raise KnownError(f"The masks cannot be kept in {kept_in[-1]}: {error.strerror}.") from error
    return [_whole(image, points, bits) for image, points, bits in zip(images, joints, rows, strict=True)]


def _read(path: Path, digest: str) -> NDArray[np.uint8] | None:
    """The masks in a file, if they were made for these joints."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            return np.asarray(kept["bits"], np.uint8) if str(kept["digest"]) == digest else None
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _bits(image: Image, joints: NDArray[np.floating], names: Sequence[str]) -> NDArray[np.uint8]:
    if np.isfinite(joints).all(axis=1).sum() < LEAST_JOINTS:
        return np.zeros(SIDE_PX * SIDE_PX // 8, dtype=np.uint8)
    mask = cut_out(image, joints, names)
    return np.packbits(cv2.resize(mask, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_NEAREST) > 0)


def _whole(image: Image, joints: NDArray[np.floating], bits: NDArray[np.uint8]) -> Image:
    mask = np.zeros(image.shape[:2], dtype=np.uint8)
    if bits.any():
        x1, y1, x2, y2 = surroundings(joints, mask.shape)
        square = np.unpackbits(bits).reshape(SIDE_PX, SIDE_PX) * np.uint8(255)
        part = cv2.resize(square, (x2 - x1, y2 - y1), interpolation=cv2.INTER_LINEAR)
        mask[y1:y2, x1:x2] = cv2.blur(part, (3, 3))
    return mask


def limbs_of(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of joints that a limb joins, by name; "right ankle"–"right knee", "neck"–"head top" and so on."""
    index = {name: k for k, name in enumerate(names)}
    pairs = [(f"{side} {a}", f"{side} {b}") for side in ("left", "right") for a, b in _LIMBS] + [
        ("left hip", "right hip"),
        ("left shoulder", "right shoulder"),
        ("left hip", "right shoulder"),
        ("right hip", "left shoulder"),
        ("neck", "left shoulder"),
        ("neck", "right shoulder"),
        *(("neck", head) for head in _HEADS),
    ]
    return [(index[a], index[b]) for a, b in pairs if a in index and b in index]


def surroundings(joints: NDArray[np.floating], shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 of the part of a picture that is cut out: the joints and a quarter of their extent."""
    known = joints[np.isfinite(joints).all(axis=1)]
    low, high = known.min(axis=0), known.max(axis=0)
    margin = 0.25 * float((high - low).max()) + 4
    x1, y1 = np.clip(low - margin, 0, [shape[1] - 2, shape[0] - 2]).astype(int)
    x2, y2 = np.clip(high + margin + 1, [x1 + 2, y1 + 2], [shape[1], shape[0]]).astype(int)
    return int(x1), int(y1), int(x2), int(y2)


def cut_out(image: Image, joints: NDArray[np.floating], names: Sequence[str]) -> Image:
    """Mask of the `surroundings` of the person with `joints` (J, 2) px, NaN = not known, in `image`
    (H, W, 3); scaled to at most `SIDE_PX`."""
    x1, y1, x2, y2 = surroundings(joints, image.shape)
    scale = min(1.0, SIDE_PX / max(x2 - x1, y2 - y1))
    part = cv2.resize(image[y1:y2, x1:x2], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    points = ((joints - [x1, y1]) * scale).astype(np.float64)
    unit = _torso(points, names)
    sure, likely, possible = (
        _body(part.shape[:2], points, names, share * unit) for share in (_SURE, _LIKELY, _POSSIBLE)
    )
    labels = np.full(part.shape[:2], cv2.GC_BGD, dtype=np.uint8)
    labels[possible > 0] = cv2.GC_PR_BGD
    labels[likely > 0] = cv2.GC_PR_FGD
    labels[sure > 0] = cv2.GC_FGD
    mask = likely
    if (labels == cv2.GC_BGD).any():
        cv2.setRNGSeed(0)
        try:
            cv2.grabCut(
                part, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), _ROUNDS, cv2.GC_INIT_WITH_MASK
            )  # type: ignore[call-overload]
        except cv2.error:  # too few colours to tell apart
            pass
        else:
            person = np.where((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD), 255, 0).astype(np.uint8)
            person = cv2.morphologyEx(person, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) | sure
            person = _touching(person, sure)
            # colours that cannot be told apart give everything or nothing: then the thick limbs are better
            if 0.5 * likely.sum() < person.sum() < 1.6 * likely.sum():
                mask = person
    return mask


def _torso(points: NDArray[np.float64], names: Sequence[str]) -> float:
    """Length of the torso in px; without shoulders and hips a share of the person's extent."""

    def middle(part: str) -> NDArray[np.float64]:
        rows = points[[part in name for name in names]]
        rows = rows[np.isfinite(rows).all(axis=1)]
        return rows.mean(axis=0) if len(rows) else np.full(2, np.nan)

    known = points[np.isfinite(points).all(axis=1)]
    extent = float(np.ptp(known, axis=0).max())
    length = float(np.linalg.norm(middle("shoulder") - middle("hip")))
    # a torso seen from its end looks short, and is as thick as ever
    return float(np.clip(length, 0.22 * extent, 0.45 * extent)) if np.isfinite(length) else 0.3 * extent


def _body(shape: tuple[int, ...], points: NDArray[np.float64], names: Sequence[str], radius: float) -> Image:
    """Thick limbs, the trunk and a round head."""
    mask = np.zeros(shape[:2], dtype=np.uint8)
    known = np.isfinite(points).all(axis=1)
    thickness = max(1, round(2 * radius))
    whole = {k: (round(float(points[k, 0])), round(float(points[k, 1]))) for k in np.flatnonzero(known)}
    for a, b in limbs_of(names):
        if known[a] and known[b]:
            cv2.line(mask, whole[a], whole[b], 255, thickness)
    for k in whole:
        cv2.circle(mask, whole[k], max(1, round(radius)), 255, -1)
    trunk = [whole[k] for k in whole if "hip" in names[k] or "shoulder" in names[k]]
    if len(trunk) >= 3:
        cv2.fillConvexPoly(mask, cv2.convexHull(np.array(trunk, dtype=np.int32)), 255)
    return mask


def _touching(mask: Image, seeds: Image) -> Image:
    """The connected parts of a mask that hold a seed."""
    count, parts = cv2.connectedComponents(mask)
    kept = np.zeros(count, dtype=np.uint8)
    kept[np.unique(parts[seeds > 0])] = 255
    kept[0] = 0
    return np.asarray(kept[parts], dtype=np.uint8)
