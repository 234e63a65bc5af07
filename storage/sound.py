"""Sound of a take as samples on the clock of its pictures, and sound that goes into a clip.

Convention: float32 (N, channels), -1..1; sample 0 is heard when the first frame is shown, whatever the file
puts before or after it: what comes earlier is cut, a late start is silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from numpy.typing import NDArray

from models.domain.timebase import FrameTimes
from storage.container import open_container

AAC_RATES_HZ = {96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
FALLBACK_RATE_HZ = 48_000
AAC_FRAME = 1024  # samples of a packet
AAC_BITS_PER_CHANNEL = 96_000
GAP_S = 0.02  # timestamps that jump by more are a hole in the recording, by less they are rounding
PRIMING_S = Fraction(1, 10)
COPIED_CODECS = {  # what each container takes without being encoded again
    ".mp4": {"aac", "mp3", "ac3", "eac3", "alac", "opus"},
    ".mov": {"aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le"},
    ".mkv": {"aac", "mp3", "ac3", "eac3", "opus", "vorbis", "flac", "pcm_s16le", "pcm_s24le", "alac"},
}


@dataclass(frozen=True, eq=False)
class Sound:
    """samples: float32 (N, C). rate_hz: samples per second. layout: as FFmpeg calls it, such as "stereo"."""

    samples: NDArray[np.float32]
    rate_hz: int
    layout: str

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


def sound_codec(path: Path) -> str:
    """The codec of a video's sound; "" when it has none, or is a folder of images."""
    if path.is_dir():
        return ""
    container, _ = open_container(path)
    with container:
        stream = container.streams.best("audio")
        context = stream.codec_context if stream is not None else None
        return context.name if context is not None else ""


def read_sound(
    path: Path, times: FrameTimes, first_s: float = 0.0, last_s: float | None = None
) -> Sound | None:
    """The sound between two times (seconds from the first frame; None = to the end of the pictures), filled
    up with silence; None when the video has no sound. What cannot be decoded is silence."""
    if not sound_codec(path):
        return None
    last_s = times.duration_s if last_s is None else last_s
    origin_s = float(int(times.pts[0]) * times.time_base)
    container, _ = open_container(path)
    with container:
        stream = container.streams.best("audio")
        assert isinstance(stream, AudioStream) and stream.time_base is not None
        layout = stream.codec_context.layout
        rate = stream.codec_context.sample_rate
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=_aac_rate(rate))
        target_hz = _aac_rate(rate)
        count = max(1, round((last_s - first_s) * target_hz))
        samples = np.zeros((count, layout.nb_channels), np.float32)
        if first_s > 1:
            container.seek(int((origin_s + first_s - 1) * av.time_base))
        place: int | None = None
        for frame in _decoded(container.demux(stream)):
            if frame.pts is not None:
                at = round((float(frame.pts * stream.time_base) - origin_s - first_s) * target_hz)
                if place is None or abs(at - place) > GAP_S * target_hz:
                    place = at
            place = place or 0
            if place >= count:
                break
            for piece in resampler.resample(frame):
                place = _lay(samples, np.asarray(piece.to_ndarray().T, np.float32), place)
        for piece in resampler.resample(None):
            _lay(samples, np.asarray(piece.to_ndarray().T, np.float32), place or 0)
    return Sound(samples, target_hz, layout.name)


def _decoded(packets: Iterable[av.Packet[AudioStream]]) -> Iterator[av.AudioFrame]:
    try:
        for packet in packets:
            try:
                yield from packet.decode()
            except av.FFmpegError:
                continue
    except av.FFmpegError:
        return


def _lay(samples: NDArray[np.float32], piece: NDArray[np.float32], at: int) -> int:
    """Put a piece at its place, cut at the ends; returns where the next one follows."""
    first, last = max(at, 0), min(at + len(piece), len(samples))
    if last > first:
        samples[first:last] = piece[first - at : last - at]
    return at + len(piece)


def _aac_rate(rate_hz: int) -> int:
    return rate_hz if rate_hz in AAC_RATES_HZ else FALLBACK_RATE_HZ


class SoundSource(Protocol):
    """Sound on its way into a file. `add_to` comes before the header is written."""

    def add_to(self, container: OutputContainer) -> None: ...
    def packets_until(self, seconds: float) -> Iterator[av.Packet[AudioStream]]:
        """What is heard before that time of the clip and was not given yet."""
        ...

    def close(self) -> None: ...


class EncodedSound:
    """Samples that become AAC; sample 0 is heard with the first picture."""

    def __init__(self, sound: Sound) -> None:
        self._sound, self._given, self._ended = sound, 0, False

    def add_to(self, container: OutputContainer) -> None:
        stream = container.add_stream("aac", rate=self._sound.rate_hz, layout=self._sound.layout)
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = AAC_BITS_PER_CHANNEL * self._sound.samples.shape[1]
        stream.codec_context.time_base = Fraction(1, self._sound.rate_hz)
        self._stream = stream

    def packets_until(self, seconds: float) -> Iterator[av.Packet[AudioStream]]:
        total, rate = len(self._sound.samples), self._sound.rate_hz
        wanted = min(total, round(min(seconds, total / rate) * rate))
        while self._given < wanted:
            piece = self._sound.samples[self._given : self._given + AAC_FRAME]
            planar = np.ascontiguousarray(np.clip(piece.T, -1, 1))
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=self._sound.layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, self._given, Fraction(1, rate)
            self._given += len(piece)
            yield from self._stream.encode(frame)
        if wanted == total and not self._ended:
            self._ended = True
            yield from self._stream.encode(None)

    def close(self) -> None:
        """Nothing is held open."""


class CopiedSound:
    """Packets of a video's sound from `first_s` to `last_s` (seconds from its first frame), untouched.

    A packet goes along when all of it lies behind `first_s`: at most one packet (about 20 ms) is missing at
    the start, and nothing is out of step.
    """

    def __init__(self, path: Path, times: FrameTimes, first_s: float, last_s: float) -> None:
        self._container, _ = open_container(path)
        stream = self._container.streams.best("audio")
        assert isinstance(stream, AudioStream) and stream.time_base is not None
        self._stream_in, self._base = stream, stream.time_base
        origin = Fraction(int(times.pts[0])) * times.time_base + Fraction(first_s).limit_denominator(10**9)
        self._origin = round(origin / self._base)
        # What an encoder puts before the first sample (priming) belongs to a start that is not cut.
        self._first = self._origin - (round(PRIMING_S / self._base) if first_s == 0 else 0)
        self._stop = self._origin + round((last_s - first_s) / float(self._base))
        if first_s > 1:
            self._container.seek(self._origin, stream=stream)
        self._packets = self._container.demux(stream)
        self._next = next(self._packets, None)

    def add_to(self, container: OutputContainer) -> None:
        made = container.add_stream_from_template(self._stream_in)
        assert isinstance(made, AudioStream)
        self._stream_out = made

    def packets_until(self, seconds: float) -> Iterator[av.Packet[AudioStream]]:
        while self._next is not None:
            packet = self._next
            if packet.pts is not None and packet.pts >= self._first:
                if packet.pts >= self._stop:
                    self._next = None
                    return
                if (packet.pts - self._origin) * self._base > seconds:
                    return
                packet.pts -= self._origin
                if packet.dts is not None:
                    packet.dts -= self._origin
                packet.stream = self._stream_out
                yield packet
            self._next = next(self._packets, None)

    def close(self) -> None:
        self._container.close()
