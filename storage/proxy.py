"""Proxies: small copies in which every frame is a keyframe, for videos whose keyframes lie far apart.

Finding a frame of such a video means decoding up to hundreds of others; its proxy shows a preview of any
frame in milliseconds while the exact one is on its way. Frame `i` of the proxy is frame `i` of the video,
whatever its timestamps; the proxy's own times mean nothing. It is only a cache: named and stamped by the
content hash of its video, made again when it does not fit, and safe to delete; the folder keeps those used
last, up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.video import VideoInfo
from storage.clip_writer import ClipWriter
from storage.encodings import MOTION_JPEG
from storage.frame_cache import FrameCache
from storage.reader import VideoReader, open_video

PROXY_HEIGHT_PX = 360
PROXY_FPS = Fraction(25)  # any; frames are matched by index
FRAMES_PER_PROGRESS = 20
LONG_GOP_PX = 60 * 1280 * 720  # between keyframes
FOLDER_BYTES = 4 << 30  # about two hours of video


def needs_proxy(reader: VideoReader) -> bool:
    """Whether finding a frame takes so much decoding that a proxy pays: from one keyframe to the next there
    are more pixels than in 60 frames of 720p (27 frames of 1080p).
    """
    keys = np.append(reader.key_frames, len(reader.times))
    longest = int(np.diff(keys).max())
    return longest * reader.info.width_px * reader.info.height_px > LONG_GOP_PX


def proxy_path(cache_dir: Path, source: VideoInfo) -> Path:
    """Where the proxy of a video lies, made or not."""
    return cache_dir / f"{source.content_hash}.proxy.mov"


def build_proxy(path: str | Path, cache_dir: Path, *, folder_bytes: int = FOLDER_BYTES) -> Iterator[Progress]:
    """Make the proxy of a video unless it is there; closing the generator leaves nothing half made.

    Proxies not used for longest are deleted where the folder would grow beyond `folder_bytes`.

    Raises KnownError where the video cannot be read or the folder cannot be written.
    """
    with open_video(path, cache=FrameCache(capacity_bytes=0)) as reader:
        total = reader.info.frame_count
        note = f"Preview copy of {Path(path).name}"
        existing = open_proxy(cache_dir, reader.info)
        if existing is not None:
            existing.close()
            yield Progress(total, total, note)
            return
        cache_dir.mkdir(parents=True, exist_ok=True)
        width_px, height_px = _proxy_size(reader.info)
        target = proxy_path(cache_dir, reader.info)
        stamp = _stamp(reader.info)
        with ClipWriter(
            target, width_px, height_px, PROXY_FPS, encoding=MOTION_JPEG, comment=stamp
        ) as writer:
            for index, image in enumerate(reader.frames()):
                small = cv2.resize(image, (width_px, height_px), interpolation=cv2.INTER_AREA)
                writer.write(np.asarray(small, dtype=np.uint8))
                if (index + 1) % FRAMES_PER_PROGRESS == 0 and index + 1 < total:
                    yield Progress(index + 1, total, note)
        _make_room(cache_dir, folder_bytes, keep=target)
        yield Progress(total, total, note)


def open_proxy(cache_dir: Path, source: VideoInfo) -> VideoReader | None:
    """Reader of the proxy of `source`; None where there is none that is whole and of the same content."""
    path = proxy_path(cache_dir, source)
    if not path.is_file():
        return None
    try:
        with av.open(str(path)) as container:
            stamped = container.metadata.get("comment") == _stamp(source)
        if not stamped:
            return None
        reader = open_video(path, cache=FrameCache(capacity_bytes=0))
    except (KnownError, av.FFmpegError):
        return None
    if reader.info.frame_count == source.frame_count and reader.info.decode_failures == 0:
        with suppress(OSError):
            path.touch()  # used now
        return reader
    reader.close()
    return None


def _make_room(cache_dir: Path, folder_bytes: int, keep: Path) -> None:
    files = sorted(cache_dir.glob("*.mov"), key=lambda file: file.stat().st_mtime, reverse=True)
    room = folder_bytes - keep.stat().st_size
    for file in files:
        if file != keep:
            room -= file.stat().st_size
            if room < 0:
                with suppress(OSError):  # open in another window on Windows
                    file.unlink()


def _stamp(source: VideoInfo) -> str:
    return f"keyphase proxy 1 of {source.content_hash} with {source.frame_count} frames"


def _proxy_size(source: VideoInfo) -> tuple[int, int]:
    """Even width and height, at most 360 pixels high, in the video's proportions."""
    scale = min(1.0, PROXY_HEIGHT_PX / source.height_px)
    return (
        max(2, 2 * round(source.width_px * scale / 2)),
        max(2, 2 * round(source.height_px * scale / 2)),
    )
