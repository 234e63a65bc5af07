"""Penn Action as sequences of poses: what the pose encoder is trained and scored on.

Two layouts are read: the labels packed in one .npz (see `unlabelled`), and the original `labels/0001.mat`
files. Joints that are not labelled are NaN; the placeholder coordinates that stand there never come out. The
13 actions are those of TCC (Dwibedi et al., CVPR 2019, table 2), by the names of the bundled ontologies;
jump_rope and strum_guitar are left out. The split is the official one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.train.penn_people import SKELETON, SPLITS, label_arrays, read_label_file, zero_based
from models.train.unlabelled import is_penn_action

__all__ = ["ACTIONS", "FPS", "SKELETON", "PennSequence", "load_penn_sequences"]

# name in Penn Action -> name of the bundled ontology
_ONTOLOGY = {
    "baseball_pitch": "baseball_pitch",
    "baseball_swing": "baseball_swing",
    "bench_press": "bench_press",
    "bowl": "bowling",
    "clean_and_jerk": "clean_and_jerk",
    "golf_swing": "golf_swing",
    "jumping_jacks": "jumping_jacks",
    "pullup": "pullups",
    "pushup": "pushups",
    "situp": "situps",
    "squat": "squats",
    "tennis_forehand": "tennis_forehand",
    "tennis_serve": "tennis_serve",
}
ACTIONS = tuple(_ONTOLOGY.values())
# The labels do not say the frame rate; the durations of the actions fit that of ordinary web video.
FPS = 30.0


@dataclass(frozen=True, slots=True, eq=False)
class PennSequence:
    """One labelled clip.

    id: "0001".. action: an entry of ACTIONS. view: where the person is seen from (front, back, left, right).
    train: of the official training split. xyc: float32 (T, 13, 3), x and y in 0-based px and 1; a joint that
    is not labelled is (NaN, NaN, 0). width, height: of the picture, px.
    """

    id: str
    action: str
    view: str
    train: bool
    xyc: NDArray[np.float32]
    width: int
    height: int

    def __len__(self) -> int:
        return len(self.xyc)


def load_penn_sequences(
    path: Path, split: str = "train", actions: Collection[str] = ACTIONS
) -> list[PennSequence]:
    """The clips of a split ("train", "test", or "all") and of these actions, by id.

    path: the packed .npz, a folder of .mat files, or the folder of Penn Action with `labels` in it. Raises
    KnownError for an unknown split or action, and when nothing usable is there.
    """
    if split not in (*SPLITS, "all"):
        raise KnownError(f"Penn Action has no part '{split}'.", hint="Use train, test or all.")
    unknown = [action for action in actions if action not in ACTIONS]
    if unknown:
        raise KnownError(f"Penn Action has no action '{unknown[0]}'.", hint=f"Known: {', '.join(ACTIONS)}.")
    everything = _from_folder(path) if path.is_dir() else _from_npz(path)
    chosen = [
        clip
        for clip in everything
        if clip.action in actions and (split == "all" or clip.train == (SPLITS[split] == 1))
    ]
    if not chosen:
        raise KnownError(f"{path} has no {split} clips of {', '.join(actions)}.")
    return sorted(chosen, key=lambda clip: clip.id)


def _from_npz(path: Path) -> list[PennSequence]:
    if not is_penn_action(path):
        raise KnownError(
            f"{path} does not hold Penn Action's labels.",
            hint="Give penn_action_labels.npz or the folder with labels/0001.mat.",
        )
    with np.load(path, allow_pickle=False) as data:
        values = {key: data[key] for key in data.files}
    clips = []
    for i, action in enumerate(values["action"]):
        if str(action) not in _ONTOLOGY:
            continue
        rows = slice(int(values["offset"][i]), int(values["offset"][i]) + int(values["nframes"][i]))
        clips.append(
            _clip(
                str(values["id"][i]),
                str(action),
                str(values["pose"][i]),
                bool(values["train"][i] == 1),
                values["xy"][rows].astype(np.float64),
                values["visible"][rows] > 0,
                (int(values["height"][i]), int(values["width"][i])),
            )
        )
    return clips


def _from_folder(folder: Path) -> list[PennSequence]:
    inner = folder / "labels"
    paths = sorted((inner if inner.is_dir() else folder).glob("*.mat"))
    if not paths:
        raise KnownError(f"There are no label files 0001.mat .. of Penn Action in {folder}.")
    clips = []
    for path in paths:
        labels = read_label_file(path, "action", "pose", "dimensions")
        action = str(labels["action"].flat[0])
        if action in _ONTOLOGY:
            xy, visible, _ = label_arrays(path, labels)
            height, width = (int(n) for n in labels["dimensions"].flat[:2])
            view, train = str(labels["pose"].flat[0]), int(labels["train"].flat[0]) == 1
            clips.append(_clip(path.stem, action, view, train, xy, visible, (height, width)))
    return clips


def _clip(
    name: str,
    action: str,
    view: str,
    train: bool,
    xy: NDArray[np.float64],
    visible: NDArray[np.bool_],
    size: tuple[int, int],
) -> PennSequence:
    points, _ = zero_based(xy, visible, np.zeros((len(xy), 4)))
    points[points[..., 2] == 0, :2] = np.nan
    return PennSequence(name, _ONTOLOGY[action], view, train, points.astype(np.float32), size[1], size[0])
