"""The frame table of a video file, read once from the container without decoding.

Every packet is listed by presentation timestamp. What the file asks to leave out (edit lists, hidden
frames) is no frame; what is damaged is counted and is no frame either. Keyframes are kept with the
timestamp to seek to, also those that are not shown: a clip that begins between two keyframes is decoded
from the hidden one.

Files whose packets carry no timestamps (raw streams, old AVI with B-frames) are decoded once from the start;
their frames can only be found by counting from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from models.domain.timebase import FrameTimes
from storage.container import decode_packets, open_container

FALLBACK_FPS = Fraction(25)
SEEK_BY_PTS = ("matroska", "mov")  # demuxers that take the time to seek to for a pts; the others for a dts


@dataclass(frozen=True, slots=True, eq=False)
class PacketIndex:
    """times: the frames that are shown. key_pts, key_seek: int64 (K,), sorted by pts: the keyframes' pts
    and the timestamp to hand to the demuxer. timed: False when frames can only be told apart by counting
    from the start. failures: frames that the container promises and that are damaged or cut off.
    """

    times: FrameTimes
    key_pts: NDArray[np.int64]
    key_seek: NDArray[np.int64]
    timed: bool
    failures: int

    def key_before(self, index: int) -> int:
        """Position in `key_pts` of the last keyframe shown at or before frame `index` (0 if there is
        none).
        """
        at_or_before = np.searchsorted(self.key_pts, self.times.pts_at(index), side="right")
        return max(0, int(at_or_before) - 1)

    @property
    def key_frames(self) -> NDArray[np.int64]:
        """int64 (K',): indices of the frames at which decoding can start, sorted; the first is always 0."""
        if not self.timed:
            return np.zeros(1, dtype=np.int64)
        positions = np.searchsorted(self.times.pts, self.key_pts, side="left")
        return np.unique(np.append(positions[positions < len(self.times)], 0)).astype(np.int64)

    def without(self, damaged_pts: set[int]) -> PacketIndex:
        """The index less the frames at `damaged_pts`."""
        kept = np.array([pts for pts in self.times.pts.tolist() if pts not in damaged_pts], dtype=np.int64)
        times = FrameTimes(kept, self.times.time_base, self.times.end_pts)
        return replace(self, times=times, failures=self.failures + len(damaged_pts))


@dataclass(slots=True)
class _Packets:
    """What the packets say, while they are read."""

    pts: list[int] = field(default_factory=list)
    keys: dict[int, int] = field(default_factory=dict)
    last: tuple[int, int] = (-(1 << 63), 0)  # pts and duration of the frame shown last
    count: int = 0
    corrupt: int = 0
    untimed: bool = False

    def add(self, packet: av.Packet[VideoStream], seek_by_pts: bool) -> None:
        self.count += 1
        if packet.is_corrupt:
            self.corrupt += 1
            return
        if packet.pts is None:
            self.untimed = True
            return
        if packet.is_keyframe:
            self.keys[packet.pts] = packet.pts if seek_by_pts or packet.dts is None else packet.dts
        if not packet.is_discard:
            self.pts.append(packet.pts)
            self.last = max(self.last, (packet.pts, packet.duration or 0))


def read_packet_index(path: Path) -> PacketIndex | None:
    """List the frames of a video file; None when it has none. Raises KnownError as `open_container` does."""
    packets = _Packets()
    container, stream = open_container(path)
    with container:
        promised = _promised_packets(container, stream)
        seek_by_pts = container.format.name.startswith(SEEK_BY_PTS)
        try:
            for packet in container.demux(stream):
                if packet.size > 0 and not _is_hidden(stream, packet):
                    packets.add(packet, seek_by_pts)
        except av.FFmpegError:
            packets.corrupt += 1
        time_base = stream.time_base or 1 / FALLBACK_FPS
        rate = stream.average_rate or stream.guessed_rate or FALLBACK_FPS
    if packets.untimed or (packets.pts and not packets.keys):
        return _index_by_decoding(path, packets.count, time_base, rate)
    if not packets.pts:
        return None
    pts = np.unique(np.array(packets.pts, dtype=np.int64))
    keys = np.array(sorted(packets.keys.items()), dtype=np.int64)
    return PacketIndex(
        times=FrameTimes(pts, time_base, int(pts[-1]) + (packets.last[1] or _step(pts, time_base, rate))),
        key_pts=keys[:, 0],
        key_seek=keys[:, 1],
        timed=True,
        failures=max(packets.corrupt, promised - (packets.count - packets.corrupt)),
    )


def _promised_packets(container: InputContainer, stream: VideoStream) -> int:
    """Packets that the header announces; 0 when it announces none."""
    if "mp4" in container.format.name:  # the sample table after edit lists; `stream.frames` is before them
        return len(stream.index_entries)
    return stream.frames if container.format.name == "avi" else 0


def _is_hidden(stream: VideoStream, packet: av.Packet[VideoStream]) -> bool:
    """VP8 stores frames that are only referred to as packets of their own (RFC 6386, 9.1: show_frame bit)."""
    return stream.codec_context.name == "vp8" and not bytes(packet)[0] & 0x10


def _step(pts: NDArray[np.int64], time_base: Fraction, rate: Fraction) -> int:
    return max(1, int(np.median(np.diff(pts))) if len(pts) > 1 else round(1 / (rate * time_base)))


def _index_by_decoding(path: Path, packets: int, time_base: Fraction, rate: Fraction) -> PacketIndex | None:
    """Index of a file without timestamps: what the decoder guesses, else a constant rate."""
    container, stream = open_container(path)
    with container:
        guessed = [frame.pts for frame in decode_packets(container.demux(stream))]
    if not guessed:
        return None
    times = FrameTimes.constant(len(guessed), rate)
    known = [pts for pts in guessed if pts is not None]
    if len(known) == len(guessed) and all(a < b for a, b in pairwise(known)):
        pts = np.array(known, dtype=np.int64)
        times = FrameTimes(pts, time_base, known[-1] + _step(pts, time_base, rate))
    start = np.zeros(1, dtype=np.int64)
    return PacketIndex(times, start, start, timed=False, failures=max(0, packets - len(guessed)))
