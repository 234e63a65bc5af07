"""The pictures of the takes that are compared: side by side, laid over each other, or wiped.

A painted widget. Each cell has the picture, the take's name, its frame, what its warp does there
(`reference`, `0.97×`, `held 3`) and the error of the match. States are told in words as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetricsF,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QWidget

from widgets import theme as themes
from widgets.compare_shot import Shot, fitted, grid_shape
from widgets.compare_take import CompareTake, TakeClock
from widgets.timeline_axis import format_time

_HELD_FILL = QColor("#D55E00")
_CHIP_FILL = QColor(20, 20, 21, 215)
_GAP_PX = 1.0


class CompareMode(StrEnum):
    GRID = "grid"
    OVERLAY = "overlay"
    SWIPE = "swipe"


class CompareStage(QWidget):
    """Paints the takes. stepped: frames asked for by the wheel."""

    take_selected = Signal(str)
    reference_requested = Signal(str)
    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.takes: tuple[CompareTake, ...] = ()
        self.clocks: tuple[TakeClock, ...] = ()
        self.mode = CompareMode.GRID
        self.playhead = 0
        self.selected = ""
        self._shots: dict[str, Shot] = {}
        self._swipe = 0.5
        self.setMinimumSize(320, 160)
        self.setAccessibleName("Takes")

    def set_takes(self, takes: Sequence[CompareTake], clocks: Sequence[TakeClock]) -> None:
        self.takes, self.clocks = tuple(takes), tuple(clocks)
        uids = {take.uid for take in takes}
        self._shots = {uid: shot for uid, shot in self._shots.items() if uid in uids}
        if self.selected not in uids:
            self.selected = next((take.uid for take in takes if not take.is_reference), "")
        self.update()

    def set_playhead(self, reference_index: int) -> None:
        self.playhead = reference_index
        self.update()

    def set_frame(self, uid: str, image: NDArray[np.uint8], index: int, exact: bool) -> None:
        """The picture of a take: uint8 (H, W, 3) RGB of frame `index`; not exact = nearest frame for now."""
        self._shots[uid] = Shot(image, index, exact)
        self.update()

    def set_mode(self, mode: CompareMode) -> None:
        self.mode = mode
        self.setCursor(
            Qt.CursorShape.SplitHCursor if mode is CompareMode.SWIPE else Qt.CursorShape.ArrowCursor
        )
        self.update()

    def set_selected(self, uid: str) -> None:
        self.selected = uid
        self.update()

    def is_exact(self) -> bool:
        """Whether every picture on screen is the frame that belongs to the playhead."""
        return all(
            (shot := self._shots.get(take.uid)) is not None
            and shot.exact
            and shot.index == int(clock.frames[self._index()])
            for take, clock in zip(self.takes, self.clocks, strict=True)
        )

    def cells(self) -> list[tuple[CompareTake, QRectF]]:
        """The takes and their cells (picture and caption) in grid mode."""
        if not self.takes:
            return []
        rows, columns = grid_shape(
            len(self.takes), self.width(), self.height() - self._caption_px(), self._aspect()
        )
        width, height = self.width() / columns, self.height() / rows
        return [
            (take, QRectF(i % columns * width, i // columns * height, width - _GAP_PX, height - _GAP_PX))
            for i, take in enumerate(self.takes)
        ]

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = themes.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.canvas)
        if len(self.takes) < 2:
            painter.setPen(theme.canvas_text)
            text = "Two to six takes appear here once they are aligned."
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, text)
        elif self.mode is CompareMode.GRID:
            for take, cell in self.cells():
                self._paint_cell(painter, take, cell)
        else:
            self._paint_pair(painter)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.mode is CompareMode.SWIPE:
            self._move_swipe(event.position().x())
            return
        take = self._take_at(event.position())
        if take is not None and event.button() is not Qt.MouseButton.MiddleButton:
            self.set_selected(take.uid)
            self.take_selected.emit(take.uid)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.mode is CompareMode.SWIPE and event.buttons() & Qt.MouseButton.LeftButton:
            self._move_swipe(event.position().x())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        take = self._take_at(event.position())
        if take is not None and not take.is_reference and self.mode is CompareMode.GRID:
            self.reference_requested.emit(take.uid)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        take = self._take_at(QPointF(event.pos()))
        if take is None or take.is_reference:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        chosen = menu.addAction(f"Make {take.name} the reference")
        chosen.triggered.connect(lambda: self.reference_requested.emit(take.uid))
        menu.popup(event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.angleDelta().y():
            self.stepped.emit(-1 if event.angleDelta().y() > 0 else 1)
        event.accept()

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip:
            take = self._take_at(QPointF(event.pos()))  # type: ignore[attr-defined]
            self.setToolTip(self._tip(take) if take is not None else "")
        return super().event(event)

    def _paint_cell(self, painter: QPainter, take: CompareTake, cell: QRectF) -> None:
        theme = themes.current()
        picture = cell.adjusted(0, 0, 0, -self._caption_px())
        shot = self._shots.get(take.uid)
        target = picture
        if shot is not None:
            target = self._picture_rect(picture, shot)
            painter.drawPixmap(
                target.topLeft(), shot.pixmap(target.size().toSize(), self.devicePixelRatioF())
            )
        self._paint_badge(painter, take, target.topLeft() + QPointF(8, 8))
        caption = QRectF(cell.left(), target.bottom(), cell.width(), self._caption_px())
        if take.uid == self.selected:
            painter.setPen(QPen(themes.DARK.accent, 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(target.adjusted(1, 1, -1, -1))
        self._paint_caption(painter, take, caption)
        painter.fillRect(QRectF(cell.right(), cell.top(), _GAP_PX, cell.height() + _GAP_PX), theme.border)
        painter.fillRect(QRectF(cell.left(), cell.bottom(), cell.width() + _GAP_PX, _GAP_PX), theme.border)

    def _paint_pair(self, painter: QPainter) -> None:
        """Reference and selected take in one place, half and half or on both sides of a line."""
        reference, other = self._pair()
        area = QRectF(self.rect()).adjusted(0, 0, 0, -self._caption_px())
        shots = [self._shots.get(take.uid) for take in (reference, other)]
        target = area
        for i, shot in enumerate(shots):
            if shot is None:
                continue
            target = self._picture_rect(area, shot)
            pixmap = shot.pixmap(target.size().toSize(), self.devicePixelRatioF())
            painter.save()
            if i == 1 and self.mode is CompareMode.OVERLAY:
                painter.setOpacity(0.5)
            elif i == 1:
                cut = self.width() * self._swipe
                painter.setClipRect(QRectF(cut, 0, self.width() - cut, self.height()))
                painter.fillRect(area, themes.current().canvas)
            painter.drawPixmap(target.topLeft(), pixmap)
            painter.restore()
        if self.mode is CompareMode.SWIPE:
            x = self.width() * self._swipe
            painter.setPen(QPen(QColor(255, 255, 255, 220), 1.6))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
            painter.setBrush(_CHIP_FILL)
            painter.drawEllipse(QPointF(x, area.center().y()), 9, 9)
        inner = target.adjusted(8, 8, -8, 0)
        self._paint_badge(painter, reference, inner.topLeft())
        self._paint_badge(painter, other, inner.topRight(), to_the_left=True)
        width = min(max(target.width(), 640.0), float(self.width()))
        left = target.center().x() - width / 2
        for i, take in enumerate((reference, other)):
            caption = QRectF(left + i * width / 2, area.bottom(), width / 2, self._caption_px())
            self._paint_caption(painter, take, caption)

    def _paint_badge(
        self, painter: QPainter, take: CompareTake, corner: QPointF, *, to_the_left: bool = False
    ) -> None:
        theme = themes.current()
        clock = self._clock(take)
        text = "reference" if take.is_reference else clock.badge(self._index())
        held = not take.is_reference and bool(clock.hold[self._index()])
        metrics = QFontMetricsF(painter.font())
        box = QRectF(corner.x(), corner.y(), metrics.horizontalAdvance(text) + 14, metrics.height() + 6)
        if to_the_left:
            box.translate(-box.width(), 0)
        fill = theme.primary if take.is_reference else _HELD_FILL if held else _CHIP_FILL
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(theme.primary_text if take.is_reference else QColor("#101010" if held else "#f2f2f2"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_caption(self, painter: QPainter, take: CompareTake, box: QRectF) -> None:
        theme = themes.current()
        metrics = QFontMetricsF(painter.font())
        inner = box.adjusted(10, 0, -10, 0)
        facts = self._facts(take)
        if metrics.horizontalAdvance(facts) + metrics.horizontalAdvance(take.name) > inner.width() - 12:
            facts = facts.replace(f"{self._clock(take).error_name} ", "")
        faded = QColor(theme.canvas_text)
        faded.setAlphaF(0.75)
        painter.setPen(faded)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, facts)
        room = inner.width() - metrics.horizontalAdvance(facts) - 12
        name = metrics.elidedText(take.name, Qt.TextElideMode.ElideMiddle, room)
        painter.setPen(theme.canvas_text)
        painter.drawText(inner, middle | Qt.AlignmentFlag.AlignLeft, name)

    def _facts(self, take: CompareTake) -> str:
        clock, shot = self._clock(take), self._shots.get(take.uid)
        frame = int(clock.frames[self._index()])
        shown = f"{frame}" if shot is None or (shot.exact and shot.index == frame) else f"≈ {shot.index}"
        if take.is_reference:
            return f"{shown} · {format_time(take.times.seconds_at(frame))}"
        error = float(clock.error[self._index()])
        if not np.isfinite(error):
            return shown
        value = f"{error:.1f}" if error >= 10 else f"{error:.2f}"
        return f"{shown} · {clock.error_name} {value}"

    def _tip(self, take: CompareTake) -> str:
        frame = int(self._clock(take).frames[self._index()])
        where = f"{take.name}: frame {frame} · {format_time(take.times.seconds_at(frame))}"
        if take.is_reference:
            return f"{where}\nThe other takes follow this one."
        return f"{where} · pts {take.times.pts_at(frame)}\nDouble click makes this take the reference."

    def _pair(self) -> tuple[CompareTake, CompareTake]:
        reference = next((take for take in self.takes if take.is_reference), self.takes[0])
        others = [take for take in self.takes if take is not reference]
        return reference, next((take for take in others if take.uid == self.selected), others[0])

    def _take_at(self, position: QPointF) -> CompareTake | None:
        if self.mode is not CompareMode.GRID:
            return self._pair()[1] if len(self.takes) > 1 else None
        return next((take for take, cell in self.cells() if cell.contains(position)), None)

    def _clock(self, take: CompareTake) -> TakeClock:
        return self.clocks[self.takes.index(take)]

    def _index(self) -> int:
        return min(max(self.playhead, 0), len(self.clocks[0].frames) - 1)

    def _move_swipe(self, x: float) -> None:
        self._swipe = min(max(x / max(1, self.width()), 0.0), 1.0)
        self.update()

    def _caption_px(self) -> float:
        return round(QFontMetricsF(self.font()).height() * 1.9)

    def _aspect(self) -> float:
        shapes = [shot.image.shape[1] / shot.image.shape[0] for shot in self._shots.values()]
        return float(np.median(shapes)) if shapes else 16 / 9

    @staticmethod
    def _picture_rect(box: QRectF, shot: Shot) -> QRectF:
        height, width = shot.image.shape[:2]
        rect = fitted(box, width, height)
        rect.moveTop(box.top())
        return rect
