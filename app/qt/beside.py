"""The pictures beside the review queue: the suggested frame and its neighbours, and where it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from app.commands import ChangeSet
from app.qt.latest import Latest
from app.qt.workspace import Workspace
from app.services.landings import Label, peoples_labels, what
from models.domain.errors import KnownError
from storage import labels
from storage.frame_cache import FrameCache
from storage.reader import open_video
from storage.videos import Video, absolute_path
from widgets.label_table import start_pts
from widgets.review_list import ReviewList
from widgets.review_pictures import ReviewPictures, Shot, Strip

NAME = "review pictures"
HEIGHT_PX = 144


@dataclass(frozen=True, slots=True)
class _Wish:
    """Frames of a take to read. reach: frames between the moment and its neighbours."""

    video: Video
    path: Path
    fps: Fraction | None
    frame: int
    reach: int
    title: str


class Beside(QObject):
    """Shows the pictures of the queue's current suggestion; they are read off the window's thread."""

    def __init__(
        self, workspace: Workspace, latest: Latest, queue: ReviewList, pictures: ReviewPictures
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.latest, self.queue, self.pictures = workspace, latest, queue, pictures
        queue.current_changed.connect(self.show)
        workspace.project_changed.connect(lambda: self.show(""))
        workspace.edited.connect(self._on_edited)
        pictures.frame_chosen.connect(lambda uid, frame: workspace.show_take(uid, frame))

    def show(self, uid: str) -> None:
        """Show the pictures of a suggestion; "" shows none."""
        wishes = self._wishes(uid) if uid else []
        if wishes:
            self.latest.ask(NAME, lambda: tuple(_strip(wish) for wish in wishes), self.pictures.set_strips)
        else:
            self.latest.forget(NAME)
            self.pictures.set_strips(())

    def _on_edited(self, change: ChangeSet) -> None:
        if {"events", "intervals", "videos"} & change.kinds:
            self.show(self.queue.current)

    def _wishes(self, uid: str) -> list[_Wish]:
        session = self.workspace.session
        if session is None:
            return []
        with session.project.reading() as tx:
            found: Label | None = labels.find_event(tx, uid) or labels.find_interval(tx, uid)
            if found is None or not found.is_suggestion:
                return []
            mine: list[Label] = [*labels.events(tx, found.video_uid), *labels.intervals(tx, found.video_uid)]
            number = [m.uid for m in mine if what(m) == what(found)].index(found.uid)
            others = [v for v in self.workspace.takes if v.uid != found.video_uid]
            if found.source_video_uid:
                others = [video for video in others if video.uid == found.source_video_uid]
            known = ((v, _same(peoples_labels(tx, v.uid), found, number)) for v in others)
            example = next(((video, label) for video, label in known if label is not None), None)
        target = self.workspace.find(found.video_uid)
        if target is None:
            return []
        reach = max(1, round(found.uncertainty_frames))
        wishes = [self._wish(target, start_pts(found), reach, f"suggested in {target.name}")]
        if example is not None:
            video, label = example
            said = "from" if found.source_video_uid else "labelled in"
            there = max(1, round(reach * video.info.times.fps / target.info.times.fps))
            wishes.insert(0, self._wish(video, start_pts(label), there, f"{said} {video.name}"))
        return wishes

    def _wish(self, video: Video, pts: int, reach: int, title: str) -> _Wish:
        assert self.workspace.session is not None
        path = absolute_path(self.workspace.session.project, video)
        return _Wish(video, path, video.fps, video.info.times.index_at(pts), reach, title)


def _same(known: Sequence[Label], suggestion: Label, number: int) -> Label | None:
    """The label of a take that a suggestion stands for: the `number`th of its kind, else the first."""
    same = [label for label in known if what(label) == what(suggestion)]
    return (same[number] if number < len(same) else same[0]) if same else None


def _strip(wish: _Wish) -> Strip:
    """Read the pictures. What cannot be read has none: the canvas says why."""
    last = wish.video.info.frame_count - 1
    frames = [min(max(wish.frame + step * wish.reach, 0), last) for step in (-1, 0, 1)]
    images: dict[int, NDArray[np.uint8]] = {}
    try:
        with open_video(wish.path, fps=wish.fps, cache=FrameCache(0)) as reader:
            for frame in sorted(set(frames)):
                picture = reader.frame(frame)
                width = max(1, round(picture.shape[1] * HEIGHT_PX / picture.shape[0]))
                small = cv2.resize(picture, (width, HEIGHT_PX), interpolation=cv2.INTER_AREA)
                images[frame] = np.asarray(small, dtype=np.uint8)
    except (KnownError, OSError, IndexError):
        images.clear()
    captions = (f"{frames[0] - wish.frame:+d}", f"frame {wish.frame}", f"{frames[2] - wish.frame:+d}")
    shots = tuple(Shot(f, text, images.get(f)) for f, text in zip(frames, captions, strict=True))
    return Strip(wish.video.uid, wish.title, shots)
