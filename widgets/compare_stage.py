"""The pictures of the takes that are compared: side by side, laid over each other, or cut by a line.

A painted widget; what it paints is in `compare_cell`. Only the cell whose picture changed is painted again.
The wheel steps all takes; with Alt, or over a take that is loose already, it moves that take alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QMenu, QToolTip, QWidget

from widgets import theme as themes
from widgets.compare_cell import GAP_PX, caption_px, paint_cell, paint_pair, pair_rects, picture_rect
from widgets.compare_shot import Shot, grid_shape
from widgets.compare_state import CompareMode, CompareState
from widgets.compare_take import CompareTake, TakeClock

__all__ = ["CompareMode", "CompareStage"]


class CompareStage(QWidget):
    """Paints the takes. stepped: frames asked for by the wheel. moved_alone: take uid, frames."""

    take_selected = Signal(str)
    reference_requested = Signal(str)
    hide_requested = Signal(str)
    pin_requested = Signal(str)
    stepped = Signal(int)
    moved_alone = Signal(str, int)
    let_back = Signal()
    sizes_changed = Signal()  # what `picture_sizes` tells

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = CompareState()
        self.setMinimumSize(320, 160)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName("Takes")
        self.message = "Two to nine takes appear here once they are aligned."

    @property
    def mode(self) -> CompareMode:
        return self.state.mode

    @property
    def selected(self) -> str:
        return self.state.selected

    # -- setters -------------------------------------------------------------------------------------

    def set_takes(self, takes: Sequence[CompareTake], clocks: Sequence[TakeClock]) -> None:
        self.state.set_takes(takes, clocks)
        self._on_layout()

    def set_playhead(self, reference_index: int) -> None:
        if reference_index != self.state.playhead:
            self.state.playhead = reference_index
            self.update()

    def set_frame(self, uid: str, image: NDArray[np.uint8], index: int, exact: bool) -> None:
        """The picture of a take: uint8 (H, W, 3) RGB of frame `index`, of the size of the video or smaller;
        not exact = nearest frame for now."""
        self.state.shots[uid] = Shot(image, index, exact)
        if self.mode is CompareMode.GRID:
            for take, cell in self.cells():
                if take.uid == uid:
                    self.update(cell.toAlignedRect())
        elif any(take.uid == uid for take in self.state.shown()):
            self.update()

    def set_mode(self, mode: CompareMode) -> None:
        self.state.mode = mode
        self.setCursor(
            Qt.CursorShape.SplitHCursor if mode is CompareMode.SWIPE else Qt.CursorShape.ArrowCursor
        )
        self._on_layout()

    def set_selected(self, uid: str) -> None:
        self.state.selected = uid
        self._on_layout()

    def set_on_bodies(self, on: bool) -> None:
        """Lay the selected take so that its person covers the reference's."""
        self.state.on_bodies = on
        self._on_layout()

    def _on_layout(self) -> None:
        self.sizes_changed.emit()
        self.update()

    # -- where things are ----------------------------------------------------------------------------

    def cells(self) -> list[tuple[CompareTake, QRectF]]:
        """The takes and their cells (picture and caption) in grid mode."""
        takes = self.state.takes
        if not takes:
            return []
        rows, columns = grid_shape(
            len(takes), self.width(), self.height() - self._caption_px(), self._aspect()
        )
        width, height = self.width() / columns, self.height() / rows
        return [
            (take, QRectF(i % columns * width, i // columns * height, width - GAP_PX, height - GAP_PX))
            for i, take in enumerate(takes)
        ]

    def picture_sizes(self) -> dict[str, tuple[int, int]]:
        """Size in device px, (width, height), at which the picture of each take on screen is needed; never
        more than the video has."""
        ratio, below = self.devicePixelRatioF(), self._caption_px()
        if self.mode is CompareMode.GRID:
            places = [
                (take, picture_rect(take, cell.adjusted(0, 0, 0, -below))) for take, cell in self.cells()
            ]
        elif (pair := self.state.pair()) is not None and self.state.shown():
            box = QRectF(self.rect()).adjusted(0, 0, 0, -below)
            places = list(zip(pair, pair_rects(self.state, box), strict=True))
        else:
            places = []
        return {take.uid: _at_most(take.size_px, rect.width() * ratio) for take, rect in places}

    def paintEvent(self, event: QPaintEvent) -> None:
        theme = themes.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if len(self.state.takes) < 2:
            painter.fillRect(self.rect(), theme.canvas)
            painter.setPen(theme.canvas_text)
            wrap = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(self.rect().adjusted(40, 0, -40, 0), wrap, self.message)
        elif self.mode is CompareMode.GRID:
            cells = self.cells()
            for take, cell in cells:
                if event.rect().intersects(cell.toAlignedRect()):
                    paint_cell(painter, self.state, take, cell)
            rest = QRectF(cells[-1][1].right() + GAP_PX, cells[-1][1].top(), self.width(), self.height())
            painter.fillRect(rest, theme.canvas)
        else:
            painter.fillRect(self.rect(), theme.canvas)
            paint_pair(painter, self.state, QRectF(self.rect()))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.sizes_changed.emit()
        super().resizeEvent(event)

    # -- mouse and keys ------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.mode is CompareMode.SWIPE and event.button() is Qt.MouseButton.LeftButton:
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
        if take is not None:
            self.menu_of(take).popup(event.globalPos())

    def menu_of(self, take: CompareTake) -> QMenu:
        """What can be done with a take; deletes itself when closed."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if not take.is_reference:
            chosen = menu.addAction(f"Make {take.name} the reference")
            chosen.triggered.connect(lambda: self.reference_requested.emit(take.uid))
            menu.addSeparator()
            loose = self.state.is_loose(take)
            way = menu.addAction("Let it back into step\tEsc" if loose else "Move it alone\tAlt+← Alt+→")
            way.triggered.connect(self.let_back if loose else lambda: self.moved_alone.emit(take.uid, 0))
            pin = menu.addAction("Pin: these frames correspond\tF8")
            pin.triggered.connect(lambda: self.pin_requested.emit(take.uid))
            menu.addSeparator()
            hide = menu.addAction(f"Do not show {take.name}")
            hide.setEnabled(len(self.state.takes) > 2)
            hide.triggered.connect(lambda: self.hide_requested.emit(take.uid))
        else:
            menu.addAction("This is the reference: the others follow it").setEnabled(False)
        return menu

    def wheelEvent(self, event: QWheelEvent) -> None:
        turn = event.angleDelta().y() or event.angleDelta().x()  # Qt turns the wheel sideways with Alt
        step = 0 if not turn else -1 if turn > 0 else 1
        take = self._take_at(event.position())
        alone = take is not None and not take.is_reference
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if take is not None and alone and (alt or self.state.is_loose(take)):
            self.moved_alone.emit(take.uid, step)
        elif step:
            self.stepped.emit(step)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.state.loose is not None:
            self.let_back.emit()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            take = self._take_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), self.state.tip(take) if take is not None else "", self)
            return True
        return super().event(event)

    def _take_at(self, position: QPointF) -> CompareTake | None:
        if self.mode is not CompareMode.GRID:
            pair = self.state.pair()
            return pair[1] if pair is not None else None
        return next((take for take, cell in self.cells() if cell.contains(position)), None)

    def _move_swipe(self, x: float) -> None:
        self.state.swipe = min(max(x / max(1, self.width()), 0.0), 1.0)
        self.update()

    def _caption_px(self) -> float:
        return caption_px(QFontMetricsF(self.font()))

    def _aspect(self) -> float:
        return float(np.median([take.size_px[0] / take.size_px[1] for take in self.state.takes]))


def _at_most(size: tuple[int, int], width_px: float) -> tuple[int, int]:
    """A size scaled down to a width; never larger than it is."""
    scale = min(1.0, width_px / size[0])
    return max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
