"""Coded videos with sound whose clicks tell the time: for tests of what is heard when."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from models.domain.timebase import FrameTimes
from storage.sound import Sound, read_sound
from tests.storage.video_files import coded_image

RATE_HZ = 48_000
FPS = 25


def clicks(at_s: Sequence[float], duration_s: float, rate_hz: int = RATE_HZ) -> NDArray[np.float32]:
    """Short bursts (2 ms of 3 kHz) that begin at the given seconds: float32 (N, 2)."""
    samples = np.zeros((round(duration_s * rate_hz), 2), np.float32)
    burst = 0.8 * np.sin(2 * np.pi * 3000 * np.arange(round(0.002 * rate_hz)) / rate_hz)
    for second in at_s:
        start = round(second * rate_hz)
        samples[start : start + len(burst)] += burst[:, None].astype(np.float32)[: len(samples) - start]
    return samples


def click_times(sound: Sound) -> list[float]:
    """When bursts begin, in seconds."""
    loud = np.flatnonzero(np.abs(sound.samples[:, 0]) > 0.25)
    if not len(loud):
        return []
    first = np.concatenate([[True], np.diff(loud) > 0.02 * sound.rate_hz])
    return [float(at) for at in loud[first] / sound.rate_hz]


def heard(path: Path, times: FrameTimes) -> list[float]:
    """When clicks are heard in a file, in seconds from its first frame."""
    sound = read_sound(path, times)
    assert sound is not None
    return click_times(sound)


def write_sounding(
    path: Path,
    frames: int,
    click_at_s: Sequence[float],
    first_number: int = 0,
    codec: str = "aac",
    sound_starts_s: float = 0.0,
) -> Path:
    """A coded video at 25 fps; clicks are heard at the given seconds from its first frame."""
    duration_s = frames / FPS
    samples = clicks([s - sound_starts_s for s in click_at_s], duration_s - sound_starts_s)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "crf": "20"})
        video.width, video.height, video.pix_fmt = 80, 48, "yuv420p"
        video.codec_context.gop_size = 12
        audio = container.add_stream(codec, rate=RATE_HZ, layout="stereo")
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(coded_image(first_number + number), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(video.encode(frame))
        for start in range(0, len(samples), 1024):
            piece = np.ascontiguousarray(samples[start : start + 1024].T)
            sounding = av.AudioFrame.from_ndarray(piece, format="fltp", layout="stereo")
            sounding.sample_rate = RATE_HZ
            sounding.pts, sounding.time_base = start + round(sound_starts_s * RATE_HZ), Fraction(1, RATE_HZ)
            container.mux(audio.encode(sounding))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path
