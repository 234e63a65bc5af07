"""Clips to train pixel encoders on: each decoded once, resized, kept small.

A `Clip` tells how to get at the frames of one take; `decode_clips` reads them all through once and keeps
them as uint8 squares, up to a number of bytes in memory, the rest in a nameless file that the system keeps in
memory as far as there is room. Convention: frames uint8 (T, S, S, 3) RGB; phases int64 (T,), the phase of
each frame, −1 = not labelled.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.run.embed_frames import Picture, square

MEMORY_BYTES = 2 << 30
REPORT_EVERY = 200  # frames


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A take before it is read.

    action: takes of different actions are never trained on together. read: its frames (H, W, 3) RGB in
    order. events: frame of each key event, in order, None = not labelled; empty where nothing is. held_out:
    kept for scoring.
    """

    name: str
    action: str
    fps: float
    read: Callable[[], Iterator[Picture]]
    events: tuple[int | None, ...] = ()
    held_out: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ClipFrames:
    """A take that was read; frames uint8 (T, S, S, 3), phases int64 (T,)."""

    name: str
    action: str
    fps: float
    frames: Picture
    phases: NDArray[np.int64]
    events: tuple[int | None, ...] = ()
    held_out: bool = False

    def __len__(self) -> int:
        return len(self.frames)


def decode_clips(
    clips: Sequence[Clip], size_px: int, *, memory_bytes: int = MEMORY_BYTES, spill: Path | None = None
) -> Generator[Progress, None, list[ClipFrames]]:
    """Read all clips; returns them in the order given. Yields what has been read on the way.

    spill: folder for what does not fit into `memory_bytes` (the system's own for temporary files by default).
    Raises KnownError when a clip has no frames, or there is no room for the spilled ones.
    """
    found, kept_bytes = [], 0
    for done, clip in enumerate(clips):
        frames: list[Picture] = []
        for picture in clip.read():
            frames.append(square(picture, size_px))
            if len(frames) % REPORT_EVERY == 0:
                yield Progress(done, len(clips), f"reading takes: {clip.name}, {len(frames)} frames")
        if not frames:
            raise KnownError(f"{clip.name} has no frames that can be read.")
        pictures = np.stack(frames)
        kept_bytes += pictures.nbytes
        if kept_bytes > memory_bytes:
            pictures, kept_bytes = _spilled(pictures, spill), kept_bytes - pictures.nbytes
        phases = phases_of(clip.events, len(pictures))
        found.append(
            ClipFrames(clip.name, clip.action, clip.fps, pictures, phases, clip.events, clip.held_out)
        )
        yield Progress(done + 1, len(clips), "reading takes")
    return found


def phases_of(events: Sequence[int | None], frames: int) -> NDArray[np.int64]:
    """Phase of each frame between key events in their order; −1 between events one of which is missing."""
    phases = np.full(frames, -1, dtype=np.int64)
    if not any(event is not None for event in events):
        return phases
    bounds = [0, *events, frames]
    for phase, (start, stop) in enumerate(itertools.pairwise(bounds)):
        if start is not None and stop is not None:
            phases[start:stop] = phase
    return phases


def image_folder_clip(
    folder: Path,
    images: Sequence[Path],
    *,
    action: str,
    fps: float,
    name: str = "",
    events: tuple[int | None, ...] = (),
    held_out: bool = False,
) -> Clip:
    """A folder of images as a clip. Reading raises KnownError at the first one that is missing or damaged."""

    def read() -> Iterator[Picture]:
        for path in images:
            try:
                data = np.fromfile(path, dtype=np.uint8)
            except OSError as error:
                raise KnownError(f"{path} cannot be read: {error.strerror}.") from error
            picture = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB) if data.size else None
            if picture is None:
                raise KnownError(f"{path} is not a picture that can be read.", hint="Copy it again.")
            yield np.asarray(picture, dtype=np.uint8)

    return Clip(name or folder.name, action, fps, read, events, held_out)


def _spilled(pictures: Picture, folder: Path | None) -> Picture:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.truncate(pictures.nbytes)
            kept = np.memmap(file, np.uint8, "r+", shape=pictures.shape)  # keeps the file open by itself
            kept[:] = pictures
            return kept
    except OSError as error:
        raise KnownError(
            f"There is no room for the frames of the takes: {error.strerror}.",
            hint="Train at a smaller size or on fewer takes.",
        ) from error
