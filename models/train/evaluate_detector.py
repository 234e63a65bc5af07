"""Recall and false boxes of a person detector on labelled pictures.

A person is found when a box overlaps theirs by IoU ≥ 0.5; each box finds one person at most, the best-scored
first. Two layouts: `models.train.lspet` (one labelled person a picture: other people count as false) and COCO
(`person_keypoints.json` with `images/` beside it: boxes on crowds do not count).
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

THRESHOLDS = (0.1, 0.15, 0.2, 0.3, 0.4)
LEAST_OVERLAP = 0.5
TALL_SHARE = 0.2  # of the longer side of the picture

Boxes = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class _Picture:
    """found: (N, 5) best first; people: (M, 4); crowds: (K, 4); longest_px: of the picture's sides."""

    found: Boxes
    people: Boxes
    crowds: Boxes
    longest_px: int


def evaluate_detector(
    data: Path | str, split: str, finder: PersonFinder, limit: int | None = None
) -> dict[str, Any]:
    """Scores at several thresholds, ready for JSON. data: a folder with `split.npz`, or a COCO JSON file."""
    path = Path(data)
    pictures = list(
        _coco(path, finder, limit) if path.suffix == ".json" else _lspet(path, split, finder, limit)
    )
    if not pictures:
        raise KnownError(f"There are no labelled pictures in {path}.")
    rows = {f"{threshold:g}": _scores(pictures, threshold) for threshold in THRESHOLDS}
    return {
        "data": path.name if path.suffix == ".json" else split,
        "pictures": len(pictures),
        "thresholds": rows,
    }


def _scores(pictures: Sequence[_Picture], threshold: float) -> dict[str, Any]:
    found = people = tall_found = tall = false = 0
    for picture in pictures:
        boxes = picture.found[picture.found[:, 4] >= threshold]
        hit, wrong = match(boxes, picture.people)
        if len(picture.crowds) and len(wrong):
            wrong = wrong[overlaps(boxes[wrong], picture.crowds).max(axis=1) <= 0.1]
        is_tall = picture.people[:, 3] - picture.people[:, 1] > TALL_SHARE * picture.longest_px
        found, people, false = found + int(hit.sum()), people + len(hit), false + len(wrong)
        tall_found, tall = tall_found + int(hit[is_tall].sum()), tall + int(is_tall.sum())
    return {
        "recall": round(found / people, 4) if people else None,
        "recall of people over a fifth of the picture": round(tall_found / tall, 4) if tall else None,
        "false boxes per picture": round(false / len(pictures), 3),
    }


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


def _lspet(folder: Path, split: str, finder: PersonFinder, limit: int | None) -> Iterator[_Picture]:
    data = load_pose_data(folder, split, limit)
    for image, box in zip(data.images, data.boxes, strict=True):
        yield _Picture(finder.find(image), np.asarray(box)[None], np.zeros((0, 4)), max(image.shape[:2]))


def _coco(path: Path, finder: PersonFinder, limit: int | None) -> Iterator[_Picture]:
    try:
        content = json.loads(path.read_text("utf-8"))
        images, annotations = content["images"][:limit], content["annotations"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KnownError(f"{path} is no COCO annotation file: {error}.") from error
    for entry in images:
        pixels = cv2.imread(str(path.parent / "images" / entry["file_name"]), cv2.IMREAD_COLOR_RGB)
        if pixels is None:
            raise KnownError(f"The picture {entry['file_name']} is missing beside {path.name}.")
        of_it = [a for a in annotations if a["image_id"] == entry["id"]]
        people = _corners([a["bbox"] for a in of_it if not a["iscrowd"]])
        crowds = _corners([a["bbox"] for a in of_it if a["iscrowd"]])
        yield _Picture(finder.find(np.asarray(pixels, dtype=np.uint8)), people, crowds, max(pixels.shape[:2]))


def _corners(boxes: Sequence[Sequence[float]]) -> Boxes:
    """COCO's x, y, width, height → x1, y1, x2, y2."""
    found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
    return np.concatenate([found[:, :2], found[:, :2] + found[:, 2:]], axis=1)
