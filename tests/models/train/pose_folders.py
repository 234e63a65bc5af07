"""Small data sets in the four layouts, drawn for tests: bright joints on black."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
from scipy.io import savemat

from models.domain.skeleton import load_skeleton

SIZE = (120, 140)  # height, width of every picture


def draw(joints: np.ndarray) -> np.ndarray:
    """A picture with a spot at each joint (J, 2 or 3)."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    for x, y in joints[:, :2]:
        cv2.circle(picture, (round(x), round(y)), 4, (255, 255, 255), -1)
    return picture


def encoded(joints: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", draw(joints))[1].tobytes()


def random_keypoints(n: int, joints: int, seed: int = 0) -> np.ndarray:
    """Keypoints (n, joints, 3) inside the picture, all visible."""
    xy = np.random.default_rng(seed).uniform(20, 100, (n, joints, 2))
    return np.concatenate([xy, np.ones((n, joints, 1))], -1)


def write_lsp(folder: Path, keypoints: np.ndarray, split: str = "val", joints: str = "lsp14") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / f"{split}.tar", "w") as tar:
        for i, person in enumerate(keypoints):
            content = encoded(person)
            info = tarfile.TarInfo(f"{i:05d}.jpg")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    np.savez(
        folder / f"{split}.npz",
        name=np.array([f"{i:05d}" for i in range(len(keypoints))]),
        keypoints=keypoints.astype(np.float32),
        shard=np.array([f"{split}.tar"] * len(keypoints)),
        joint_names=np.array([name.replace(" ", "_") for name in load_skeleton(joints).joints]),
    )
    return folder


def coco_person(number: int, image: int, keypoints: np.ndarray, **values: object) -> dict[str, object]:
    """An annotation with all fields of COCO; keypoints (17, 3) with v 0..2."""
    seen = keypoints[keypoints[:, 2] > 0, :2]
    low, high = (seen.min(0) - 5, seen.max(0) + 5) if len(seen) else (np.zeros(2), np.ones(2))
    box = [float(v) for v in (*low, *(high - low))]
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "iscrowd": 0,
        "bbox": box,
        "area": box[2] * box[3] * 0.6,
        "num_keypoints": len(seen),
        "keypoints": [float(v) for v in keypoints.ravel()],
        **values,
    }


def write_coco(
    folder: Path,
    annotations: list[dict[str, object]],
    images: int,
    *,
    split: str = "val2017",
    joints: str = "coco17",
    image_fields: dict[int, dict[str, object]] | None = None,
) -> Path:
    """`annotations/person_keypoints_SPLIT.json` with `images/SPLIT`; returns the JSON file."""
    pictures = folder / "images" / split
    pictures.mkdir(parents=True)
    (folder / "annotations").mkdir()
    records = []
    for number in range(1, images + 1):
        own = [np.reshape(a["keypoints"], (-1, 3)) for a in annotations if a["image_id"] == number]
        name = f"{number:012d}.jpg"
        (pictures / name).write_bytes(encoded(np.concatenate([np.zeros((0, 3)), *own])))
        extra = (image_fields or {}).get(number, {})
        records.append({"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1], **extra})
    names = [name.replace(" ", "_") for name in load_skeleton(joints).joints]
    category = {"id": 1, "name": "person", "keypoints": names, "skeleton": []}
    content = {"images": records, "annotations": annotations, "categories": [category]}
    path = folder / "annotations" / f"person_keypoints_{split}.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def write_mpii(
    folder: Path, keypoints: np.ndarray, center: np.ndarray, scale: np.ndarray, split: str = "valid"
) -> Path:
    """`annot/SPLIT.json` of 0-based keypoints (n, 16, 3); centre and scale are written as they are."""
    (folder / "annot").mkdir(parents=True)
    (folder / "images").mkdir()
    records = []
    for i, person in enumerate(keypoints):
        (folder / "images" / f"{i:03d}.jpg").write_bytes(encoded(person))
        records.append(
            {
                "image": f"{i:03d}.jpg",
                "center": center[i].tolist(),
                "scale": float(scale[i]),
                "joints": (person[:, :2] + 1).tolist(),
                "joints_vis": person[:, 2].astype(int).tolist(),
            }
        )
    (folder / "annot" / f"{split}.json").write_text(json.dumps(records), "utf-8")
    return folder


def write_penn(
    folder: Path, videos: list[np.ndarray], factor: float = 0.75, train: tuple[int, ...] = (1, -1)
) -> Path:
    """Labels and frames of 0-based keypoints (T, 13, 3) per video; unlabelled joints get the placeholder."""
    (folder / "labels").mkdir(parents=True)
    for number, keypoints in enumerate(videos, 1):
        frames = folder / "frames" / f"{number:04d}"
        frames.mkdir(parents=True)
        for t, person in enumerate(keypoints, 1):
            (frames / f"{t:06d}.jpg").write_bytes(encoded(person[person[:, 2] > 0]))
        seen = keypoints[..., 2] > 0
        xy = np.where(seen[..., None], keypoints[..., :2] + factor, factor)
        low = np.where(seen[..., None], xy, np.inf).min(1) - 3
        high = np.where(seen[..., None], xy, -np.inf).max(1) + 3
        content = {
            "x": xy[..., 0],
            "y": xy[..., 1],
            "visibility": seen.astype(np.uint8),
            "bbox": np.concatenate([low, high], 1),
            "train": np.array([[train[number - 1]]], np.int32),
            "nframes": np.array([[len(keypoints)]]),
            "action": "squat",
        }
        savemat(folder / "labels" / f"{number:04d}.mat", content)
    return folder
