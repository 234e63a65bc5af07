"""Labels by people carried from one person to another: cross-subject transfer on the six labelled exercise
sequences of CMU (Fox, Hughes, Sudderth and Jordan 2014; per-frame labels of 12 actions at 10 fps).

Each frame of a person takes the label of the nearest frame (of its vectors) among the sequences of the
others. Chance is what always saying the other people's most common label would score. Only what the
other people do, too, can be found: `possible` is the share of such frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError

Floats = NDArray[np.floating]
SKELETON = "h36m17"
BLOCK = 512  # frames whose distances are computed at once


@dataclass(frozen=True, eq=False, slots=True)
class LabelledSequence:
    """positions: float32 (T, 17, 3) metres, y up. labels: int64 (T,), 1..12; 0 = none. subject: who."""

    name: str
    subject: str
    fps: float
    positions: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelTransfer:
    """accuracy, possible, chance: 0..1 over all frames. balanced: mean over the actions of the share of their
    frames that is found, of actions that others do. per_subject: accuracy of each person's frames."""

    frames: int
    accuracy: float
    balanced: float
    possible: float
    chance: float
    per_subject: dict[str, float]


def load_labelled_sequences(path: Path) -> list[LabelledSequence]:
    """Sequences that have motion, of labels.npz. Raises KnownError when it is not of this kind."""
    try:
        with np.load(path, allow_pickle=False) as data:
            values = {key: data[key] for key in data.files}
        found = []
        for name, start, frames in zip(values["name"], values["offset"], values["nframes"], strict=True):
            rows = slice(int(start), int(start) + int(frames))
            if frames:
                found.append(
                    LabelledSequence(
                        str(name),
                        str(name).removeprefix("cmu/").split("_")[0],
                        float(values["fps"]),
                        values["positions"][rows].astype(np.float32),
                        values["frame_label"][rows].astype(np.int64),
                    )
                )
    except (OSError, ValueError, EOFError, KeyError) as error:
        raise KnownError(
            f"{path} holds no labelled sequences: {error}.", hint="Give mocap6_labels/labels.npz."
        ) from error
    return found


def cross_subject_transfer(
    sequences: Sequence[LabelledSequence], embed: Callable[[LabelledSequence], Floats]
) -> LabelTransfer:
    """Scores of nearest-neighbour transfer between people. embed: vectors (T, D) of a sequence; NaN rows are
    left out. Raises KnownError when there are fewer than two people.
    """
    people = sorted({sequence.subject for sequence in sequences})
    if len(people) < 2:
        raise KnownError(f"Transfer between people needs two; there are {len(people)}.")
    vectors = [np.asarray(embed(sequence), np.float32) for sequence in sequences]
    truths, guesses, owners, usual = [], [], [], []
    for person in people:
        own = _pooled(sequences, vectors, [s.subject == person for s in sequences])
        others = _pooled(sequences, vectors, [s.subject != person for s in sequences])
        truths.append(own[1])
        guesses.append(others[1][_nearest(own[0], others[0])])
        owners.append(np.full(len(own[1]), people.index(person)))
        usual.append(np.full(len(own[1]), np.bincount(others[1]).argmax()))
    truth, guess, owner = np.concatenate(truths), np.concatenate(guesses), np.concatenate(owners)
    done = [{int(label) for label in np.unique(t)} for t in truths]
    possible = np.array(
        [any(int(t) in d for k, d in enumerate(done) if k != o) for t, o in zip(truth, owner, strict=True)]
    )
    right = truth == guess
    shared = np.unique(truth[possible])
    return LabelTransfer(
        len(truth),
        float(right.mean()),
        float(np.mean([right[possible & (truth == label)].mean() for label in shared]))
        if len(shared)
        else 0.0,
        float(possible.mean()),
        float((truth == np.concatenate(usual)).mean()),
        {person: float(right[owner == k].mean()) for k, person in enumerate(people)},
    )


def _pooled(
    sequences: Sequence[LabelledSequence], vectors: Sequence[Floats], chosen: Sequence[bool]
) -> tuple[Floats, NDArray[np.int64]]:
    x = np.concatenate([v for v, take in zip(vectors, chosen, strict=True) if take])
    y = np.concatenate([s.labels for s, take in zip(sequences, chosen, strict=True) if take])
    known = np.isfinite(x).all(axis=1) & (y > 0)
    return x[known], y[known]


def _nearest(query: Floats, other: Floats) -> NDArray[np.int64]:
    square = (other**2).sum(axis=1)
    blocks = [
        (square[None] - 2 * query[k : k + BLOCK] @ other.T).argmin(axis=1)
        for k in range(0, len(query), BLOCK)
    ]
    return np.concatenate(blocks).astype(np.int64)
