"""Run as `python -m app.bench.child_timeline SIZES`: repaint of the timeline as labels grow, in JSON.

A full repaint (scroll, zoom, edit) of the whole take and zoomed in, and a step of the playhead (playing,
scrubbing). A ratio near 1 says that the time does not follow the number of labels. It has a process of its
own because it needs Qt; `app.bench.children` starts it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from fractions import Fraction
from functools import partial

import numpy as np
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.bench.figures import Figure, Sizes, interleaved
from models.domain.labels import Event, Interval, Phase
from models.domain.ontology import PALETTE, make_ontology
from models.domain.timebase import FrameTimes, Span
from widgets.timeline import Timeline
from widgets.timeline_lanes import Curve

FRAMES_PER_LABEL = 3
SIZE_PX = (1300, 360)


def figures(sizes: Sizes) -> Iterator[Figure]:
    """Figures of one timeline per number of labels; needs an application."""
    timelines = [make_timeline(count) for count in sizes.label_counts]
    target = QImage(timelines[0].size(), QImage.Format.Format_ARGB32_Premultiplied)

    def measure(name: str, change: Callable[[Timeline], None]) -> Iterator[Figure]:
        def paint(timeline: Timeline) -> None:
            change(timeline)
            timeline.render(target)

        times = interleaved(*(partial(paint, timeline) for timeline in timelines), rounds=3 * sizes.rounds)
        smallest = f"with {sizes.label_counts[0]:,} labels"
        for count, taken in zip(sizes.label_counts, times, strict=True):
            yield Figure("timeline", f"{name}, {count:,} labels", taken, "ms", times[0], smallest, "≤ 16 ms")

    yield from measure("repaint of the whole take", Timeline.refresh)
    yield from measure("step of the playhead", lambda timeline: timeline.set_playhead(timeline.playhead + 1))
    for timeline in timelines:
        timeline.set_zoom(0.5)
    yield from measure("repaint zoomed in", Timeline.refresh)


def make_timeline(count: int) -> Timeline:
    """A timeline with `count` labels: half events (with their phases), half intervals on three tiers."""
    ontology = make_ontology("bench", "Bench", ("a", "b", "c"))
    frames = FRAMES_PER_LABEL * count
    places = np.linspace(0, frames - 2, count // 2).astype(int).tolist()
    spans = [Span(a, b) for a, b in zip(places, [*places[1:], frames], strict=True)]
    timeline = Timeline()
    timeline.resize(*SIZE_PX)
    timeline.set_times(FrameTimes.constant(frames, Fraction(30)))
    timeline.set_events(
        [Event(f"e{i}", "v", ontology.events[i % 3].uid, p) for i, p in enumerate(places)], ontology
    )
    timeline.set_phases([Phase(i % 4, "phase", PALETTE[i % 4], span) for i, span in enumerate(spans)])
    timeline.set_intervals(
        [Interval(f"i{i}", "v", f"tier {i % 3}", f"n{i % 5}", Span(p, p + 2)) for i, p in enumerate(places)]
    )
    confidence = np.random.default_rng(0).random(frames, dtype=np.float32)
    timeline.set_curves([Curve.of("confidence", confidence)])
    return timeline


def main() -> None:
    app = QApplication(sys.argv[:1])
    rows = [asdict(figure) for figure in figures(Sizes(**json.loads(sys.argv[1])))]
    json.dump(rows, sys.stdout)
    app.processEvents()


if __name__ == "__main__":
    main()
