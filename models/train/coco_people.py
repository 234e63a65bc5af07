"""People of COCO keypoint annotations (Lin et al., ECCV 2014), chosen and boxed as published HRNet code does.

Left out are crowds, people without labelled joints and boxes without area. A box is clipped to the picture
with whole-pixel ends: x2 = min(width - 1, x1 + max(0, w - 1)). Occluded joints (v = 1) count as labelled.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.train.pose_data import PoseData, people, person_boxes, skeleton_of


@dataclass(frozen=True, slots=True)
class CocoRecords:
    """The people of one annotation file that count.

    content: the JSON's own objects. images, files: those of the part that is read, and where their pictures
    lie, by id (a picture without people who count may be absent). annotations: N. keypoints: float64
    (N, J, 3) in the order of `joint_names`. boxes: float64 (N, 4) x1, y1, x2, y2 px. categories: ids of
    people and, where a labelling tool tells them apart, of all kinds of people.
    """

    content: dict[str, Any]
    images: dict[int, dict[str, Any]]
    files: dict[int, Path]
    annotations: list[dict[str, Any]]
    keypoints: NDArray[np.float64]
    boxes: NDArray[np.float64]
    joint_names: tuple[str, ...]
    categories: frozenset[int]

    def people(self) -> PoseData:
        """As data to train and evaluate on; a person's name is the annotation's number."""
        pictures = [self.files[annotation["image_id"]] for annotation in self.annotations]
        names = [str(annotation["id"]) for annotation in self.annotations]
        return people(pictures, self.keypoints, self.boxes, self.joint_names, names)

    def first(self, people: int | None) -> CocoRecords:
        """Only the first so many people who count, and their pictures."""
        if people is None:
            return self
        annotations = self.annotations[:people]
        own = dict.fromkeys(int(annotation["image_id"]) for annotation in annotations)
        return replace(
            self,
            images={image: self.images[image] for image in own},
            files={image: self.files[image] for image in own},
            annotations=annotations,
            keypoints=self.keypoints[:people],
            boxes=self.boxes[:people],
        )


def annotation_file(folder: Path, split: str) -> Path | None:
    """The COCO keypoint file of a split in a folder, by its published or a plain name, if there is one."""
    places = [folder / "annotations", folder]
    years = ("", "2017", "2014")
    named = [
        place / f"{stem}{split}{year}.json"
        for place in places
        for stem in ("person_keypoints_", "")
        for year in years
    ]
    whole = [place / f"{stem}.json" for place in places for stem in ("person_keypoints", "annotations")]
    return next((path for path in [*named, *whole] if path.is_file()), None)


def read_coco(path: Path, split: str | None = None) -> CocoRecords:
    """Records of a file in COCO keypoint format.

    split: only images that say so themselves (`split`: "train2017" belongs to "train"); None, "all" and files
    whose images do not say anything: all. Raises KnownError when the file or pictures are missing or the file
    has another layout.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        joint_names, categories = _joints(content["categories"])
        images = {
            int(image["id"]): image for image in content["images"] if _in_split(image.get("split"), split)
        }
        if not images:
            known = sorted({str(image.get("split")) for image in content["images"]})
            raise KnownError(
                f"{path} has no pictures of '{split}'.",
                hint=f"Its parts: {', '.join(known) or 'none'}; or 'all'.",
            )
        chosen = [
            annotation
            for annotation in content["annotations"]
            if annotation["category_id"] in categories
            and annotation["image_id"] in images
            and not annotation.get("iscrowd", 0)
            and any(annotation.get("keypoints") or ())
        ]
        boxes = np.array([_box(a, images[a["image_id"]]) for a in chosen], np.float64).reshape(-1, 4)
        # `area` is what the published code asks for; people who label rarely write it
        sound = (boxes[:, 2:] >= boxes[:, :2]).all(1) & np.array([a.get("area", 1) > 0 for a in chosen], bool)
        chosen = [annotation for annotation, good in zip(chosen, sound, strict=True) if good]
        keypoints = np.array([a["keypoints"] for a in chosen], np.float64).reshape(-1, len(joint_names), 3)
        file_names = {number: str(image["file_name"]) for number, image in images.items()}
    except OSError as error:
        raise KnownError(f"Cannot read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KnownError(
            f"{path} is not a COCO keypoint file: {type(error).__name__} {error}.",
            hint="It needs images, annotations with keypoints, and a category that names the joints.",
        ) from error
    splits = {str(image.get("split", "")) for image in images.values()}
    files = _find_pictures(path, file_names, splits)
    missing = [n for n in dict.fromkeys(a["image_id"] for a in chosen) if n not in files]
    if missing:
        raise KnownError(
            f"{len(missing)} pictures of {path} are missing, first: {file_names[missing[0]]}.",
            hint="They belong into a folder 'images' beside the file or above its folder.",
        )
    return CocoRecords(content, images, files, chosen, keypoints, boxes[sound], joint_names, categories)


def _joints(categories: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], frozenset[int]]:
    """Names of the joints of the first category that has some, and all categories with the same."""
    with_joints = [category for category in categories if category.get("keypoints")]
    if not with_joints:
        raise KeyError("no category with keypoints")
    names = tuple(str(name) for name in with_joints[0]["keypoints"])
    skeleton_of(names)
    return names, frozenset(int(c["id"]) for c in with_joints if tuple(c["keypoints"]) == names)


def _in_split(own: object, split: str | None) -> bool:
    return (
        split in (None, "all")
        or own is None
        or str(own).rstrip("0123456789") == str(split).rstrip("0123456789")
    )


def _box(annotation: dict[str, Any], image: dict[str, Any]) -> tuple[float, float, float, float]:
    keypoints = np.reshape(np.asarray(annotation["keypoints"], np.float64), (-1, 3))
    if annotation.get("bbox") is None:
        seen = keypoints[keypoints[:, 2] > 0, :2]
        x1, y1, x2, y2 = (float(end) for end in person_boxes(seen))
        return x1, y1, x2, y2
    x, y, w, h = (float(number) for number in annotation["bbox"])
    x1, y1 = max(0.0, x), max(0.0, y)
    x2 = min(float(image["width"]) - 1, x1 + max(0.0, w - 1))
    y2 = min(float(image["height"]) - 1, y1 + max(0.0, h - 1))
    return x1, y1, x2, y2


def _find_pictures(path: Path, file_names: dict[int, str], splits: set[str]) -> dict[int, Path]:
    """Where the pictures lie, by id: in `images` or its folder of the split, beside the file or above it."""
    roots = [path.parent, path.parent.parent] if path.parent.name == "annotations" else [path.parent]
    parts = [part for part in (path.stem.rpartition("_")[2], *sorted(splits)) if part]
    inner = [".", *parts, "images", *(f"images/{part}" for part in parts)]
    folders = [root / name for root in roots for name in inner]
    listed: dict[Path, frozenset[str]] = {}

    def holds(folder: Path, name: str) -> bool:
        inside = (folder / name).parent
        if (
            inside not in listed
        ):  # one look into a folder of 100,000 pictures is cheap, one per picture is not
            listed[inside] = frozenset(p.name for p in inside.iterdir()) if inside.is_dir() else frozenset()
        return Path(name).name in listed[inside]

    found = {}
    for number, name in file_names.items():
        folder = next((folder for folder in folders if holds(folder, name)), None)
        if folder is not None:
            found[number] = folder / name
    return found
