"""The picture of a timeline: what it shows, which part of the take is in view, and painting it.

Setters take domain objects. Frames are indices of the take's `FrameTimes`, ranges of frames are half-open.
Everything but the playhead, the selection and the drag lies on a cached layer, so that playing and scrubbing
only move a line. What the mouse and the keys do to it is in `timeline.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QSize, QTimer, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QWidget

from models.domain.labels import Event, Interval, Phase
from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes
from widgets import timeline_scene
from widgets.theme import small_font
from widgets.timeline_axis import TimeAxis
from widgets.timeline_content import Hit, TimelineContent, hit_test
from widgets.timeline_frames import FrameMarks
from widgets.timeline_lanes import LABEL_WIDTH_PX, RIGHT_MARGIN_PX, Curve, LaneKind, LaneLayout, lay_out
from widgets.timeline_marks import BandMarks
from widgets.timeline_people import Presence, lane_height_px
from widgets.timeline_thumbnails import ThumbnailStrip


@dataclass(slots=True)
class Drag:
    """A press that may become a drag. grab_px: from the mouse to the moved edge; target: where it snaps."""

    hit: Hit
    press: QPointF
    grab_px: float = 0.0
    moved: bool = False
    target: int = -1


class TimelineView(QWidget):
    """Paints one take over time. zoom_changed: 0..1; thumbnails_wanted: frames in view without a picture."""

    zoom_changed = Signal(float)
    thumbnails_wanted = Signal(list)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.content = TimelineContent()
        self.thumbnails = ThumbnailStrip()
        self.axis: TimeAxis | None = None
        self.playhead = 0
        self.selection = ""
        self.selected_phase = -1
        self.marked: dict[str, int] = {}
        self.in_out: tuple[int | None, int | None] = (None, None)
        self.drag: Drag | None = None
        self.hover: Hit | None = None
        self._scroll_px = 0.0
        self._layer: QPixmap | None = None
        self._ask_thumbnails = QTimer(self, singleShot=True, interval=120)
        self._ask_thumbnails.timeout.connect(self._emit_wanted_thumbnails)
        self.setAccessibleName("Timeline")
        self.setFont(small_font(self.font()))

    # -- setters -----------------------------------------------------------------------------------

    def set_times(self, times: FrameTimes | None) -> None:
        """The frames of the take; None = no take. Another take is shown as a whole."""
        if times is None:
            self.axis = None
        elif self.axis is None or self.axis.times != times:
            self.axis = TimeAxis.fit(times, *self._axis_place())
            self.playhead = min(self.playhead, len(times) - 1)
            self.in_out = (None, None)
        self._axis_changed()

    def set_playhead(self, index: int) -> None:
        """Move the playhead; the view turns like a page when it leaves it."""
        if self.axis is None:
            return
        self.playhead = int(np.clip(index, 0, len(self.axis.times) - 1))
        shown = self.axis.showing(self.playhead)
        if shown != self.axis:
            self._set_axis(shown)
        self.update()

    def set_events(self, events: Sequence[Event], ontology: Ontology | None) -> None:
        self.content.set_events(events, ontology)
        self._forget_what_is_gone()
        self.refresh()

    def set_phases(self, phases: Sequence[Phase]) -> None:
        self.content.phases = BandMarks.of_phases(phases)
        self.selected_phase = -1
        self.refresh()

    def set_intervals(self, intervals: Sequence[Interval]) -> None:
        self.content.set_intervals(intervals)
        self._forget_what_is_gone()
        self.refresh()

    def set_thumbnails(self, thumbnails: Sequence[tuple[int, NDArray[np.uint8]]]) -> None:
        """Pictures by frame index, uint8 (H, W, 3) RGB; the strip shows the nearest in each place."""
        aspect = self.thumbnails.aspect
        self.thumbnails.set(thumbnails)
        if self.thumbnails.aspect != aspect:
            self._ask_thumbnails.start()  # the tiles have another width now
        self.refresh()

    def set_curves(self, curves: Sequence[Curve]) -> None:
        self.content.curves = tuple(curves)
        self.refresh()

    def set_frame_marks(self, name: str, marks: FrameMarks | None, selected: int = -1) -> None:
        """Show a lane of marks on frames, or take it away; selected: row that is ringed."""
        if marks is None or not (marks.marks or marks.stretches):
            if self.content.frames.pop(name, None) is None:
                return
        else:
            self.content.frames[name] = marks
        self.marked[name] = selected
        self.refresh()

    def set_people(self, people: Sequence[Presence]) -> None:
        """Show when people are seen; none = no such row."""
        self.content.people = tuple(people)
        self.refresh()

    def set_selection(self, uid: str | None) -> None:
        """Outline an event or interval; None = nothing."""
        self.selection = uid or ""
        self.selected_phase = -1
        self.update()

    def set_in_out(self, start: int | None, stop: int | None) -> None:
        """Show the marked half-open range of frames; an end that is not set yet is None."""
        self.in_out = (start, stop)
        self.update()

    def set_zoom(self, zoom: float) -> None:
        """0 = the whole take … 1 = closest, around the playhead."""
        if self.axis is not None:
            self._set_axis(self.axis.at_zoom(zoom, self._zoom_anchor()), tell=False)

    def fit(self) -> None:
        """Show the whole take."""
        if self.axis is not None:
            self._set_axis(TimeAxis.fit(self.axis.times, *self._axis_place()))

    # -- layout and painting -----------------------------------------------------------------------

    def lanes(self) -> LaneLayout:
        """The lanes as they lie now."""
        layout = self._lay_out(self._scroll_px)
        most = max(0.0, layout.content_height_px - self.height())
        if self._scroll_px > most:
            self._scroll_px = most
            layout = self._lay_out(most)
        return layout

    def _lay_out(self, scroll_px: float) -> LaneLayout:
        return lay_out(
            tuple(self.content.tiers),
            tuple(curve.name for curve in self.content.curves),
            frames=tuple(sorted(self.content.frames)),
            text_height_px=QFontMetricsF(self.font()).height(),
            with_thumbnails=True,
            with_phases=True,
            people_px=lane_height_px(len(self.content.people)) if self.content.people else 0.0,
            scroll_px=scroll_px,
        )

    def sizeHint(self) -> QSize:
        return QSize(900, int(self._lay_out(0.0).content_height_px))

    def minimumSizeHint(self) -> QSize:
        events = self._lay_out(0.0).first(LaneKind.EVENTS)
        return QSize(320, int(events.bottom_px + 6) if events else 120)

    def refresh(self) -> None:
        """Paint everything anew."""
        self._layer = None
        self.hover = None
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.axis is None:
            timeline_scene.draw_empty(self, painter)
        else:
            if self._layer is None:
                self._layer = self._painted_layer()
            painter.drawPixmap(0, 0, self._layer)
            timeline_scene.draw_overlay(self, painter, self.axis)
        painter.end()

    def _forget_what_is_gone(self) -> None:
        """A drag or selection of a label that somebody else has removed meanwhile ends."""
        if self.drag is not None and self.drag.hit.uid and not self.content.has(self.drag.hit.uid):
            self.drag = None
        if self.selection and not self.content.has(self.selection):
            self.selection = ""

    def _painted_layer(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        layer = QPixmap(QSize(round(self.width() * ratio), round(self.height() * ratio)))
        layer.setDevicePixelRatio(ratio)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        assert self.axis is not None
        timeline_scene.draw_layer(self, painter, self.axis, ratio)
        painter.end()
        return layer

    def showEvent(self, event: QShowEvent) -> None:
        self._ask_thumbnails.start()
        super().showEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.axis is not None:
            self.axis = self.axis.placed(*self._axis_place())
        self._axis_changed()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._layer = None
            self.update()
        super().changeEvent(event)

    def _axis_place(self) -> tuple[float, float]:
        return LABEL_WIDTH_PX, max(1.0, self.width() - LABEL_WIDTH_PX - RIGHT_MARGIN_PX)

    def _set_axis(self, axis: TimeAxis, *, tell: bool = True) -> None:
        changed = self.axis is None or axis.zoom != self.axis.zoom
        self.axis = axis
        self._axis_changed()
        if changed and tell:
            self.zoom_changed.emit(axis.zoom)

    def _axis_changed(self) -> None:
        self._layer = None
        self.update()
        if self.axis is not None:
            self._ask_thumbnails.start()

    def _emit_wanted_thumbnails(self) -> None:
        lane = self.lanes().first(LaneKind.THUMBNAILS)
        if self.axis is not None and lane is not None and self.isVisible():
            wanted = self.thumbnails.wanted(self.axis, lane.height_px - 2)
            if wanted:
                self.thumbnails_wanted.emit(wanted)

    def _zoom_anchor(self) -> float:
        assert self.axis is not None
        x = self.axis.x_of_index(self.playhead)
        return (
            x if self.axis.left_px <= x <= self.axis.right_px else self.axis.left_px + self.axis.width_px / 2
        )

    def hit(self, position: QPointF) -> Hit | None:
        """What lies under a position of the widget."""
        if self.axis is None:
            return None
        return hit_test(self.content, self.lanes().lane_at(position.y()), self.axis, position.x())
