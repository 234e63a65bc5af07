"""Finding one frame in a compressed stream, exactly.

Seek to the keyframe shown at or before the frame, decode forwards, and go one keyframe further back where
the first picture that comes out is already past it. Where the container lands too late (MPEG-TS has no
index), the packets before the wanted keyframe are read and left undecoded. Going forwards continues where
the decoder stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeAlias

import av
from av.video.stream import VideoStream

from models.domain.errors import KnownError
from storage.container import decode_packets, open_container
from storage.packet_index import PacketIndex, read_packet_index

NEAR_FRAMES = 4  # decoding on over so few frames is cheaper than seeking to a keyframe that lies between

Passed = Callable[[int, av.VideoFrame], None]
Packets: TypeAlias = "Iterable[av.Packet[VideoStream]]"


def open_decoder(path: Path) -> tuple[ExactDecoder, av.VideoFrame]:
    """A decoder of the video file, and its first picture.

    Frames that a cut left without their keyframe or their data are taken out of the table and counted as
    failures. Raises KnownError for a file without a picture.
    """
    index = read_packet_index(path)
    if index is None:
        raise _no_picture(path)
    decoder = ExactDecoder(path, index)
    try:
        first = decoder.first_picture()
        if first is None:
            raise _no_picture(path)
        undecodable = set(range(first[0]))
        if index.failures and index.timed:
            undecodable |= decoder.undelivered_at_end()
    except BaseException:
        decoder.close()
        raise
    if undecodable:
        decoder.close()
        decoder = ExactDecoder(path, index.without({index.times.pts_at(i) for i in undecodable}))
    return decoder, first[1]


def _no_picture(path: Path) -> KnownError:
    return KnownError(
        f"{path} has a video track without a single picture that can be decoded.",
        hint="Copy the file again from where it was recorded.",
    )


class ExactDecoder:
    """Decoded pictures of one file by frame index. Not thread-safe."""

    def __init__(self, path: Path, index: PacketIndex) -> None:
        self.index = index
        self.missing: set[int] = set()
        self._path = path
        self._frame_of_pts = {pts: i for i, pts in enumerate(index.times.pts.tolist())}
        self._container, self._stream = open_container(path)
        self._pictures: Iterator[tuple[int, av.VideoFrame]] = iter(())
        self._next = self._first = len(index.times)
        self._key = 0

    @property
    def codec(self) -> str:
        return self._stream.codec_context.name

    def picture(self, index: int, passed: Passed) -> av.VideoFrame | None:
        """The picture of frame `index`; None when the decoder does not deliver it (then it is in `missing`).

        `passed(i, picture)` is called for every picture decoded on the way, the wanted one included.
        """
        if index in self.missing:
            return None
        key = self.index.key_before(index)
        if not self._goes_on_to(index, key):
            self._start(key)
        tries_from_further_back = 1
        while True:
            first, last_before, found = self._run_to(index, passed)
            if found is not None:
                return found
            key = min(key, self._key)
            if key == 0 or (first <= index and tries_from_further_back == 0):
                self.missing.update(range(max(0, last_before + 1), index + 1))
                return None
            tries_from_further_back -= int(first <= index)
            key -= 1
            self._start(key)

    def comes_next(self, index: int) -> int:
        """The frame that comes first on the way to `index`: the next one, or the keyframe to seek to."""
        key = self.index.key_before(index)
        if self._goes_on_to(index, key):
            return self._next
        return min(index, self._key_frame(key))

    def first_picture(self) -> tuple[int, av.VideoFrame] | None:
        """The first picture that can be decoded, with its frame index; None when there is none."""
        self._start(0)
        first = next(self._pictures, None)
        if first is not None:
            self._pictures = chain([first], self._pictures)
        return first

    def undelivered_at_end(self) -> set[int]:
        """Frames of the last two groups of pictures that the decoder does not deliver."""
        key = max(0, self.index.key_before(len(self.index.times) - 1) - 1)
        self._start(key)
        expected = set(range(self._next, len(self.index.times)))
        self._next = len(self.index.times)
        return expected - {i for i, _ in self._pictures}

    def close(self) -> None:
        self._container.close()

    def _goes_on_to(self, index: int, key: int) -> bool:
        """Whether decoding on from here reaches `index` at least as soon as seeking to its keyframe."""
        return self._next <= index and self._key_frame(key) <= self._next + NEAR_FRAMES

    def _key_frame(self, key: int) -> int:
        """Frame index from which keyframe `key` can be decoded."""
        if not self.index.timed:
            return 0
        return int(self.index.times.pts.searchsorted(self.index.key_pts[key], side="left"))

    def _run_to(self, index: int, passed: Passed) -> tuple[int, int, av.VideoFrame | None]:
        """Decode forwards to `index`: first frame of this run, last frame before `index`, the picture."""
        last_before = self._next - 1
        for i, picture in self._pictures:
            self._first = min(self._first, i)
            if i > index:  # it is not lost: the next run begins with it
                self._pictures = chain([(i, picture)], self._pictures)
                break
            self._next = i + 1
            passed(i, picture)
            if i == index:
                return self._first, last_before, picture
            last_before = i
        else:
            self._next = len(self.index.times)
        return self._first, last_before, None

    def _start(self, key: int) -> None:
        """Stand at keyframe `key`."""
        self._key = key
        self._first = len(self.index.times)
        self._next = self._key_frame(key)
        if self.index.timed:
            self._pictures = self._numbered_by_pts(self._packets_from(key), from_frame=self._next)
        else:
            self._reopen()
            self._pictures = enumerate(decode_packets(self._container.demux(self._stream)))

    def _numbered_by_pts(self, packets: Packets, from_frame: int) -> Iterator[tuple[int, av.VideoFrame]]:
        # What an open group of pictures shows before its keyframe refers to pictures that were not decoded.
        for picture in decode_packets(packets):
            i = self._frame_of_pts.get(picture.pts, -1) if picture.pts is not None else -1
            if i >= from_frame:
                yield i, picture

    def _packets_from(self, key: int) -> Packets:
        """The packets from keyframe `key` on."""
        for landing in range(key, -1, -1):
            try:
                self._container.seek(int(self.index.key_seek[landing]), stream=self._stream)
            except av.FFmpegError:
                continue
            packets = self._after_key(self._container.demux(self._stream), key)
            if packets is not None:
                return packets
        self._reopen()
        return self._after_key(self._container.demux(self._stream), key) or ()

    def _after_key(self, packets: Iterator[av.Packet[VideoStream]], key: int) -> Packets | None:
        """`packets` from keyframe `key` on; None when they begin after it."""
        key_pts = int(self.index.key_pts[key])
        try:
            for packet in packets:
                if packet.is_keyframe and packet.pts is not None and packet.pts >= key_pts:
                    return chain([packet], packets) if packet.pts == key_pts else None
        except av.FFmpegError:
            return None
        return None

    def _reopen(self) -> None:
        self._container.close()
        self._container, self._stream = open_container(self._path)
