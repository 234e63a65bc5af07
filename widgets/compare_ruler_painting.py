"""How the aligned ruler looks: the reference's phases as the clock, and under it every take warped onto it.

A frame of a take is a cell between the reference times at which the warp shows it: wide where the take is
held, narrow where it is skipped through, tinted by the error of the match. What does not move with the
playhead is painted once into a layer. What the mouse does is in `compare_ruler`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget

from models.domain.ontology import Ontology
from models.domain.timebase import FrameTimes
from widgets import theme as themes
from widgets import timeline_painter as paint
from widgets.compare_gestures import EventDrag, PinDrag
from widgets.compare_painter import draw_cells, draw_legend, draw_loose, draw_pin, draw_title, draw_underline
from widgets.compare_take import CompareTake, Pin, TakeClock, error_limits, tinted_error
from widgets.compare_warped import WarpedTake
from widgets.people import person_color
from widgets.theme import small_font
from widgets.timeline_axis import TimeAxis
from widgets.timeline_bands import draw_bands
from widgets.timeline_lanes import LABEL_WIDTH_PX, RIGHT_MARGIN_PX, Lane, LaneKind
from widgets.timeline_marks import BandMarks
from widgets.timeline_painter import Ink

_LABEL_WIDTH_PX = LABEL_WIDTH_PX + 34
_PLAYHEAD_PX = 8


class RulerPainting(QWidget):
    """Custom-painted lanes of two to nine takes."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.axis: TimeAxis | None = None
        self.takes: tuple[WarpedTake, ...] = ()
        self.playhead = 0
        self.selected = ""
        self.selected_event = ""
        self.selected_pin = ""
        self._limits = (0.0, 1.0)
        self._error_name = ""
        self._drag: EventDrag | None = None
        self._pin_drag: PinDrag | None = None
        self._loose: tuple[str, int] | None = None
        self._alone_row: int | None = None
        self._scrubbing = False
        self._pan_x: float | None = None
        self._layer: QPixmap | None = None
        self.setMouseTracking(True)
        self.setAccessibleName("Aligned ruler")
        self.setFont(small_font(self.font()))

    # -- setters -------------------------------------------------------------------------------------

    def set_takes(
        self, takes: Sequence[CompareTake], clocks: Sequence[TakeClock], ontology: Ontology | None
    ) -> None:
        """The takes and their clocks; one of them is the reference."""
        self._drag = self._pin_drag = self._alone_row = None
        reference = next((take for take in takes if take.is_reference), None)
        self.takes = tuple(WarpedTake.of(*pair, ontology) for pair in zip(takes, clocks, strict=True))
        self._limits, self._error_name = error_limits(clocks), tinted_error(clocks)
        if reference is None:
            self.axis = None
        elif self.axis is None or self.axis.times != reference.times:
            self.axis = TimeAxis.fit(reference.times, *self._axis_place())
            self.playhead = min(self.playhead, len(reference.times) - 1)
        self.updateGeometry()
        self._repaint()

    def set_playhead(self, reference_index: int) -> None:
        if self.axis is None:
            return
        before, self.playhead = self.playhead, int(np.clip(reference_index, 0, len(self.axis.times) - 1))
        shown = self.axis.showing(self.playhead)
        if shown is not self.axis:
            self._set_axis(shown)
        elif self._drag is None and self._pin_drag is None and self._loose is None:
            for index in {before, self.playhead}:  # what lies between stays as it is
                x, end = (int(self.axis.x_of_index(i)) for i in (index, index + 1))
                self.update(QRect(x - _PLAYHEAD_PX, 0, end - x + 2 * _PLAYHEAD_PX, self.height()))
        else:
            self.update()

    def set_loose(self, loose: tuple[str, int] | None) -> None:
        """The take that is moved alone and its frame; None = all are in step."""
        if loose != self._loose:
            self._loose = loose
            self.update()

    def set_selected(self, uid: str) -> None:
        """Mark the lane of a take."""
        self.selected = uid
        self._repaint()

    # -- layout and painting ---------------------------------------------------------------------------

    @property
    def times(self) -> FrameTimes | None:
        """Frames of the reference."""
        return self.axis.times if self.axis else None

    def lanes(self) -> tuple[Lane, ...]:
        """Ruler, aligned clock, then one lane per take."""
        unit = max(12.0, QFontMetricsF(self.font()).height())
        ruler = Lane(LaneKind.RULER, "", 0, round(unit * 1.75))
        clock = Lane(LaneKind.PHASES, "aligned clock", ruler.bottom_px, round(unit * 1.85))
        top, height = clock.bottom_px + 6, round(unit * 2.0)
        rows = [
            Lane(LaneKind.EVENTS, warped.take.name, top + i * (height + 5), height)
            for i, warped in enumerate(self.takes)
        ]
        return (ruler, clock, *rows)

    def sizeHint(self) -> QSize:
        return QSize(900, int(self.lanes()[-1].bottom_px + self._legend_px() + 6))

    def minimumSizeHint(self) -> QSize:
        return QSize(320, self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = themes.current()
        if self.axis is None:
            painter.fillRect(self.rect(), theme.panel)
            painter.end()
            return
        if self._layer is None:
            self._layer = self._painted_layer(self.axis)
        painter.drawPixmap(0, 0, self._layer)
        ink = Ink.on(painter, theme, self.axis)
        lanes = self.lanes()
        self._paint_selected_event(ink, lanes)
        self._paint_pins(ink, lanes)
        paint.draw_playhead(ink, self.playhead, 0, lanes[-1].bottom_px + 2, lanes[0].bottom_px)
        self._paint_loose(ink, lanes)
        self._paint_drag(ink, lanes)
        painter.end()

    def _painted_layer(self, axis: TimeAxis) -> QPixmap:
        ratio = self.devicePixelRatioF()
        layer = QPixmap(QSize(round(self.width() * ratio), round(self.height() * ratio)))
        layer.setDevicePixelRatio(ratio)
        painter = QPainter(layer)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self.font())
        ink = Ink.on(painter, themes.current(), axis)
        painter.fillRect(self.rect(), ink.theme.panel)
        ruler, clock, *rows = self.lanes()
        paint.draw_ruler(ink, ruler)
        reference = next((warped for warped in self.takes if warped.take.is_reference), None)
        draw_title(ink, clock, clock.key, _LABEL_WIDTH_PX, chosen=False, dot=None)
        draw_bands(ink, clock, reference.phases if reference else BandMarks.of_phases(()), {}, base=True)
        for row, (lane, warped) in enumerate(zip(rows, self.takes, strict=True)):
            chosen = warped.take.uid == self.selected
            draw_title(ink, lane, warped.take.name, _LABEL_WIDTH_PX, chosen=chosen, dot=person_color(row))
            tinted = warped.clock.error_name == self._error_name
            draw_cells(ink, lane, warped.clock, self._limits, tinted=tinted)
            draw_underline(ink, lane, warped.phases)
            paint.draw_events(ink, lane, warped.events, axis.px_per_frame, baseline=False)
        if self._error_name:
            bottom = self.lanes()[-1].bottom_px
            box = QRectF(axis.left_px, bottom + 2, axis.width_px, self._legend_px())
            draw_legend(ink, box, self._limits, self._error_name)
        painter.end()
        return layer

    def _paint_selected_event(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for lane, warped in zip(lanes[2:], self.takes, strict=True):
            row = warped.events.row_of.get(self.selected_event)
            if row is not None:
                x = float(ink.axis.x_of_pts(int(warped.events.pts[row])))
                ink.painter.setPen(QPen(ink.theme.accent, 1.6))
                ink.painter.setBrush(Qt.BrushStyle.NoBrush)
                ink.painter.drawEllipse(QPointF(x, lane.middle_px), 10, 10)

    def _paint_pins(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for row, (lane, warped) in enumerate(zip(lanes[2:], self.takes, strict=True)):
            drag = self._pin_drag if self._pin_drag is not None and self._pin_drag.row == row else None
            for pin in warped.take.pins:
                shown = drag.now if drag is not None and drag.pin.uid == pin.uid else pin
                x = self._pin_x(shown)
                if ink.axis.left_px <= x <= ink.axis.right_px:
                    draw_pin(ink, lane, x, chosen=pin.uid == self.selected_pin)

    def _paint_loose(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        for lane, warped in zip(lanes[2:], self.takes, strict=True):
            if self._loose is not None and self._loose[0] == warped.take.uid and self._pin_drag is None:
                frame = self._loose[1]
                x = float(ink.axis.x_of_pts(warped.clock.reference_pts(np.array([frame]))[0]))
                draw_loose(ink, lane, x, f"alone: frame {frame}")

    def _paint_drag(self, ink: Ink, lanes: Sequence[Lane]) -> None:
        if self._pin_drag is not None and self._pin_drag.moving:
            now, row = self._pin_drag.now, self._pin_drag.row
            text = f"{self.takes[row].take.name} frame {now.frame} = reference {now.reference}"
            paint.draw_bubble(ink, self._pin_x(now), lanes[2 + row].top_px, text)
        drag = self._drag
        if drag is None or drag.target < 0:
            return
        lane, warped = lanes[2 + drag.row], self.takes[drag.row]
        x = float(ink.axis.x_of_pts(warped.clock.reference_pts(np.array([drag.target]))[0]))
        color = warped.events.color_name(drag.event_row)
        paint.draw_diamond(ink, x, lane.middle_px, color, hollow=False, size_px=7)
        moved = drag.target - warped.own_frame(drag.event_row)
        paint.draw_bubble(ink, x, lane.top_px, f"{warped.take.name} frame {drag.target} · {moved:+d}")

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self.axis is not None:
            self.axis = self.axis.placed(*self._axis_place())
        self._repaint()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._repaint()
        super().changeEvent(event)

    def _repaint(self) -> None:
        self._layer = None
        self.update()

    def _set_axis(self, axis: TimeAxis) -> None:
        self.axis = axis
        self._repaint()

    def _axis_place(self) -> tuple[float, float]:
        return _LABEL_WIDTH_PX, max(1.0, self.width() - _LABEL_WIDTH_PX - RIGHT_MARGIN_PX)

    def _legend_px(self) -> float:
        return round(QFontMetricsF(self.font()).height() * 1.6)

    def _pin_x(self, pin: Pin) -> float:
        assert self.axis is not None
        index = min(max(pin.reference, 0), len(self.axis.times) - 1)
        return float(self.axis.x_of_index(index) + self.axis.x_of_index(index + 1)) / 2
