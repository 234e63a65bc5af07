"""Recall, precision and false boxes of a person detector on labelled pictures.

A person is found when a box overlaps theirs by IoU ≥ 0.5; each box finds one person at most, the best-scored
first. AP50 is the mean precision over recall 0, 0.01, …, 1 of all boxes in order of their score (COCO's
definition; pycocotools gives the same number up to its limit of 100 boxes). Two layouts: `models.train.lspet`
(one labelled person a picture: other people count as false, so precision and AP50 are lower bounds) and COCO
(boxes on crowds count neither way).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.run.detect import PersonFinder, overlaps
from models.train.lspet import load_pose_data

THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)
LEAST_OVERLAP = 0.5
IN_CROWD = 0.5  # share of a box that lies on a crowd: then it counts neither way

Boxes = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class _Picture:
    """found: (N, 5) best first; people: (M, 4); crowds: (K, 4); longest_px: of the picture's sides.
    groups: names of the sets to which each person (M) belongs, besides those by size."""

    found: Boxes
    people: Boxes
    crowds: Boxes
    longest_px: int
    groups: tuple[frozenset[str], ...]


def evaluate_detector(
    data: Path | str, split: str, finder: PersonFinder, limit: int | None = None
) -> dict[str, Any]:
    """Scores at several thresholds, ready for JSON. data: a folder with `split.npz`, or a COCO JSON file (or
    a folder with one)."""
    path = Path(data)
    if path.is_dir() and not (path / f"{split}.npz").exists() and (path / "person_keypoints.json").exists():
        path = path / "person_keypoints.json"
    is_coco = path.suffix == ".json"
    pictures = list(_coco(path, finder, limit) if is_coco else _lspet(path, split, finder, limit))
    if not pictures:
        raise KnownError(f"There are no labelled pictures in {path}.")
    rows = {f"{threshold:g}": _scores(pictures, threshold) for threshold in THRESHOLDS}
    return {
        "data": path.name if is_coco else split,
        "pictures": len(pictures),
        "people": sum(len(picture.people) for picture in pictures),
        "AP50": average_precision(pictures),
        "thresholds": rows,
    }


def _scores(pictures: Sequence[_Picture], threshold: float) -> dict[str, Any]:
    """Recall of everybody and of each group, false boxes and precision at one threshold."""
    hits: dict[str, list[bool]] = {}
    right = false = 0
    for picture in pictures:
        boxes = picture.found[picture.found[:, 4] >= threshold]
        hit, wrong = match(boxes, picture.people)
        wrong = _outside_crowds(boxes, wrong, picture.crowds)
        right, false = right + int(hit.sum()), false + len(wrong)
        for person, found, groups in zip(picture.people, hit, picture.groups, strict=True):
            share = float((person[2:] - person[:2]).max()) / picture.longest_px
            for group in {"recall", f"recall, {_size_name(share)}", *(f"recall, {g}" for g in groups)}:
                hits.setdefault(group, []).append(bool(found))
    recalls = {group: round(float(np.mean(found)), 4) for group, found in sorted(hits.items())}
    return {
        **recalls,
        "precision": round(right / (right + false), 4) if right + false else None,
        "false boxes per picture": round(false / len(pictures), 3),
    }


def _size_name(share: float) -> str:
    """share: the person's longer side as a share of the picture's."""
    if share < 0.1:
        return "under 1/10 of the picture"
    return "1/10 to 1/4 of the picture" if share < 0.25 else "over 1/4 of the picture"


def average_precision(pictures: Sequence[_Picture]) -> float | None:
    """AP at IoU 0.5 over all pictures; None when they show nobody."""
    people = sum(len(picture.people) for picture in pictures)
    if not people:
        return None
    rows: list[tuple[float, bool]] = []
    for picture in pictures:
        _, wrong = match(picture.found, picture.people)
        counted = set(_outside_crowds(picture.found, wrong, picture.crowds).tolist())
        missed = set(wrong.tolist())
        for k, score in enumerate(picture.found[:, 4]):
            if k not in missed or k in counted:
                rows.append((float(score), k not in missed))
    if not rows:
        return 0.0
    right = np.array([good for _, good in sorted(rows, key=lambda row: -row[0])])
    found = np.cumsum(right)
    precision = np.maximum.accumulate((found / np.arange(1, len(right) + 1))[::-1])[::-1]
    at = np.searchsorted(found / people, np.linspace(0, 1, 101) - 1e-9)
    return round(float(np.append(precision, 0.0)[np.minimum(at, len(right))].mean()), 4)


def match(boxes: Boxes, people: Boxes) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which people are found (M,), and the indices of boxes (best first) that found nobody."""
    shared = overlaps(boxes, people)
    hit = np.zeros(len(people), dtype=np.bool_)
    wrong = []
    for box in range(len(boxes)):
        free = np.flatnonzero((shared[box] >= LEAST_OVERLAP) & ~hit)
        if len(free):
            hit[free[np.argmax(shared[box, free])]] = True
        else:
            wrong.append(box)
    return hit, np.array(wrong, dtype=np.int64)


def _outside_crowds(boxes: Boxes, wrong: NDArray[np.int64], crowds: Boxes) -> NDArray[np.int64]:
    """Those of the boxes `wrong` that do not lie on a crowd."""
    if not len(wrong) or not len(crowds):
        return wrong
    mine = boxes[wrong, None, :4]
    inner = np.minimum(mine[..., 2:], crowds[None, :, 2:]) - np.maximum(mine[..., :2], crowds[None, :, :2])
    area = np.prod(mine[..., 2:] - mine[..., :2], axis=-1)
    covered = np.prod(np.clip(inner, 0, None), axis=-1) / np.maximum(area, 1e-9)
    return np.asarray(wrong[covered.max(axis=1) < IN_CROWD])


def _lspet(folder: Path, split: str, finder: PersonFinder, limit: int | None) -> Iterator[_Picture]:
    data = load_pose_data(folder, split, limit)
    inverted = _inverted(data.joints, data.joint_names)
    for image, box, upside_down in zip(data.images, data.boxes, inverted, strict=True):
        group = frozenset() if upside_down is None else frozenset({_POSTURE[upside_down]})
        none = np.zeros((0, 4))
        yield _Picture(finder.find(image), np.asarray(box)[None], none, max(image.shape[:2]), (group,))


_POSTURE = {False: "neck above hips", True: "neck below hips"}


def _inverted(joints: NDArray[np.float64], names: Sequence[str]) -> list[bool | None]:
    """Whether each person's neck is lower in the picture than their hips; None where one is not known.

    joints: (N, J, 2). Skeletons without a neck use the middle of the shoulders."""

    def height(part: str) -> NDArray[np.float64]:
        y = joints[:, [part in name for name in names], 1]
        known = np.isfinite(y)
        total = np.where(known, y, 0).sum(axis=1)
        return np.divide(total, known.sum(axis=1), out=np.full(len(y), np.nan), where=known.any(axis=1))

    below = height("neck" if any("neck" in name for name in names) else "shoulder") - height("hip")
    return [None if np.isnan(value) else bool(value > 0) for value in below]


def _coco(path: Path, finder: PersonFinder, limit: int | None) -> Iterator[_Picture]:
    try:
        content = json.loads(path.read_text("utf-8"))
        images, annotations = content["images"][:limit], content["annotations"]
        categories = {c["id"] for c in content.get("categories", []) if c["name"] == "person"}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KnownError(f"{path} is no COCO annotation file: {error}.") from error
    for entry in images:
        pixels = _picture(path, entry["file_name"])
        of_it = [a for a in annotations if a["image_id"] == entry["id"]]
        if categories:
            of_it = [a for a in of_it if a.get("category_id") in categories]
        known = _corners([a["bbox"] for a in of_it if not a.get("iscrowd", 0)])
        yield _Picture(
            finder.find(pixels),
            known,
            _corners([a["bbox"] for a in of_it if a.get("iscrowd", 0)]),
            max(pixels.shape[:2]),
            (frozenset(),) * len(known),
        )


def _picture(path: Path, name: str) -> NDArray[np.uint8]:
    """A picture beside an annotation file: in `images`, in the file's own folder, or in `../images`."""
    for folder in (path.parent / "images", path.parent, path.parent.parent / "images"):
        pixels = cv2.imread(str(folder / name), cv2.IMREAD_COLOR_RGB) if (folder / name).is_file() else None
        if pixels is not None:
            return np.asarray(pixels, dtype=np.uint8)
    raise KnownError(f"The picture {name} is missing beside {path.name}.", hint="Put it into 'images' there.")


def _corners(boxes: Sequence[Sequence[float]]) -> Boxes:
    """COCO's x, y, width, height → x1, y1, x2, y2."""
    found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
