"""Labels of one person's exercises carried to another person's, frame by frame: mocap6.

The data (Fox, Hughes, Sudderth and Jordan, Annals of Applied Statistics 8(3), 2014) are recordings of two
people doing twelve exercises in other orders, each frame labelled by hand. A frame takes the label that most
of its nearest frames in the other person's recordings have; the share that is right is the score. The labels
are no part of any training, and they were not derived from joints.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.train.mocap_views import FOCALS_PX, SIZE_PX, watch

SKELETON = "h36m17"
NEIGHBOURS = 15
STRIDE = 5  # frames; the labels were given at a tenth of a second
_KEYS = ("name", "fps", "offset", "nframes", "positions", "frame_label")

Floats = NDArray[np.floating]
# one person's keypoints (T, 17, 3 or 4) and their frame rate -> vectors (T, D)
Embed = Callable[[NDArray[np.float32], float], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """subject: who. positions float32 (T, 17, 3): metres, y up. label int (T,): 1..12, 0 = none."""

    name: str
    subject: str
    fps: float
    positions: NDArray[np.float32]
    label: NDArray[np.int64]


def load_mocap6(path: Path) -> list[Recording]:
    """The recordings that have both motion and labels. Raises KnownError for a file of another kind."""
    try:
        with np.load(path, allow_pickle=False) as data:
            missing = [key for key in _KEYS if key not in data]
            if missing:
                raise KnownError(f"{path} is not the labelled motion of mocap6: it lacks {missing[0]}.")
            values = {key: data[key] for key in _KEYS}
    except (OSError, ValueError, EOFError) as error:
        raise KnownError(f"{path} cannot be read: {error}.") from error
    recordings = []
    for i, name in enumerate(str(name) for name in values["name"]):
        rows = slice(int(values["offset"][i]), int(values["offset"][i]) + int(values["nframes"][i]))
        fps = float(np.broadcast_to(values["fps"], len(values["name"]))[i])
        if rows.stop > rows.start:
            subject = name.rsplit("/", 1)[-1].split("_")[0]
            label = values["frame_label"][rows].astype(np.int64)
            recordings.append(
                Recording(name, subject, fps, values["positions"][rows].astype(np.float32), label)
            )
    if len({recording.subject for recording in recordings}) < 2:
        raise KnownError(f"{path} has no two people.")
    return recordings


def evaluate_mocap6(recordings: list[Recording], embed: Embed, *, flat: bool) -> float:
    """Share of frames that get their own label, of those whose exercise the other person does, too.

    flat: each recording is seen by one camera, another one each; otherwise the poses are 3D.
    """
    vectors = [
        embed(_keypoints(recording, i, flat=flat), recording.fps)[::STRIDE]
        for i, recording in enumerate(recordings)
    ]
    labels = [recording.label[::STRIDE] for recording in recordings]
    right, total = 0, 0
    for i, recording in enumerate(recordings):
        others = [k for k, other in enumerate(recordings) if other.subject != recording.subject]
        known, of_known = (
            np.concatenate([vectors[k] for k in others]),
            np.concatenate([labels[k] for k in others]),
        )
        counted = np.isin(labels[i], of_known[of_known > 0]) & (labels[i] > 0)
        given = _carried(vectors[i][counted], known[of_known > 0], of_known[of_known > 0])
        right += int((given == labels[i][counted]).sum())
        total += int(counted.sum())
    return right / max(total, 1)


def _keypoints(recording: Recording, index: int, *, flat: bool) -> NDArray[np.float32]:
    if not flat:
        values = recording.positions * np.array([1, -1, -1], np.float32)
        return np.concatenate([values, np.ones_like(values[..., :1])], axis=-1)
    camera = index % len(FOCALS_PX)
    points = watch(recording.positions, recording.name, camera)
    pixels = FOCALS_PX[camera] * points[..., :2] / points[..., 2:] + SIZE_PX / 2
    return np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1).astype(np.float32)


def _carried(query: Floats, known: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    distance = (known**2).sum(axis=1)[None] - 2 * query @ known.T
    nearest = np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    votes = np.apply_along_axis(np.bincount, 1, labels[nearest], minlength=int(labels.max()) + 1)
    return np.asarray(votes.argmax(axis=1))
