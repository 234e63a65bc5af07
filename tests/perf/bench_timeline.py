"""Repaint of the timeline at 1 k, 10 k and 100 k labels, against one without labels.

A full repaint (scroll, zoom, edit) and a playhead step (playing, scrubbing) are measured; `reference` is the
same with no labels, so that a ratio near 1 says that the time does not follow the number of labels.
Run: `python -m tests.perf.bench_timeline`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

SIZES = (1_000, 10_000, 100_000)
_ROUNDS = 15


def bench() -> list[dict[str, Any]]:
    """Rows `name, value, unit, reference, ratio`; values are medians in milliseconds."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    app = QApplication.instance() or QApplication([])
    rows = []
    empty = _timeline(0)
    target = QImage(empty.size(), QImage.Format.Format_ARGB32_Premultiplied)
    base_full, base_step = _measure(empty, target, _repaint), _measure(empty, target, _step)
    for count in SIZES:
        timeline, labels = _timeline(count), f"{count // 1000} k labels"
        whole = _measure(timeline, target, _repaint)
        timeline.axis = timeline.axis.at_zoom(0.5, 600)
        close, step = _measure(timeline, target, _repaint), _measure(timeline, target, _step)
        rows += [
            _row(f"timeline repaint, {labels}", whole, base_full),
            _row(f"timeline repaint zoomed in, {labels}", close, base_full),
            _row(f"timeline playhead step, {labels}", step, base_step),
        ]
        timeline.deleteLater()
    empty.deleteLater()
    app.processEvents()
    return rows


def _timeline(count: int) -> Any:
    """A timeline of 1300 × 360 px over `3 * count` frames: half events and phases, half intervals."""
    from models.domain.labels import Event, Interval, Phase
    from models.domain.ontology import PALETTE, make_ontology
    from models.domain.timebase import FrameTimes, Span
    from widgets.timeline import Timeline
    from widgets.timeline_lanes import Curve

    ontology = make_ontology("bench", "Bench", ("a", "b", "c"))
    frames = max(3000, 3 * count)
    timeline = Timeline()
    timeline.resize(1300, 360)
    timeline.set_times(FrameTimes.constant(frames, Fraction(30)))
    at = np.linspace(0, frames - 2, max(1, count // 2)).astype(int).tolist()[: count // 2]
    timeline.set_events(
        [Event(f"e{i}", "v", ontology.events[i % 3].uid, p) for i, p in enumerate(at)], ontology
    )
    ends = [*at[1:], frames] if at else []
    timeline.set_phases(
        [
            Phase(i % 4, "phase", PALETTE[i % 4], Span(a, b))
            for i, (a, b) in enumerate(zip(at, ends, strict=True))
        ]
    )
    timeline.set_intervals(
        [Interval(f"i{i}", "v", f"tier {i % 3}", f"n{i % 5}", Span(p, p + 2)) for i, p in enumerate(at)]
    )
    timeline.set_curves([Curve.of("confidence", np.random.default_rng(0).random(frames, dtype=np.float32))])
    return timeline


def _repaint(timeline: Any, target: Any) -> None:
    timeline.refresh()
    timeline.render(target)


def _step(timeline: Any, target: Any) -> None:
    timeline.set_playhead(timeline.playhead + 1)
    timeline.render(target)


def _measure(timeline: Any, target: Any, run: Callable[[Any, Any], None]) -> float:
    """Median milliseconds of a few runs."""
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run(timeline, target)
        times.append(1000 * (time.perf_counter() - start))
    return float(np.median(times))


def _row(name: str, value: float, reference: float) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": "ms", "reference": reference, "ratio": value / reference}


if __name__ == "__main__":
    for row in bench():
        figures = f"{row['value']:8.2f} {row['unit']}  {row['reference']:8.2f}  {row['ratio']:6.2f}"
        print(f"{row['name']:44s} {figures}")
