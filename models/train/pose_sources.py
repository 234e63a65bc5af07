"""Any data set of labelled people from its path: which layout lies there is seen from the files.

| layout | what lies there |
|---|---|
| LSP style | `SPLIT.npz` (or its path) beside tar files of pictures (`models.train.lspet`) |
| COCO | a JSON file, `annotations/person_keypoints_SPLIT2017.json` or `person_keypoints.json`; `images` |
| MPII | `annot/SPLIT.json` and `images` |
| Penn Action | `labels/0001.mat` and `frames/0001/000001.jpg` |
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from models.domain.errors import KnownError
from models.train.coco_people import annotation_file, read_coco
from models.train.lspet import load_pose_data
from models.train.mpii_people import load_mpii
from models.train.penn_people import load_penn
from models.train.pose_data import PoseData, in_skeleton

Layout = Literal["lsp", "coco", "mpii", "penn"]


def layout_of(path: Path | str, split: str) -> Layout:
    """Which layout lies at `path`. Raises KnownError when it is none, or nothing lies there."""
    path = Path(path)
    if not path.exists():
        raise KnownError(f"{path} does not exist.")
    if path.is_file():
        if path.suffix.lower() in (".json", ".npz"):
            return "coco" if path.suffix.lower() == ".json" else "lsp"
    elif (path / "annot").is_dir():
        return "mpii"
    elif (path / "labels").is_dir() and (path / "frames").is_dir():
        return "penn"
    elif annotation_file(path, split) is not None:
        return "coco"
    elif any(path.glob("*.npz")):
        return "lsp"
    raise KnownError(
        f"No pose data '{split}' in {path}.",
        hint="Known layouts: NAME.npz with tar files, COCO keypoint JSON with images, "
        "MPII (annot, images), Penn Action (labels, frames).",
    )


def load_people(path: Path | str, split: str, limit: int | None = None) -> PoseData:
    """The people of one part of a data set.

    limit: only the first so many. Raises KnownError when files are missing or malformed or nobody has labels.
    """
    path = Path(path)
    layout = layout_of(path, split)
    if layout == "lsp":
        return load_pose_data(*((path.parent, path.stem) if path.is_file() else (path, split)), limit)
    if layout == "mpii":
        return load_mpii(path, split, limit)
    if layout == "penn":
        return load_penn(path, split, limit)
    return read_coco(coco_file(path, split), split).first(limit).people()


def load_sets(
    paths: Sequence[Path | str], split: str, skeleton: str, limit: int | None = None
) -> list[PoseData]:
    """One part of several data sets in one skeleton; joints that a set does not have are masked."""
    return [in_skeleton(load_people(path, split, limit), skeleton) for path in paths]


def coco_file(path: Path, split: str) -> Path:
    """The COCO file that `path` is or holds for a split; only where `layout_of` says "coco"."""
    found = path if path.is_file() else annotation_file(path, split)
    assert found is not None
    return found
