"""Composes the picture of a timeline from the drawing functions: a kept layer, and what moves above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from models.domain.timebase import Span
from widgets import theme as themes
from widgets import timeline_painter as paint
from widgets.timeline_axis import TimeAxis, format_time
from widgets.timeline_bands import draw_bands
from widgets.timeline_content import HitKind, interval_frames
from widgets.timeline_frames import draw_frame_marks
from widgets.timeline_lanes import RIGHT_MARGIN_PX, Curve, Lane, LaneKind, LaneLayout
from widgets.timeline_painter import Ink
from widgets.timeline_people import draw_people

if TYPE_CHECKING:
    from widgets.timeline_view import TimelineView


def draw_empty(view: TimelineView, painter: QPainter) -> None:
    """No take: say what to do."""
    theme = themes.current()
    painter.fillRect(view.rect(), theme.panel)
    painter.setPen(theme.muted)
    painter.drawText(view.rect(), Qt.AlignmentFlag.AlignCenter, "Open a take to see its timeline.")


def draw_layer(view: TimelineView, painter: QPainter, axis: TimeAxis, pixel_ratio: float) -> None:
    """Everything that stays while the playhead moves."""
    ink = Ink.on(painter, themes.current(), axis)
    painter.fillRect(view.rect(), ink.theme.panel)
    layout = view.lanes()
    for lane in layout.scrolled:
        if lane.bottom_px > layout.scroll_top_px and lane.top_px < view.height():
            paint.draw_lane_title(ink, lane, lane.key)
            _draw_lane(view, ink, lane)
    painter.fillRect(QRectF(0, 0, view.width(), layout.scroll_top_px), ink.theme.panel)
    for lane in layout.fixed:
        if lane.kind is LaneKind.RULER:
            paint.draw_ruler(ink, lane)
        else:
            view.thumbnails.draw(ink, lane, pixel_ratio)
    _draw_scroll_bar(view, ink, layout)


def _draw_lane(view: TimelineView, ink: Ink, lane: Lane) -> None:
    content = view.content
    if lane.kind is LaneKind.PHASES:
        draw_bands(ink, lane, content.phases, content.phase_labels(), base=True)
    elif lane.kind is LaneKind.EVENTS:
        paint.draw_events(ink, lane, content.events, ink.axis.px_per_frame)
    elif lane.kind is LaneKind.FRAMES:
        draw_frame_marks(ink, lane, content.frames[lane.key], view.marked.get(lane.key, -1))
    elif lane.kind is LaneKind.TIER:
        draw_bands(ink, lane, content.tiers[lane.key], {}, base=False)
    elif lane.kind is LaneKind.PEOPLE:
        draw_people(ink, lane, content.people)
    else:
        paint.draw_curve(ink, lane, _curve(view, lane))


def draw_overlay(view: TimelineView, painter: QPainter, axis: TimeAxis) -> None:
    """Marked range, selection, drag preview, values at the playhead, playhead."""
    painter.setFont(view.font())
    ink = Ink.on(painter, themes.current(), axis)
    layout = view.lanes()
    bottom = min(float(view.height()), layout.content_height_px)
    ruler = layout.fixed[0]
    start, stop = (None if end is None else axis.x_of_index(min(end, len(axis.times))) for end in view.in_out)
    if start is not None or stop is not None:
        paint.draw_in_out(ink, start, stop, ruler.bottom_px, bottom)
    painter.save()
    painter.setClipRect(
        QRectF(
            axis.left_px - 7, layout.scroll_top_px, axis.width_px + 14, view.height() - layout.scroll_top_px
        )
    )
    for lane in layout.scrolled:
        if lane.kind is LaneKind.CURVE:
            _draw_curve_value(view, ink, lane, view.playhead)
            hover = view.hover
            if hover is not None and hover.lane is not None and hover.lane.key == lane.key:
                _draw_curve_value(view, ink, lane, hover.index)
    _draw_selection(view, ink, layout)
    painter.restore()
    paint.draw_playhead(ink, view.playhead, ruler.top_px, bottom, ruler.bottom_px)
    _draw_drag(view, ink, layout)


def _draw_curve_value(view: TimelineView, ink: Ink, lane: Lane, index: int) -> None:
    """A dot on the curve at a frame, with its value beside it."""
    curve = _curve(view, lane)
    x = ink.axis.x_of_index(index)
    if index >= len(curve.values) or not ink.axis.left_px <= x <= ink.axis.right_px:
        return
    value = float(curve.values[index])
    if not np.isfinite(value):
        return
    y = paint.curve_y(lane, curve, value)
    ink.painter.setPen(Qt.PenStyle.NoPen)
    ink.painter.setBrush(QColor(curve.color) if curve.color else ink.theme.muted)
    ink.painter.drawEllipse(QPointF(x, y), 3, 3)
    text = _short(value)
    width = ink.metrics.horizontalAdvance(text)
    left = x + 8 if x + 12 + width < ink.axis.right_px else x - 8 - width
    box = QRectF(left - 3, lane.middle_px - ink.metrics.height() / 2, width + 6, ink.metrics.height())
    backing = QColor(ink.theme.panel)
    backing.setAlphaF(0.8)
    ink.painter.fillRect(box, backing)
    ink.painter.setPen(ink.theme.text)
    ink.painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _draw_selection(view: TimelineView, ink: Ink, layout: LaneLayout) -> None:
    events, lane = view.content.events, layout.first(LaneKind.EVENTS)
    hovered = view.hover.uid if view.hover and view.hover.kind is HitKind.EVENT else ""
    for uid in {view.selection, hovered} - {""}:
        row = events.row_of.get(uid)
        if row is not None and lane is not None:
            x = float(ink.axis.x_of_pts(int(events.pts[row])))
            paint.draw_diamond(
                ink, x, lane.middle_px, events.color_name(row), hollow=bool(events.suggested[row]), size_px=7
            )
            if uid == view.selection:
                ink.painter.setPen(QPen(ink.theme.accent, 1.4))
                ink.painter.setBrush(Qt.BrushStyle.NoBrush)
                ink.painter.drawEllipse(QPointF(x, lane.middle_px), 10, 10)
    for lane in layout.scrolled:
        if lane.kind is LaneKind.PHASES and 0 <= view.selected_phase < len(view.content.phases.items):
            _outline(ink, lane, view.content.phases.items[view.selected_phase].span)
        elif lane.kind is LaneKind.TIER and view.selection in view.content.tiers[lane.key].row_of:
            marks = view.content.tiers[lane.key]
            _outline(ink, lane, marks.items[marks.row_of[view.selection]].span)


def _outline(ink: Ink, lane: Lane, span: Span) -> None:
    x0, x1 = (float(ink.axis.x_of_pts(pts)) for pts in (span.start_pts, span.end_pts))
    ink.painter.setPen(QPen(ink.theme.text, 1.6))
    ink.painter.setBrush(Qt.BrushStyle.NoBrush)
    ink.painter.drawRoundedRect(QRectF(x0 + 0.5, lane.top_px + 1, x1 - x0 - 1, lane.height_px - 2), 3, 3)


def _draw_drag(view: TimelineView, ink: Ink, layout: LaneLayout) -> None:
    drag = view.drag
    if drag is None or not drag.moved or drag.target < 0 or drag.hit.lane is None:
        return
    x, lane = ink.axis.x_of_index(drag.target), drag.hit.lane
    seconds = format_time(ink.axis.times.seconds_at(drag.target))
    if drag.hit.kind is HitKind.EVENT:
        row = view.content.events.row_of.get(drag.hit.uid)
        if row is None:
            return
        before = ink.axis.times.index_at(int(view.content.events.pts[row]))
        text = f"frame {drag.target} · {seconds} · {drag.target - before:+d}"
        events = layout.first(LaneKind.EVENTS) or lane
        phases = layout.first(LaneKind.PHASES) or lane
        color = view.content.events.color_name(row)
        ink.painter.setPen(QPen(QColor(color), 1.4, Qt.PenStyle.DashLine))
        ink.painter.drawLine(QPointF(x, phases.top_px), QPointF(x, events.middle_px))
        paint.draw_diamond(ink, x, events.middle_px, color, hollow=False, size_px=7)
        lane = events
    else:
        start, stop = interval_frames(view.content, drag.hit.uid, ink.axis.times)
        edges = (start, drag.target) if drag.hit.kind is HitKind.INTERVAL_END else (drag.target, stop)
        x0, x1 = (ink.axis.x_of_index(edge) for edge in edges)
        wash = QColor(ink.theme.text)
        wash.setAlphaF(0.22)
        ink.painter.fillRect(QRectF(x0, lane.top_px + 1, x1 - x0, lane.height_px - 2), wash)
        text = f"frames {edges[0]} to {edges[1] - 1} ({edges[1] - edges[0]})"
    paint.draw_bubble(ink, x, lane.top_px, text)


def _draw_scroll_bar(view: TimelineView, ink: Ink, layout: LaneLayout) -> None:
    """A slim bar in the right margin when there are more lanes than fit."""
    shown, total = view.height() - layout.scroll_top_px, layout.content_height_px - layout.scroll_top_px
    if total <= shown + 1 or not layout.scrolled:
        return
    offset = layout.scroll_top_px - layout.scrolled[0].top_px
    bar = QRectF(
        view.width() - RIGHT_MARGIN_PX + 6,
        layout.scroll_top_px + shown * offset / total,
        4,
        max(12.0, shown * shown / total),
    )
    ink.painter.setPen(Qt.PenStyle.NoPen)
    ink.painter.setBrush(ink.theme.border)
    ink.painter.drawRoundedRect(bar, 2, 2)


def _curve(view: TimelineView, lane: Lane) -> Curve:
    return next(curve for curve in view.content.curves if curve.name == lane.key)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
