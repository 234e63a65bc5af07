"""Dynamic time warping beside the plain double loop in Python, and whole alignments of two takes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from app.bench.figures import Figure, Sizes, interleaved

PLAIN = "double loop in Python, total only"
SKELETON = "h36m17"


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


def random_take(frames: int) -> NDArray[np.float32]:
    """Smooth random motion of 17 joints around a random pose, (T, 17, 4) metres and confidence."""
    rng = np.random.default_rng(1)
    angle = rng.uniform(0.5, 1.5, (17, 3)) * np.linspace(0, 4 * np.pi, frames)[:, None, None]
    xyz = rng.normal(size=(17, 3)) + 0.3 * np.sin(angle + rng.uniform(0, 6, (17, 3)))
    return np.concatenate([xyz, np.ones((frames, 17, 1))], axis=2).astype(np.float32)
