"""Opening a video file, with every way in which that goes wrong told in one clear line."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from models.domain.errors import KnownError

TEXT_ART_CODECS = {"ansi", "bintext", "xbin", "idf"}  # FFmpeg shows text files as moving pictures
MAX_DECODER_THREADS = 8


def open_container(path: Path) -> tuple[InputContainer, VideoStream]:
    """The opened file and its video track, decoder threads set. Raises KnownError for all else."""
    check_file(path)
    try:
        # Only local files: a playlist handed from person to person must not reach into the network.
        # An absolute path: FFmpeg takes what comes before a colon for a protocol.
        container = av.open(os.fspath(path.absolute()), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        return container, _video_stream(container, path)
    except BaseException:
        container.close()
        raise


def check_file(path: Path) -> None:
    """Raises KnownError when `path` is not a readable file with content."""
    if not path.exists():
        raise KnownError(
            f"{path} does not exist.", hint="If the file was moved, relink it to where it is now."
        )
    if not path.is_file():
        raise KnownError(f"{path} is not a file.", hint="Choose a video file or a folder of images.")
    if path.stat().st_size == 0:
        raise KnownError(
            f"{path} is empty (0 bytes).", hint="Copy the file again from where it was recorded."
        )
    if not os.access(path, os.R_OK):
        raise KnownError(f"{path} may not be read.", hint="Change its permissions or copy it elsewhere.")


def decode_packets(packets: Iterable[av.Packet[VideoStream]]) -> Iterator[av.VideoFrame]:
    """Every picture in display order; packets that cannot be decoded are passed over."""
    try:
        for packet in packets:
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:  # the container itself cannot be read any further
        return


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    stream = container.streams.best("video")
    if not isinstance(stream, VideoStream) or stream.disposition & Disposition.attached_pic:
        held = "sound but no moving picture" if container.streams.audio else "no video track"
        raise KnownError(f"{path} holds {held}.", hint="Choose a video file.")
    context = stream.codec_context
    if context is None or context.name in TEXT_ART_CODECS:
        what = "is not a video" if context else "is compressed in a way that this build cannot decode"
        raise KnownError(f"{path} {what}.", hint="Choose a video file, or convert this one to H.264 MP4.")
    context.thread_type = "AUTO"
    context.thread_count = min(MAX_DECODER_THREADS, os.cpu_count() or 1)
    return stream


def _unreadable(path: Path, error: Exception) -> KnownError:
    with path.open("rb") as file:
        is_mp4 = file.read(12)[4:8] == b"ftyp"
    if is_mp4:
        return KnownError(
            f"{path} is an MP4 file without a whole index; the recording or the copy was cut off.",
            hint="Copy it again from where it was recorded.",
        )
    return KnownError(
        f"{path} is not a video ({getattr(error, 'strerror', error)}).", hint="Choose a video file."
    )
