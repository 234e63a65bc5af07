"""Videos of a project: identity, place on disk relative to the project file, and the table of frame times."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from models.domain.errors import KnownError
from models.domain.timebase import FrameTimes
from models.domain.video import VideoInfo
from storage import blobs, schema
from storage.project import Project

_videos = schema.videos


@dataclass(frozen=True, slots=True)
class Video:
    """A video of a project.

    path: relative to the project file's folder, with forward slashes (absolute only where no relative path
    exists, as between Windows drives). fps: frame rate chosen for an image sequence, else None.
    """

    uid: str
    name: str
    path: str
    info: VideoInfo
    fps: Fraction | None = None


def add(tx: Connection, video: Video) -> None:
    """Add a video at the end of the list. Raises KnownError when its name is taken."""
    _refuse_taken(tx, video.name, video.uid)
    times = video.info.times
    pts, crc = blobs.pack(times.pts)
    tx.execute(
        insert(_videos).values(
            uid=video.uid,
            position=tx.execute(select(func.coalesce(func.max(_videos.c.position) + 1, 0))).scalar_one(),
            name=video.name,
            path=video.path,
            content_hash=video.info.content_hash,
            width_px=video.info.width_px,
            height_px=video.info.height_px,
            time_base_num=times.time_base.numerator,
            time_base_den=times.time_base.denominator,
            pts=pts,
            pts_crc=crc,
            end_pts=times.end_pts,
            decode_failures=video.info.decode_failures,
            codec=video.info.codec,
            fps=None if video.fps is None else str(video.fps),
        )
    )


def all_videos(tx: Connection) -> list[Video]:
    """Every video, in the order of the media list."""
    return [_video(row) for row in tx.execute(select(_videos).order_by(_videos.c.position))]


def get(tx: Connection, uid: str) -> Video:
    """The video `uid`; KnownError when it is not (or no longer) in the project."""
    row = tx.execute(select(_videos).where(_videos.c.uid == uid)).first()
    if row is None:
        raise KnownError("This video is no longer in the project.", hint="Add it again, or undo its removal.")
    return _video(row)


def by_name(tx: Connection, name: str) -> Video:
    """The video called `name`; KnownError listing the names there are."""
    row = tx.execute(select(_videos).where(_videos.c.name == name)).first()
    if row is None:
        known = ", ".join(tx.execute(select(_videos.c.name).order_by(_videos.c.position)).scalars())
        hint = f"It has: {known}." if known else "Add one first."
        raise KnownError(f"The project has no video called '{name}'.", hint=hint)
    return _video(row)


def by_content_hash(tx: Connection, content_hash: str) -> list[Video]:
    """Videos with this content, wherever they lie."""
    found = select(_videos).where(_videos.c.content_hash == content_hash).order_by(_videos.c.position)
    return [_video(row) for row in tx.execute(found)]


def relink(tx: Connection, uid: str, path: str, content_hash: str | None = None) -> None:
    """Tell where the video lies now.

    content_hash: of a file that a person took in the place of the first one; None = the content is the same.
    """
    get(tx, uid)
    values = {"path": path} | ({} if content_hash is None else {"content_hash": content_hash})
    tx.execute(update(_videos).where(_videos.c.uid == uid).values(values))


def rename(tx: Connection, uid: str, name: str) -> None:
    """Give a video another name. Raises KnownError when it is empty or taken."""
    get(tx, uid)
    _refuse_taken(tx, name, uid)
    tx.execute(update(_videos).where(_videos.c.uid == uid).values(name=name))


def remove(tx: Connection, uid: str) -> None:
    """Remove a video with its labels, runs, tracks and alignments. The file on disk is not touched."""
    get(tx, uid)
    tx.execute(delete(_videos).where(_videos.c.uid == uid))


def relative_path(project: Project, path: Path) -> str:
    """`path` as it is kept in the project: relative to its folder, with forward slashes."""
    absolute = Path(path).absolute()
    try:
        return Path(os.path.relpath(absolute, project.path.parent)).as_posix()
    except ValueError:  # on another drive
        return absolute.as_posix()


def absolute_path(project: Project, video: Video) -> Path:
    """Where the video's file should be."""
    return Path(os.path.normpath(project.path.parent / video.path))


def _refuse_taken(tx: Connection, name: str, uid: str) -> None:
    if not name.strip():
        raise KnownError("A video needs a name.", hint="Type one.")
    if tx.execute(select(_videos.c.uid).where(_videos.c.name == name, _videos.c.uid != uid)).first():
        raise KnownError(f"There is already a video called '{name}'.", hint="Choose another name.")


def _video(row: Row[Any]) -> Video:
    what = f"the frame times of '{row.name}'"
    (pts,) = blobs.unpack(row.pts, row.pts_crc, what, ("int64", (len(row.pts) // 8,)))
    times = FrameTimes(pts, Fraction(row.time_base_num, row.time_base_den), row.end_pts)
    info = VideoInfo(
        row.path, row.content_hash, row.width_px, row.height_px, times, row.decode_failures, row.codec
    )
    return Video(row.uid, row.name, row.path, info, None if row.fps is None else Fraction(row.fps))
