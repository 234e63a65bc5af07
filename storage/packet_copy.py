"""Frames of a video into a new file without decoding them: same packets, so the same pixels.

That is exact only where the stretch can be decoded on its own: it begins at a keyframe, nothing in it is
shown before that keyframe, and no frame within it refers to one that is shown after it. `NotExact` says which
of these fails. What was copied is listed again and compared with the source before it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from models.domain.errors import KnownError
from models.domain.timebase import FrameTimes
from storage.clip_file import ClipFile
from storage.container import open_container
from storage.packet_index import PacketIndex, read_packet_index
from storage.sound import SoundSource

PROGRESS_PACKETS = 50


class NotExact(Exception):
    """The packets do not make the same frames in a file of their own. The text says why, for people."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Frames first..stop-1 as packets. start_pts, stop_pts: of the source. whole: all packets go along."""

    first: int
    stop: int
    start_pts: int
    count: int
    bytes: int
    whole: bool
    seek: int


def plan_copy(path: Path, times: FrameTimes, first: int, stop: int) -> Stretch:
    """What is to be copied for the frames first..stop-1 of a take. Raises NotExact saying why it cannot."""
    if path.is_dir():
        raise NotExact("it is a folder of images")
    index = read_packet_index(path)
    if index is None or not index.timed:
        raise NotExact("its file carries no timestamps")
    if index.times != times:
        raise NotExact("frames of its file cannot be decoded")
    whole = first == 0 and stop == len(times)
    start = int(times.pts[first])
    keys = np.flatnonzero(index.key_pts == start)
    if not whole and not len(keys):
        raise NotExact("the range does not begin at a keyframe")
    seek = 0 if whole else int(index.key_seek[keys[0]])
    return _listed(path, index, Stretch(first, stop, start, 0, 0, whole, seek))


def _listed(path: Path, index: PacketIndex, stretch: Stretch) -> Stretch:
    """Follow the packets in the order of the file, and see whether the stretch stands alone."""
    wanted = set(index.times.pts[stretch.first : stretch.stop].tolist())
    count = size = 0
    container, stream = open_container(path)
    with container:
        for packet in _packets(container, stream, stretch):
            count, size = count + 1, size + packet.size
            if stretch.whole:
                continue
            if packet.pts is None or packet.pts < stretch.start_pts:
                raise NotExact("frames shown before its keyframe come after it in the file")
            if packet.pts not in wanted:
                raise NotExact("a frame in the range refers to one that is shown after it")
            wanted.remove(packet.pts)
            if not wanted:
                break
    if wanted and not stretch.whole:
        raise NotExact("packets of the range are missing")
    return Stretch(stretch.first, stretch.stop, stretch.start_pts, count, size, stretch.whole, stretch.seek)


def copy_packets(
    path: Path,
    times: FrameTimes,
    stretch: Stretch,
    out: Path,
    sound: SoundSource | None = None,
    draft: Path | None = None,
) -> Iterator[int]:
    """Write the stretch to `out` (draft: see `ClipFile`); yields the number of frames that are done.

    Raises NotExact, leaving nothing, where the container does not hold the codec or the times, KnownError
    where the file cannot be written."""
    container, stream = open_container(path)
    with container, ClipFile(out, sound=sound, draft=draft) as file:
        try:
            made = file.container.add_stream_from_template(stream)
        except (av.FFmpegError, ValueError) as error:
            raise NotExact(f"{out.suffix} files do not hold {stream.codec_context.name}") from error
        made.time_base = stream.time_base
        try:
            file.start()
        except KnownError as error:
            raise NotExact(f"{out.suffix} files do not hold {stream.codec_context.name}") from error
        base = float(times.time_base)
        for done, packet in enumerate(_packets(container, stream, stretch)):
            if done == stretch.count:
                break
            if packet.pts is not None:
                packet.pts -= stretch.start_pts
            if packet.dts is not None:
                packet.dts -= stretch.start_pts
            seconds = (packet.pts or 0) * base
            packet.stream = made
            file.mux([packet], seconds)
            if done % PROGRESS_PACKETS == 0:
                yield done
        file.finish(check=lambda part: _check(part, times, stretch))
    yield stretch.stop - stretch.first


def _packets(
    container: av.container.InputContainer, stream: VideoStream, stretch: Stretch
) -> Iterator[av.Packet[VideoStream]]:
    """Packets with content, from the stretch's keyframe on."""
    if not stretch.whole:
        container.seek(stretch.seek, stream=stream)
    begun = stretch.whole
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        begun = begun or (packet.is_keyframe and packet.pts == stretch.start_pts)
        if begun:
            yield packet


def _check(copy: Path, times: FrameTimes, stretch: Stretch) -> None:
    """The copy has the frames of the source, each as far from the first as there."""
    copied = read_packet_index(copy)
    wanted = times.seconds[stretch.first : stretch.stop] - times.seconds[stretch.first]
    tick = 0.0 if copied is None else float(copied.times.time_base)
    if (
        copied is None
        or len(copied.times) != len(wanted)
        or np.abs(copied.times.seconds - wanted).max() > 1.01 * tick
    ):
        raise NotExact(f"{copy.suffix} files do not keep the times of its frames")
