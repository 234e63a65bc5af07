"""Dynamic time warping of 300 × 300 frames against the plain double loop, and a whole alignment of two takes.

Run: `python -m tests.perf.bench_align`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAMES = 300
_ROUNDS = 9


def bench() -> list[dict[str, Any]]:
    """Rows `name, value, unit, reference, ratio`; values are medians in milliseconds."""
    from models.run.align import align_sequences
    from models.run.dtw import dtw

    cost = np.random.default_rng(0).random((FRAMES, FRAMES))
    plain = _median_ms(lambda: _plain_dtw(cost), rounds=3)
    take = _take()
    takes_3d = _median_ms(
        lambda: align_sequences(take, take, "h36m17", "h36m17", fps_reference=30, fps_query=30)
    )
    flat = np.ascontiguousarray(take[..., [0, 1, 3]])
    takes_2d = _median_ms(
        lambda: align_sequences(flat, flat, "h36m17", "h36m17", fps_reference=30, fps_query=30)
    )
    return [
        _row(f"DTW, {FRAMES} × {FRAMES} frames (against plain loops)", _median_ms(lambda: dtw(cost)), plain),
        _row(f"align two 3D takes of {FRAMES} frames", takes_3d, plain),
        _row(f"align two 2D takes of {FRAMES} frames", takes_2d, plain),
    ]


def _row(name: str, value: float, reference: float) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "ms", "reference": reference, "ratio": value / reference}


def _median_ms(work: Callable[[], object], rounds: int = _ROUNDS) -> float:
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def _plain_dtw(cost: NDArray[np.float64]) -> float:
    """Total of the cheapest path, cell by cell on Python lists."""
    rows = cost.tolist()
    before = np.cumsum(rows[0]).tolist()
    for row in rows[1:]:
        now = [before[0] + row[0]]
        for j in range(1, len(row)):
            now.append(min(before[j - 1], before[j], now[j - 1]) + row[j])
        before = now
    return float(before[-1])


def _take() -> NDArray[np.float32]:
    """Smooth random motion of 17 joints around a random pose, (T, 17, 4)."""
    rng = np.random.default_rng(1)
    t = np.linspace(0, 4 * np.pi, FRAMES)[:, None, None]
    xyz = rng.normal(size=(17, 3)) + 0.3 * np.sin(
        rng.uniform(0.5, 1.5, (17, 3)) * t + rng.uniform(0, 6, (17, 3))
    )
    return np.concatenate([xyz, np.ones((FRAMES, 17, 1))], axis=2).astype(np.float32)


if __name__ == "__main__":
    for row in bench():
        figures = f"{row['value']:9.2f} {row['unit']}  {row['reference']:9.2f}  {row['ratio']:.3f}"
        print(f"{row['name']:52s} {figures}")
