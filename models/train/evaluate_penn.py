"""Penn Action's test clips aligned, action by action: the tables that the alignment models' cards cite.

Truth are the *derived* events (`derived_events`). Phase scores use those events that at least `COMMON` of the
training clips have: a clip has phases when it has all of them, the phases are what lies between. Transfer is
scored for every event. References are other test clips; phase scores are fitted on training clips.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.train.alignment_controls import raw_pose, time_index
from models.train.derived_events import RULES, derive_events
from models.train.evaluate_alignment import AlignmentScores, Settings, Source, Truth, evaluate
from models.train.penn_sequences import ACTIONS, FPS, PennSequence, load_penn_sequences
from models.train.transfer_scores import Take

COMMON = 0.6  # of the training clips
Values = NDArray[np.floating]
# joints (T, 13, 3) px of Penn Action at `FPS`, NaN = not seen -> vectors (T, D)
EmbedPoses = Callable[[Values], NDArray[np.floating]]


def evaluate_penn(
    data: Path,
    encoders: Mapping[str, Mapping[str, EmbedPoses]],
    *,
    actions: Sequence[str] = ACTIONS,
    settings: Settings | None = None,
    limit: int | None = None,
) -> Generator[Progress, None, list[AlignmentScores]]:
    """Scores of each action. encoders: name in the table → function per action ("" = every action).

    limit: only so many clips of each split and action, to try things out. Raises KnownError when an action
    has fewer than two test clips, or an encoder is missing for one.
    """
    clips = load_penn_sequences(data, "all", actions)
    scores = []
    for action in actions:
        train = [clip for clip in clips if clip.action == action and clip.train][:limit]
        test = [clip for clip in clips if clip.action == action and not clip.train][:limit]
        if len(test) < 2:
            raise KnownError(f"Penn Action has {len(test)} test clips of {action} here; scoring needs two.")
        truth, train = penn_truth(action, train, test)
        sources = [
            penn_source(name, _for_action(name, functions, action), train, test)
            for name, functions in encoders.items()
        ]
        scores.append((yield from evaluate(action, truth, [*sources, *controls(train, test)], settings)))
    return scores


def penn_truth(
    action: str, train: Sequence[PennSequence], test: Sequence[PennSequence]
) -> tuple[Truth, list[PennSequence]]:
    """The truth of an action's clips, and the training clips that have all phases."""
    names = [event.name for event in RULES[action].events]
    train_events = [derive_events(action, clip.xyc) for clip in train]
    test_events = [derive_events(action, clip.xyc) for clip in test]
    common = [n for n in names if train and np.mean([e[n] is not None for e in train_events]) >= COMMON]
    labels = [phase_labels(len(c), e, common) for c, e in zip(test, test_events, strict=True)]
    train_labels = [phase_labels(len(c), e, common) for c, e in zip(train, train_events, strict=True)]
    takes = tuple(
        Take(clip.id, len(clip), {name: frame for name, frame in events.items() if frame is not None})
        for clip, events in zip(test, test_events, strict=True)
    )
    truth = Truth(
        tuple(names),
        takes,
        tuple(labels),
        len(common) + 1 if common else 1,
        tuple(label for label in train_labels if label is not None),
    )
    return truth, [clip for clip, label in zip(train, train_labels, strict=True) if label is not None]


def phase_labels(
    frames: int, events: Mapping[str, int | None], names: Sequence[str]
) -> NDArray[np.int64] | None:
    """Phase of each frame, int (T,): how many of the named events have happened. None when one is missing."""
    found = [events.get(name) for name in names]
    if not found or any(frame is None for frame in found):
        return None
    return np.searchsorted(np.array(found), np.arange(frames), side="right").astype(np.int64)


def penn_source(
    name: str, embed: EmbedPoses, train: Sequence[PennSequence], test: Sequence[PennSequence]
) -> Source:
    """A source from a function of joints."""
    return Source(
        name,
        lambda i, first, last: embed(test[i].xyc[first:last]),
        lambda i: embed(train[i].xyc),
    )


def controls(train: Sequence[PennSequence], test: Sequence[PennSequence]) -> list[Source]:
    """What every table shows beside the encoders."""
    functions: dict[str, EmbedPoses] = {
        "raw pose": lambda values: raw_pose(values, FPS),
        "raw pose and velocity": lambda values: raw_pose(values, FPS, velocity=True),
        "time index": lambda values: time_index(len(values)),
    }
    return [penn_source(name, function, train, test) for name, function in functions.items()]


def _for_action(name: str, functions: Mapping[str, EmbedPoses], action: str) -> EmbedPoses:
    function = functions.get(action) or functions.get("")
    if function is None:
        raise KnownError(f"{name} has no encoder for {action}.", hint="Train one, or leave the action out.")
    return function
