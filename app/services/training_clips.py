"""Takes to train pixel encoders on: of a project, or of a folder in any of the known layouts.

A folder holds takes (video files, or folders of images), or one folder per action with takes, or has Penn
Action's layout. Which takes are held back for scoring: the first few of each action, those that a CSV file
names, or Penn Action's official test part.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from app.session import Session
from models.domain.errors import KnownError
from storage.image_files import list_images
from storage.picture import RgbImage
from storage.reader import VideoReader, open_video
from storage.videos import Video

if TYPE_CHECKING:
    from models.train.clip_frames import Clip

VIDEO_SUFFIXES = {".mp4", ".mov", ".avi", ".mkv", ".m4v", ".webm", ".mpg", ".mpeg", ".mts", ".wmv"}
HELD_OUT_WORDS, TRAINING_WORDS = {"val", "test", "held-out"}, {"train"}


def training_clips(
    path: Path,
    *,
    actions: Sequence[str] = (),
    held_back: int = 0,
    split: Path | None = None,
    fps: float | None = None,
) -> list[Clip]:
    """The takes of a project file or folder.

    actions: only these, all by default. held_back: the first so many of each action are for scoring. split:
    CSV with the columns name and split (train or val); takes it does not name are left out. fps: of folders
    of images. Raises KnownError when nothing is found or the split does not fit.
    """
    if path.is_file() and path.suffix == ".keyphase":
        with Session.open(path, read_only=True) as session:
            clips = project_clips(session)
    elif path.is_dir():
        clips = _folder_clips(path, fps)
    else:
        raise KnownError(f"{path} is neither a project nor a folder of takes.")
    clips = [clip for clip in clips if not actions or clip.action in actions]
    if not clips:
        raise KnownError(f"{path} has no takes" + (f" of {', '.join(actions)}." if actions else "."))
    if split is not None:
        return _split_by(clips, split)
    return hold_first(clips, held_back) if held_back else clips


def project_clips(session: Session, uids: Collection[str] | None = None) -> list[Clip]:
    """Takes of a project (all, or those of these uids), with the key events that people labelled or accepted.

    Their action is the project's current ontology. The project may be closed before they are read.
    """
    from models.train.clip_frames import Clip

    ontology = session.ontology()
    clips = []
    for video in session.videos():
        if uids is not None and video.uid not in uids:
            continue
        labels = [event for event in session.events(video.uid) if not event.is_suggestion]
        at = {event.key_event_uid: event.pts for event in labels}
        events = tuple(
            video.info.times.index_at(at[key.uid]) if key.uid in at else None for key in ontology.events
        )
        read = _TakeFrames(session.video_path(video), video)
        clips.append(Clip(video.name, ontology.name, video.info.times.fps, read, events))
    return clips


def hold_first(clips: Sequence[Clip], count: int) -> list[Clip]:
    """The first `count` takes of each action held back, the others not."""
    seen: dict[str, int] = {}
    found = []
    for clip in clips:
        seen[clip.action] = seen.get(clip.action, 0) + 1
        found.append(replace(clip, held_out=seen[clip.action] <= count))
    return found


class _TakeFrames:
    """Reads the file behind a take from its first frame to its last, each time it is called."""

    def __init__(self, path: Path, video: Video | None = None, fps: float | None = None) -> None:
        self.path, self.video, self.fps = path, video, fps

    def open(self) -> VideoReader:
        if self.video is not None:
            return open_video(self.path, fps=self.video.fps)
        return open_video(self.path, fps=None if self.fps is None else Fraction(self.fps))

    def __call__(self) -> Iterator[RgbImage]:
        with self.open() as reader:
            yield from reader.frames()


def _folder_clips(folder: Path, fps: float | None) -> list[Clip]:
    from models.train.penn_clips import FPS, is_penn_folder, penn_clips

    if is_penn_folder(folder):
        return penn_clips(folder, fps=FPS if fps is None else fps)
    takes = _takes_in(folder)
    if takes:
        return [_file_clip(take, folder.name, fps) for take in takes]
    return [
        _file_clip(take, action.name, fps)
        for action in sorted(path for path in folder.iterdir() if path.is_dir())
        for take in _takes_in(action)
    ]


def _takes_in(folder: Path) -> list[Path]:
    """Video files and folders of images that lie in a folder."""
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".")
        and (list_images(path) if path.is_dir() else path.suffix.lower() in VIDEO_SUFFIXES)
    )


def _file_clip(path: Path, action: str, fps: float | None) -> Clip:
    from models.train.clip_frames import Clip

    read = _TakeFrames(path, fps=fps)
    with read.open() as reader:
        rate = reader.times.fps
    return Clip(path.name if path.is_dir() else path.stem, action, rate, read)


def _split_by(clips: Sequence[Clip], path: Path) -> list[Clip]:
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            part = {row["name"].strip(): row["split"].strip().lower() for row in csv.DictReader(handle)}
    except (OSError, UnicodeDecodeError, KeyError, AttributeError, csv.Error) as error:
        raise KnownError(
            f"{path} is no table of a split: {error}.", hint="It needs the columns name and split."
        ) from error
    if not part:
        raise KnownError(f"{path} is no table of a split.", hint="It needs the columns name and split.")
    odd = sorted(set(part.values()) - HELD_OUT_WORDS - TRAINING_WORDS)
    missing = sorted(set(part) - {clip.name for clip in clips})
    if odd or missing:
        raise KnownError(
            f"{path} names parts that are unknown: {', '.join(odd)}."
            if odd
            else f"{path} names takes that are not there: {', '.join(missing[:5])}.",
            hint="Parts are train and val; names are those of the takes, without the ending of the file.",
        )
    return [replace(clip, held_out=part[clip.name] in HELD_OUT_WORDS) for clip in clips if clip.name in part]
