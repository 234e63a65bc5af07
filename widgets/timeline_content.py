"""What a timeline shows, and what of it lies under the mouse.

`TimelineContent` is plain data that the widget's setters fill. `hit_test` answers a mouse position with a
`Hit`, by bisection over the sorted marks; `describe` puts a hit into words for the tooltip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from models.domain.labels import Event, Interval, Phase
from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes, Span
from widgets.timeline_axis import TimeAxis, format_time
from widgets.timeline_bands import phase_label
from widgets.timeline_frames import FrameMarks, mark_at
from widgets.timeline_lanes import Curve, Lane, LaneKind
from widgets.timeline_marks import BandMarks, EventMarks, band_at, band_edge_at, event_at
from widgets.timeline_people import Presence, describe_people


class HitKind(StrEnum):
    SCRUB = "scrub"
    EVENT = "event"
    INTERVAL = "interval"
    INTERVAL_START = "interval start"
    INTERVAL_END = "interval end"
    PHASE = "phase"
    FRAME = "frame"
    TITLE = "title"


@dataclass(frozen=True, slots=True)
class Hit:
    """What lies under the mouse. row: place in the sorted marks; index: the frame under the mouse."""

    kind: HitKind
    index: int
    uid: str = ""
    row: int = -1
    lane: Lane | None = None

    @property
    def is_edge(self) -> bool:
        return self.kind in (HitKind.INTERVAL_START, HitKind.INTERVAL_END)


@dataclass(slots=True)
class TimelineContent:
    """Labels and curves of one take."""

    events: EventMarks = field(default_factory=lambda: EventMarks.of((), None))
    phases: BandMarks = field(default_factory=lambda: BandMarks.of_phases(()))
    tiers: dict[str, BandMarks] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    frames: dict[str, FrameMarks] = field(default_factory=dict)
    people: tuple[Presence, ...] = ()

    def set_events(self, events: Sequence[Event], ontology: Ontology | None) -> None:
        self.events = EventMarks.of(events, ontology)

    def set_intervals(self, intervals: Sequence[Interval]) -> None:
        """One tier per name, in the order in which the tiers first appear."""
        by_tier: dict[str, list[Interval]] = {}
        for interval in intervals:
            by_tier.setdefault(interval.tier, []).append(interval)
        self.tiers = {tier: BandMarks.of_intervals(found) for tier, found in by_tier.items()}

    def interval(self, uid: str) -> Interval | None:
        for marks in self.tiers.values():
            if uid in marks.row_of:
                item = marks.items[marks.row_of[uid]]
                return item if isinstance(item, Interval) else None
        return None

    def has(self, uid: str) -> bool:
        """Whether an event or interval of that uid is shown."""
        return uid in self.events.row_of or any(uid in marks.row_of for marks in self.tiers.values())

    def phase_labels(self) -> dict[int, str]:
        """Text of the bands of suggested phases, by row; few phases are suggestions, so this stays small."""
        texts = {}
        for row in self.phases.suggested.nonzero()[0][:500].tolist():
            phase = self.phases.items[row]
            assert isinstance(phase, Phase)
            texts[row] = phase_label(phase, self.phase_uncertainty(phase))
        return texts

    def phase_uncertainty(self, phase: Phase) -> float:
        """The larger uncertainty of the suggested events at the ends of a phase, in frames."""
        rows = (*self.events.at_pts(phase.span.start_pts), *self.events.at_pts(phase.span.end_pts))
        return max((self.events.events[row].uncertainty_frames for row in rows), default=0.0)


def hit_test(content: TimelineContent, lane: Lane | None, axis: TimeAxis, x: float) -> Hit:
    """What lies at pixel `x` of a lane. The edge of a phase is the event that makes it."""
    if x < axis.left_px - 6:
        return Hit(HitKind.TITLE, 0, lane=lane)
    base = Hit(HitKind.SCRUB, axis.index_at_x(x), lane=lane)
    if lane is None:
        return base
    if lane.kind is LaneKind.EVENTS:
        return _event_hit(content, event_at(content.events, axis, x), base)
    if lane.kind is LaneKind.PHASES:
        row = event_at(content.events, axis, x, reach_px=3.5)
        if row is not None:
            return _event_hit(content, row, base)
        row = band_at(content.phases, axis, x)
        return base if row is None else replace(base, kind=HitKind.PHASE, row=row)
    if lane.kind is LaneKind.FRAMES:
        row = mark_at(content.frames[lane.key], axis, x)
        if row is None:
            return base
        return replace(base, kind=HitKind.FRAME, row=row, index=content.frames[lane.key].marks[row].frame)
    if lane.kind is LaneKind.TIER:
        marks = content.tiers[lane.key]
        edge = band_edge_at(marks, axis, x)
        row = edge[0] if edge else band_at(marks, axis, x)
        if row is None:
            return base
        item = marks.items[row]
        kind = HitKind.INTERVAL
        if edge:
            kind = HitKind.INTERVAL_END if edge[1] else HitKind.INTERVAL_START
        return replace(base, kind=kind, row=row, uid=item.uid if isinstance(item, Interval) else "")
    return base


def _event_hit(content: TimelineContent, row: int | None, base: Hit) -> Hit:
    if row is None:
        return base
    return replace(base, kind=HitKind.EVENT, row=row, uid=content.events.events[row].uid)


def describe(content: TimelineContent, hit: Hit, times: FrameTimes) -> str:
    """Tooltip of a hit: name, frame, pts, origin, confidence."""
    if hit.kind is HitKind.EVENT:
        return _describe_event(content.events, hit.row, times)
    if hit.kind is HitKind.PHASE:
        phase = content.phases.items[hit.row]
        assert isinstance(phase, Phase)
        return f"{phase_label(phase, content.phase_uncertainty(phase))}\n{_extent(phase.span, times)}"
    interval = content.interval(hit.uid) if hit.uid else None
    if interval is not None:
        state = f"{interval.origin.value}, confidence {interval.confidence:.2f}"
        return f"{interval.name} · {interval.tier}\n{_extent(interval.span, times)}\n{state}"
    if hit.kind is HitKind.TITLE:
        return hit.lane.key if hit.lane else ""
    text = _moment(times, hit.index)
    if hit.kind is HitKind.FRAME and hit.lane is not None:
        return f"{content.frames[hit.lane.key].marks[hit.row].text}\n{text}"
    if hit.lane is not None and hit.lane.kind is LaneKind.CURVE:
        curve = next(curve for curve in content.curves if curve.name == hit.lane.key)
        if hit.index < len(curve.values):
            text = f"{curve.name}: {curve.values[hit.index]:.3g}\n{text}"
    elif hit.lane is not None and hit.lane.kind is LaneKind.PEOPLE:
        text = "\n".join([*describe_people(content.people, hit.index), text])
    return text


def _describe_event(marks: EventMarks, row: int, times: FrameTimes) -> str:
    event = marks.events[row]
    lines = [marks.name(row), _moment(times, times.index_at(event.pts))]
    origin = f"{event.origin.value}, confidence {event.confidence:.2f}"
    if event.uncertainty_frames > 0:
        origin += f", ±{event.uncertainty_frames:.0f} frames"
    lines.append(origin)
    lines += [text for text in (event.annotator, event.note) if text]
    same = len(marks.at_pts(event.pts))
    if same > 1:
        lines.append(f"{same} events on this frame")
    return "\n".join(lines)


def _moment(times: FrameTimes, index: int) -> str:
    return f"frame {index} · {format_time(times.seconds_at(index))} · pts {times.pts_at(index)}"


def _extent(span: Span, times: FrameTimes) -> str:
    first, stop = span_frames(span, times)
    seconds = float(span.duration_pts * times.time_base)
    frames = f"frames {first} to {stop - 1} ({stop - first})"
    return f"{frames} · {seconds:.3f} s · pts {span.start_pts} to {span.end_pts}"


def span_of(content: TimelineContent, hit: Hit) -> Span | None:
    """The span of the band that was hit; None for anything else."""
    if hit.kind is HitKind.PHASE:
        return content.phases.items[hit.row].span
    interval = content.interval(hit.uid) if hit.uid else None
    return interval.span if interval else None


def event_frame(content: TimelineContent, uid: str, times: FrameTimes) -> int:
    """The frame an event lies on. KeyError when there is no such event."""
    return times.index_at(content.events.events[content.events.row_of[uid]].pts)


def interval_frames(content: TimelineContent, uid: str, times: FrameTimes) -> tuple[int, int]:
    """Half-open frame range of an interval. KeyError when there is no such interval."""
    interval = content.interval(uid)
    if interval is None:
        raise KeyError(uid)
    return span_frames(interval.span, times)


def span_frames(span: Span, times: FrameTimes) -> tuple[int, int]:
    """Half-open frame range of a span."""
    start = times.index_at(span.start_pts)
    stop = len(times) if span.end_pts >= times.end_pts else times.index_at(span.end_pts)
    return start, max(stop, start + 1)
