"""The 2D keypoints of every take as one table, raw and, where a take is smoothed, smoothed beside it.

One row per frame, person and joint that is known. Frames count from 0, people from 1; px have their origin at
the centre of the top-left pixel. A joint that a person marked as absent has no place, confidence 0 and origin
"human".
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from models.domain.track import KeypointTrack, Origin
from models.run.smooth import smooth_frames
from storage import skeletons, tracks, videos
from storage.formats.atomic import replacing
from storage.project import Project
from storage.tracks import TrackInfo
from storage.videos import Video

COLUMNS = (
    "video",
    "frame",
    "pts",
    "seconds",
    "person",
    "person_name",
    "joint",
    "x_px",
    "y_px",
    "confidence",
    "origin",
    "smooth_x_px",
    "smooth_y_px",
)
_BLOCK = 1024  # frames


def export_keypoints(project: Project, path: Path) -> None:
    """Write the shown 2D poses of all takes. Raises KnownError when the file cannot be written."""
    with project.reading() as tx, replacing(path) as file:
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(COLUMNS)
        for video in videos.all_videos(tx):
            info = tracks.active(tx, video.uid, 2)
            if info is not None:
                names = skeletons.get(tx, info.skeleton).joints
                track = tracks.read(tx, info.uid)
                table.writerows(_rows(video, info, names, track))


def _rows(
    video: Video, info: TrackInfo, joints: tuple[str, ...], track: KeypointTrack
) -> Iterator[list[object]]:
    times, seconds = video.info.times, video.info.times.seconds
    known = track.seen | (track.origin != Origin.NONE)
    for start in range(0, track.frames, _BLOCK):
        stop = min(start + _BLOCK, track.frames)
        soft = smooth_frames(track, seconds, info.smoothing, start, stop) if info.smoothing else None
        for at, person, joint in np.argwhere(known[start:stop]).tolist():
            frame = start + at
            x, y, confidence = track.values[frame, person, joint].tolist()
            smooth_x, smooth_y = soft.values[at, person, joint, :2].tolist() if soft else (np.nan, np.nan)
            yield [
                video.name,
                frame,
                times.pts_at(frame),
                f"{seconds[frame]:.6f}",
                person + 1,
                info.name(person),
                joints[joint],
                _number(x),
                _number(y),
                f"{confidence:.4f}",
                Origin(int(track.origin[frame, person, joint])).name.lower(),
                _number(smooth_x),
                _number(smooth_y),
            ]


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else ""
