"""Bring videos into a project and find them again when they moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

from app.commands import AddVideos, RelinkVideo
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import new_uid
from models.domain.progress import Progress
from storage import videos
from storage.content_hash import content_hash
from storage.reader import VideoReader, open_video
from storage.videos import Video, absolute_path, relative_path


def add_videos(session: Session, paths: Iterable[Path], *, fps: Fraction | None = None) -> Iterator[Progress]:
    """Add video files (or folders of images, shown at `fps`) to the project, one undo step in all.

    A file that is in the project already (by content) is passed over. Raises KnownError, with the project
    as it was, when one of them cannot be read.
    """
    todo = list(paths)
    known_names = {video.name for video in session.videos()}
    known_hashes = {video.info.content_hash for video in session.videos()}
    added: list[Video] = []
    for done, path in enumerate(todo):
        yield Progress(done, len(todo), f"reading {path.name}")
        with open_video(path, fps=fps) as reader:
            info = reader.info
        if info.content_hash in known_hashes:
            continue
        known_hashes.add(info.content_hash)
        name = unused_name(path.stem if path.is_file() else path.name, known_names)
        known_names.add(name)
        added.append(Video(new_uid(), name, relative_path(session.project, path), info, fps))
    if added:
        session.history.do(AddVideos(tuple(added)))
    yield Progress(len(todo), len(todo), f"{len(added)} added")


def unused_name(stem: str, taken: set[str]) -> str:
    """`stem`, or `stem_2`, `stem_3`, … if it is taken."""
    if stem not in taken:
        return stem
    number = 2
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


def open_take(session: Session, video: Video) -> VideoReader:
    """Open the file behind a take. Raises KnownError when it is missing or no longer the same file."""
    path = absolute_path(session.project, video)
    if not path.exists():
        raise KnownError(
            f"The file of take '{video.name}' is missing: {path}.",
            hint="Use 'Relink' to show where it is now; labels and poses are safe.",
        )
    reader = open_video(path, fps=video.fps)
    if reader.info.content_hash != video.info.content_hash and reader.info.times != video.info.times:
        reader.close()
        raise KnownError(
            f"The file of take '{video.name}' changed: its frames are not those that were labelled.",
            hint=f"Put the original back at {path}, or relink the take to it.",
        )
    return reader


def missing_videos(session: Session) -> list[Video]:
    """Takes whose file is not where the project says."""
    return [video for video in session.videos() if not absolute_path(session.project, video).exists()]


def find_moved(missing: Iterable[Video], folder: Path) -> dict[str, Path]:
    """Files below `folder` that are the missing takes, matched by content: take uid → path.

    Files of the right name are tried first, so that the usual case reads few files.
    """
    wanted = {video.info.content_hash: video for video in missing}
    names = {Path(video.path).name for video in wanted.values()}
    suffixes = {Path(video.path).suffix.lower() for video in wanted.values()}
    found: dict[str, Path] = {}
    candidates = [
        p for p in folder.rglob("*") if (p.is_file() and p.suffix.lower() in suffixes) or p.name in names
    ]
    for path in sorted(candidates, key=lambda p: (p.name not in names, str(p))):
        if len(found) == len(wanted):
            break
        try:
            video = wanted.get(content_hash(path))
        except (KnownError, OSError):
            continue  # a folder without images, a file that may not be read
        if video is not None:
            found.setdefault(video.uid, path)
    return found


def check_candidate(video: Video, path: Path) -> tuple[bool, str]:
    """Whether a file is the video of a take (by content, or frame for frame the same clock), and what differs.

    Raises KnownError when the file cannot be read.
    """
    with open_video(path, fps=video.fps) as reader:
        info = reader.info
    if info.content_hash == video.info.content_hash:
        return True, ""
    if info.frame_count != video.info.frame_count:
        return False, f"other length: {info.frame_count} frames, not {video.info.frame_count}"
    if info.times != video.info.times:
        return False, "the frames have other timestamps"
    if (info.width_px, info.height_px) != (video.info.width_px, video.info.height_px):
        return False, f"other size: {info.width_px}×{info.height_px}"
    return True, "encoded again: same frames at the same times"


def relink(session: Session, video_uid: str, path: Path) -> None:
    """Point a take at the file where it is now. Raises KnownError unless the frames are the same."""
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
    same, difference = check_candidate(video, path)
    if not same:
        raise KnownError(
            f"{path.name} is not the video of take '{video.name}': {difference}.",
            hint="Choose the original file, or add this one as a new take.",
        )
    session.history.do(RelinkVideo(video_uid, relative_path(session.project, path)))
