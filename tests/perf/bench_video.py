"""Speed of exact video: seeking, previews and playing, each beside what the bare decoder needs for the same
frames.

The bare decoder is PyAV with the same number of threads, which seeks to the keyframe and decodes up to the
frame without converting it to RGB or handing it to anyone. Run: `python -m tests.perf.bench_video
[VIDEO…]`.
"""

from __future__ import annotations

import queue
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from app.frame_server import Frame, FrameServer
from storage.clip_writer import H264, ClipWriter, Encoding
from storage.container import decode_packets, open_container
from storage.frame_cache import FrameCache
from storage.packet_index import PacketIndex, read_packet_index
from storage.proxy import build_proxy, needs_proxy
from storage.reader import open_video

SEEKS = 8
ROUNDS = 3
COLD_CACHE_BYTES = 16 << 20
SAMPLE_FRAMES = 120
SAMPLE_SIZE_PX = (1280, 720)
SAMPLE_GOPS = (30, 250)


def bench(paths: Sequence[Path] | None = None) -> list[dict[str, Any]]:
    """Rows `name, value, unit, reference, ratio`, values in milliseconds; over generated videos where no
    paths are given.
    """
    if paths is not None:
        return [row for path in paths for row in _bench_file(path)]
    with tempfile.TemporaryDirectory() as folder:
        return bench([_write_sample(Path(folder) / f"720p GOP {gop}.mp4", gop) for gop in SAMPLE_GOPS])


def _bench_file(path: Path) -> list[dict[str, Any]]:
    index = read_packet_index(path)
    assert index is not None
    frames = np.linspace(1, len(index.times) - 1, SEEKS).astype(int).tolist()
    frames = sorted(random.Random(1).sample(frames, len(set(frames))), reverse=True)  # back: each one seeks
    cached, converting = [], []
    with open_video(path, cache=FrameCache(0)) as reader, _bare_decoder(path, index) as bare:
        seeks: list[list[float]] = []
        for _ in range(ROUNDS):
            reader.frame(len(index.times) - 1)
            seeks.append([])
            for frame in frames:
                seeks[-1] += [_time_ms(lambda f=frame: reader.frame(f)), _time_ms(lambda f=frame: bare(f))]
        best = np.array(seeks).min(axis=0)  # the least disturbed of the rounds, for both
        cold, floor = best[0::2], best[1::2]
        for frame in frames:
            picture = bare(frame)
            converting.append(_time_ms(lambda p=picture: p.to_ndarray(format="rgb24")))
    with open_video(path) as reader:
        for frame in frames:
            reader.frame(frame)
            cached.append(_time_ms(lambda f=frame: reader.frame(f)))
    playing, decoding = _playing(path)
    with tempfile.TemporaryDirectory() as folder:
        with open_video(path) as reader:
            if needs_proxy(reader):
                list(build_proxy(path, Path(folder)))
        preview, exact = _answers(path, frames, Path(folder))
    return [
        _row(f"exact seek, cold, {path.stem}", np.mean(cold), np.mean(floor)),
        _row(f"exact seek, decoded before, {path.stem}", np.median(cached), np.median(converting)),
        _row(f"first preview of a far frame, {path.stem}", preview, exact),
        _row(f"playing, per frame, {path.stem}", playing, decoding),
    ]


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


def _playing(path: Path) -> tuple[float, float]:
    """Milliseconds per frame from first to last: the reader with its conversion, and the bare decoder."""
    with open_video(path) as reader:
        count = len(reader.times)
        reading = _time_ms(lambda: [image.shape for image in reader.frames()])
    container, stream = open_container(path)
    with container:
        decoding = _time_ms(lambda: [picture.pts for picture in decode_packets(container.demux(stream))])
    return reading / count, decoding / count


def _answers(path: Path, frames: Sequence[int], proxy_dir: Path) -> tuple[float, float]:
    """Median milliseconds from a request to its first answer and to the exact one, with the proxy if one is
    wanted, and with a cache that holds only a few frames."""
    answers: queue.Queue[Any] = queue.Queue()
    server = FrameServer(answers.put, cache_bytes=COLD_CACHE_BYTES, ring_bytes=0)
    first, exact = [], []
    try:
        server.open(path, path, proxy_dir=proxy_dir)
        answers.get(timeout=60)
        for frame in random.Random(2).sample(list(frames), len(frames)):
            start = time.perf_counter()
            server.request(path, frame)
            answer: Frame = answers.get(timeout=60)
            first.append(1000 * (time.perf_counter() - start))
            while not answer.exact:
                answer = answers.get(timeout=60)
            exact.append(1000 * (time.perf_counter() - start))
    finally:
        server.shut_down()
    return float(np.median(first)), float(np.median(exact))


def _write_sample(path: Path, gop: int) -> Path:
    """A moving texture with noise, about as hard to decode as a camera's picture."""
    width, height = SAMPLE_SIZE_PX
    random_source = np.random.default_rng(4)
    texture = cv2.GaussianBlur(random_source.integers(0, 256, (height, 2 * width, 3), np.uint8), (0, 0), 3)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    options = (*H264.options, ("g", str(gop)), ("sc_threshold", "0"))
    with ClipWriter(path, width, height, Fraction(25), encoding=Encoding(H264.codec, options)) as writer:
        for k in range(SAMPLE_FRAMES):
            noise = random_source.integers(0, 4, (height, width, 1), np.uint8)
            writer.write(
                np.ascontiguousarray(cv2.add(texture[:, 5 * k : 5 * k + width], np.repeat(noise, 3, 2)))
            )
    return path


def _time_ms(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def _row(name: str, value: float, reference: float) -> dict[str, Any]:
    value, reference = float(value), float(reference)
    return {"name": name, "value": value, "unit": "ms", "reference": reference, "ratio": value / reference}


if __name__ == "__main__":
    for row in bench([Path(argument) for argument in sys.argv[1:]] or None):
        figures = f"{row['value']:8.2f} {row['unit']}  {row['reference']:8.2f}  {row['ratio']:6.2f}"
        print(f"{row['name']:60s} {figures}")
