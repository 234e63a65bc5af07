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
from models.domain.video import VideoInfo
from storage import videos
from storage.content_hash import content_hash
from storage.frame_cache import FrameCache
from storage.reader import VideoReader, open_video
from storage.videos import Video, absolute_path, relative_path

FORWARDS_CACHE_BYTES = 32 << 20


def add_videos(
    session: Session, paths: Iterable[Path], *, fps: Fraction | None = None, pass_over: bool = False
) -> Iterator[Progress]:
    """Add video files (or folders of images, shown at `fps`) to the project, one undo step in all.

    A file that is in the project already (by content) is passed over. Raises KnownError, with the project
    as it was, when one of them cannot be read; with `pass_over` the others are added before it is raised.
    """
    todo = list(paths)
    known_names = {video.name for video in session.videos()}
    known_hashes = {video.info.content_hash for video in session.videos()}
    added: list[Video] = []
    refused: list[KnownError] = []
    for done, path in enumerate(todo):
        yield Progress(done, len(todo), f"reading {path.name}")
        try:
            with open_video(path, fps=fps) as reader:
                info = reader.info
        except KnownError as error:
            if not pass_over or len(todo) == 1:
                raise
            refused.append(error)
            continue
        if info.content_hash in known_hashes:
            continue
        known_hashes.add(info.content_hash)
        name = unused_name(path.stem if path.is_file() else path.name, known_names)
        known_names.add(name)
        added.append(Video(new_uid(), name, relative_path(session.project, path), info, fps))
    if added:
        session.history.do(AddVideos(tuple(added)))
    if refused:
        what = " ".join(error.message for error in refused)
        raise KnownError(f"{len(added)} added, {len(refused)} not. {what}", hint=refused[0].hint)
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
    """Open the file behind a take, to be read forwards: only few decoded pictures are kept.

    Raises KnownError when it is missing or no longer the same file.
    """
    path = absolute_path(session.project, video)
    if not path.exists():
        raise KnownError(
            f"The file of take '{video.name}' is missing: {path}.",
            hint="Use 'Relink' to show where it is now; labels and poses are safe.",
        )
    reader = open_video(path, fps=video.fps, cache=FrameCache(FORWARDS_CACHE_BYTES))
    if reader.info.content_hash != video.info.content_hash:
        reader.close()
        raise KnownError(
            f"The file of take '{video.name}' changed: its frames are not those that were labelled.",
            hint=f"Put the original back at {path}, or relink the take to it.",
        )
    return reader


def refuse_sources(session: Session, out: Path) -> None:
    """Raise KnownError where writing to `out` would replace the project itself or the file of a take."""
    if not out.exists():
        return
    if out.samefile(session.project.path):
        raise KnownError(f"{out.name} is the project itself.", hint="Choose another name for the file.")
    for video in session.videos():
        path = absolute_path(session.project, video)
        if path.exists() and out.samefile(path):
            raise KnownError(
                f"{out.name} is the take '{video.name}'.", hint="Choose another name for the file."
            )


def missing_videos(session: Session) -> list[Video]:
    """Takes whose file is not where the project says."""
    return [video for video in session.videos() if not absolute_path(session.project, video).exists()]


def find_moved(missing: Iterable[Video], folder: Path, *, depth: int | None = None) -> dict[str, Path]:
    """Files below `folder` that are the missing takes, matched by content: take uid → path.

    depth: how many folders down to look; None = all. Files of the right name are tried first, so that the
    usual case reads few files.
    """
    wanted = {video.info.content_hash: video for video in missing}
    names = {Path(video.path).name for video in wanted.values()}
    suffixes = {Path(video.path).suffix.lower() for video in wanted.values()}
    found: dict[str, Path] = {}
    candidates = [
        p for p in _below(folder, depth) if (p.is_file() and p.suffix.lower() in suffixes) or p.name in names
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


def _below(folder: Path, depth: int | None) -> Iterator[Path]:
    if depth is None:
        yield from folder.rglob("*")
        return
    for level in range(1, depth + 2):
        yield from folder.glob("/".join("*" * level))


def check_candidate(video: Video, path: Path) -> tuple[bool, str]:
    """Whether a file has the content of a take, and else what differs. KnownError when it cannot be read."""
    info = _info(video, path)
    if info.content_hash == video.info.content_hash:
        return True, ""
    return False, _misfit(video.info, info) or "same frame times: this take encoded again, or another one?"


def relink(session: Session, video_uid: str, path: Path) -> None:
    """Point a take at the file where it is now.

    A file of other content is accepted when its frames have the same size and times (the take encoded again);
    KnownError otherwise.
    """
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
    info = _info(video, path)
    same = info.content_hash == video.info.content_hash
    difference = "" if same else _misfit(video.info, info)
    if difference:
        raise KnownError(
            f"{path.name} is not the video of take '{video.name}': {difference}.",
            hint="Choose the original file, or add this one as a new take.",
        )
    content_hash = None if same else info.content_hash
    session.history.do(RelinkVideo(video_uid, relative_path(session.project, path), content_hash))


def _info(video: Video, path: Path) -> VideoInfo:
    with open_video(path, fps=video.fps) as reader:
        return reader.info


def _misfit(wanted: VideoInfo, found: VideoInfo) -> str:
    """Why labels of one video cannot lie on the other; "" when its frames have the same times and size."""
    if found.frame_count != wanted.frame_count:
        return f"other length: {found.frame_count} frames, not {wanted.frame_count}"
    if found.times != wanted.times:
        return "the frames have other timestamps"
    if (found.width_px, found.height_px) != (wanted.width_px, wanted.height_px):
        return f"other size: {found.width_px}×{found.height_px}"
    return ""
