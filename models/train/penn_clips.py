"""Penn Action's videos as clips: `labels/0001.mat` (action, part) and `frames/0001/000001.jpg`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.domain.errors import KnownError
from models.train.clip_frames import Clip, image_folder_clip
from models.train.penn_people import SPLITS, read_label_file

FPS = 20.0  # as TCC takes them


def is_penn_folder(folder: Path) -> bool:
    """Whether a folder has Penn Action's layout."""
    return (folder / "labels").is_dir() and (folder / "frames").is_dir()


def penn_clips(folder: Path, actions: Sequence[str] = (), *, fps: float = FPS) -> list[Clip]:
    """All videos of some actions (all by default), those of the official test part held out.

    Raises KnownError when labels or frames are missing or malformed, or no video has such an action.
    """
    clips = []
    for path in sorted((folder / "labels").glob("*.mat")):
        labels = read_label_file(path, "action")
        action = str(np.asarray(labels["action"]).flat[0])
        if actions and action not in actions:
            continue
        images = sorted((folder / "frames" / path.stem).glob("*.jpg"))
        if not images:
            raise KnownError(f"There are no frames of {path.stem} in {folder / 'frames' / path.stem}.")
        test = int(np.asarray(labels["train"]).flat[0]) == SPLITS["test"]
        clips.append(image_folder_clip(folder, images, action=action, fps=fps, name=path.stem, held_out=test))
    if not clips:
        raise KnownError(f"{folder} has no videos of {', '.join(actions) or 'Penn Action'}.")
    return clips
