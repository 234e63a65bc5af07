"""Dynamic time warping beside other libraries and the plain double loop; whole alignments of takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from importlib.util import find_spec
from io import StringIO

import numpy as np
from numpy.typing import NDArray

from app.bench.figures import Figure, Sizes, interleaved

PLAIN = "double loop in Python, total only"
SKELETON = "h36m17"
EMBEDDING = 128  # numbers per frame, as TCC


def figures(sizes: Sizes) -> Iterator[Figure]:
    """Figures of two takes of `sizes.align_frames` frames; a take is aligned to itself, played faster."""
    from models.run.align import align_sequences
    from models.run.dtw import dtw

    frames = sizes.align_frames
    cost = np.random.default_rng(0).random((frames, frames))
    take_3d = random_take(frames)
    take_2d = np.ascontiguousarray(take_3d[..., [0, 1, 3]])

    def align(take: NDArray[np.float32]) -> object:
        return align_sequences(take, take, SKELETON, SKELETON, fps_reference=30, fps_query=25)

    plain, warp, align_3d, align_2d = interleaved(
        lambda: plain_dtw(cost),
        lambda: dtw(cost),
        lambda: align(take_3d),
        lambda: align(take_2d),
        rounds=sizes.rounds,
    )
    yield Figure("align", f"DTW of {frames} × {frames} frames", warp, "ms", plain, PLAIN)
    yield Figure("align", f"align two 3D takes of {frames} frames", align_3d, "ms", plain, PLAIN)
    yield Figure("align", f"align two 2D takes of {frames} frames", align_2d, "ms", plain, PLAIN)
    yield from _beside_libraries(sizes)
    yield _many_takes(sizes)


def _beside_libraries(sizes: Sizes) -> Iterator[Figure]:
    """From embeddings to the path, against the faster of the libraries of the extra `bench`.

    All run in one thread, so that the time of the processor is what they take where nothing else runs.
    """
    from models.run.dtw import dtw
    from models.run.embedding_align import embedding_costs

    rng, shape = np.random.default_rng(2), (sizes.dtw_frames, EMBEDDING)
    first, second = (rng.normal(size=shape).astype(np.float32).cumsum(axis=0) for _ in range(2))
    others: dict[str, Callable[[], object]] = {}
    if find_spec("tslearn"):
        from tslearn.metrics import dtw_path

        others["tslearn"] = lambda: dtw_path(first, second)
    if find_spec("dtw"):
        with redirect_stdout(StringIO()):  # it greets
            from dtw import dtw as dtw_python

        others["dtw-python"] = lambda: dtw_python(first, second)
    if not others:
        return
    ours, *theirs = interleaved(
        lambda: dtw(embedding_costs(first, second)),
        *others.values(),
        rounds=min(sizes.rounds, 3),
        clock=time.process_time,
    )
    fastest, name = min(zip(theirs, others, strict=True))
    size = f"{shape[0]} × {shape[0]} frames of {EMBEDDING} numbers"
    what = f"DTW of {size}, features to path, time of the processor"
    yield Figure(
        "align", what, ours, "ms", fastest, f"{name}, the faster of {' and '.join(others)}", "≤ 0.33 ×"
    )


def _many_takes(sizes: Sizes) -> Figure:
    """Poses of many takes to warps: a pose encoder of the bundled size embeds, DTW aligns to the first.

    Both run in one thread, so that the time of the processor is what it takes where nothing else runs.
    """
    from dataclasses import asdict

    from models.nets.pose_encoder import PoseEncoder, PoseEncoderConfig
    from models.run.embed import Encoder, embed_poses
    from models.run.embedding_align import align_embeddings
    from models.run.encoder_input import FEATURES

    config = PoseEncoderConfig(FEATURES)
    encoder = Encoder("random", "poses", PoseEncoder(config).eval(), asdict(config))
    frames = sizes.align_frames
    takes = [np.ascontiguousarray(random_take(frames, k)[..., [0, 1, 3]]) for k in range(sizes.takes)]

    def work() -> None:
        vectors = [embed_poses(encoder, take, SKELETON, 30.0) for take in takes]
        for other in vectors[1:]:
            align_embeddings(vectors[0], other, fps_reference=30, fps_query=30)

    (spent_ms,) = interleaved(work, rounds=min(sizes.rounds, 2), clock=time.process_time)
    what = f"embed and align {sizes.takes} takes of {frames} frames, time of the processor"
    return Figure("align", what, spent_ms / 1000, "s", 3.0, "what it may take on 2 cores", "≤ 1 ×")


def plain_dtw(cost: NDArray[np.float64]) -> float:
    """Total of the cheapest path, cell by cell on Python lists; the path itself is not traced back."""
    rows = cost.tolist()
    before = np.cumsum(rows[0]).tolist()
    for row in rows[1:]:
        now = [before[0] + row[0]]
        for j in range(1, len(row)):
            now.append(min(before[j - 1], before[j], now[j - 1]) + row[j])
        before = now
    return float(before[-1])


def random_take(frames: int, seed: int = 1) -> NDArray[np.float32]:
    """Smooth random motion of 17 joints around a random pose, (T, 17, 4) metres and confidence."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0.5, 1.5, (17, 3)) * np.linspace(0, 4 * np.pi, frames)[:, None, None]
    xyz = rng.normal(size=(17, 3)) + 0.3 * np.sin(angle + rng.uniform(0, 6, (17, 3)))
    return np.concatenate([xyz, np.ones((frames, 17, 1))], axis=2).astype(np.float32)
