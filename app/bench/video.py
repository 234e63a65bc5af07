"""Exact video: seeking, previews and playing, each beside what the bare decoder needs for the same frames.

The bare decoder is PyAV with the same number of threads, which seeks to the keyframe and decodes up to the
frame without converting it to RGB or handing it to anyone. Two videos are made: one with a keyframe every
second or so, one with a single keyframe, which is the case for the proxy.
"""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import mean, median

import av
import cv2
import numpy as np

from app.bench.figures import Figure, Sizes, interleaved
from app.frame_server import Failed, Frame, FrameServer, Opened
from models.domain.errors import KnownError
from storage.clip_writer import ClipWriter
from storage.container import decode_packets, open_container
from storage.encodings import H264, Encoding
from storage.frame_cache import FrameCache
from storage.packet_index import PacketIndex, read_packet_index
from storage.proxy import build_proxy, needs_proxy
from storage.reader import open_video

FPS = Fraction(30)
FEW_FRAMES_BYTES = 16 << 20  # a cache in which no seek finds what the one before decoded
ANSWER_TIMEOUT_S = 60.0
TURN_FRAMES = 20


def figures(sizes: Sizes, folder: Path) -> Iterator[Figure]:
    """Figures of generated videos, one with each distance between keyframes of `sizes`."""
    for gop in sizes.gops:
        path = write_sample(folder / f"{sizes.video_wh[1]}p-gop-{gop}.mp4", gop, sizes)
        yield from _of_file(path, f"{sizes.video_wh[1]}p, keyframe every {gop}", sizes, folder)


def write_sample(path: Path, gop: int, sizes: Sizes) -> Path:
    """A moving texture with noise, about as hard to decode as a camera's picture."""
    width, height = sizes.video_wh
    rng = np.random.default_rng(4)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (height, 2 * width, 3), np.uint8), (0, 0), 3)
    texture = cv2.normalize(texture, np.empty_like(texture), 0, 255, cv2.NORM_MINMAX)
    grain = rng.integers(0, 4, (8, height, width, 3), np.uint8)
    options = (*H264.options, ("g", str(gop)), ("keyint_min", str(gop)), ("sc_threshold", "0"))
    with ClipWriter(path, width, height, FPS, encoding=Encoding(H264.codec, options)) as writer:
        for k in range(sizes.video_frames):
            left = 5 * k % width
            picture = cv2.add(texture[:, left : left + width], grain[k % len(grain)])
            writer.write(np.asarray(picture, dtype=np.uint8))
    return path


def _of_file(path: Path, name: str, sizes: Sizes, folder: Path) -> Iterator[Figure]:
    index = read_packet_index(path)
    if index is None:
        raise KnownError(f"{path.name} came out without a picture.", hint="See 'keyphase doctor' for codecs.")
    places = np.linspace(1, len(index.times) - 1, sizes.seeks).astype(int).tolist()
    frames = random.Random(1).sample(places, len(places))
    cold, floor = _seeks(path, index, frames, sizes.rounds)
    yield Figure(
        "video", f"exact seek, cold ({name})", cold, "ms", floor, "bare decode from the keyframe", "≤ 1.2 ×"
    )
    cached, converting = _cached_seeks(path, index, frames, sizes.rounds)
    yield Figure(
        "video", f"exact seek, cached ({name})", cached, "ms", converting, "bare conversion to RGB", "≤ 16 ms"
    )
    preview, exact = _answers(path, frames, folder)
    yield Figure("video", f"preview of a far frame ({name})", preview, "ms", exact, "the exact frame")
    playing, decoding = _playing(path)
    yield Figure("video", f"playing, per frame ({name})", playing, "ms", decoding, "bare decode")


def _seeks(path: Path, index: PacketIndex, frames: Sequence[int], rounds: int) -> tuple[float, float]:
    """Mean over the frames of the median ms: reader with nothing kept, and bare decoder."""
    with open_video(path, cache=FrameCache(0)) as reader, _bare_decoder(path, index) as bare:
        times = [interleaved(partial(reader.frame, f), partial(bare, f), rounds=rounds) for f in frames]
    return mean(cold for cold, _ in times), mean(floor for _, floor in times)


@contextmanager
def _bare_decoder(path: Path, index: PacketIndex) -> Iterator[Callable[[int], av.VideoFrame]]:
    """Seeks to the keyframe and decodes to a frame, nothing else."""
    container, stream = open_container(path)

    def decode(frame: int) -> av.VideoFrame:
        pts = index.times.pts_at(frame)
        container.seek(int(index.key_seek[index.key_before(frame)]), stream=stream)
        return next(p for p in decode_packets(container.demux(stream)) if p.pts is not None and p.pts >= pts)

    with container:
        yield decode


def _cached_seeks(path: Path, index: PacketIndex, frames: Sequence[int], rounds: int) -> tuple[float, float]:
    """Median ms: the reader for frames decoded before, and PyAV's own conversion of the same pictures."""
    times = []
    with open_video(path) as reader, _bare_decoder(path, index) as bare:
        for f in frames:
            convert = partial(bare(f).to_ndarray, format="rgb24")
            times.append(interleaved(partial(reader.frame, f), convert, rounds=rounds))
    return median(cached for cached, _ in times), median(converting for _, converting in times)


def _playing(path: Path) -> tuple[float, float]:
    """Median ms per frame on the way from first to last, the two taking turns: reader and bare decoder."""
    container, stream = open_container(path)
    with open_video(path) as reader, container:
        pictures = decode_packets(container.demux(stream))
        starts = iter(range(0, len(reader.times), TURN_FRAMES))

        def read() -> None:
            start = next(starts)
            for _ in reader.frames(start, start + TURN_FRAMES):
                pass

        def decode() -> None:
            for _ in islice(pictures, TURN_FRAMES):
                pass

        reading, decoding = interleaved(read, decode, rounds=len(reader.times) // TURN_FRAMES - 1)
    return reading / TURN_FRAMES, decoding / TURN_FRAMES


def _answers(path: Path, frames: Sequence[int], proxy_dir: Path) -> tuple[float, float]:
    """Median ms from a request to its first answer and to the exact one, with the proxy where one is wanted,
    and with a cache that holds only a few frames."""
    with open_video(path) as reader:
        if needs_proxy(reader):
            for _ in build_proxy(path, proxy_dir):
                pass
    arrived: queue.Queue[Frame | Opened | Failed] = queue.Queue()
    server = FrameServer(arrived.put, cache_bytes=FEW_FRAMES_BYTES, ring_bytes=0)
    first, exact = [], []
    try:
        server.open(path, path, proxy_dir=proxy_dir)
        arrived.get(timeout=ANSWER_TIMEOUT_S)
        for frame in frames:
            start = time.perf_counter()
            server.request(path, frame)
            answers: list[float] = []
            done = False
            while not done:
                answer = arrived.get(timeout=ANSWER_TIMEOUT_S)
                answers.append(1000 * (time.perf_counter() - start))
                done = not isinstance(answer, Frame) or answer.exact
            first.append(answers[0])
            exact.append(answers[-1])
    finally:
        server.shut_down()
    return median(first), median(exact)
