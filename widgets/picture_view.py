"""A video frame that can be zoomed and moved: fits the widget at first, then keeps its view from frame to
frame.

The grey around it is neutral in both themes. A chip in the corner says which frame this is and whether it is
the exact one. The wheel zooms at the cursor; drag with the middle button, or with Space held, moves the
picture.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from widgets import theme
from widgets.canvas_gestures import Gesture, Pan
from widgets.chips import chip_rect, paint_chip
from widgets.frame_picture import FramePicture
from widgets.joint_menu import DEFAULT_KEYS
from widgets.view_transform import Point, ViewTransform

CLOSEST = 80.0  # view px per image px
FARTHEST = 0.2  # of the fitted scale
WHEEL_STEP = 1.2
INSET = 10.0
EMPTY_HINT = "Drop videos here or press Ctrl+O"


def frame_line(index: int, count: int, time_s: float) -> str:
    """Text of the corner chip: `2D · frame 101 of 230 · pts 3.367 s` (frames counted from 0)."""
    return f"2D · frame {index} of {count} · pts {time_s:.3f} s"


class PictureView(QWidget):
    """Shows one frame at a time; see `set_frame`. Subclasses paint over it in `paint_overlay`."""

    space_tapped = Signal()  # Space without a pan: play or pause

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName("Video")
        self.setMinimumSize(160, 120)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._picture: FramePicture | None = None
        self._index, self._exact = -1, True
        self._view, self._fitted = ViewTransform(), True
        self._chip, self._message, self._failed = "", "", False
        self._gesture: Gesture | None = None
        self._space_held = self._space_panned = False
        self._keys = dict(DEFAULT_KEYS)

    def set_frame(
        self,
        image: NDArray[np.uint8] | None,
        index: int = -1,
        exact: bool = True,
        size: tuple[int, int] | None = None,
    ) -> None:
        """Show a frame, uint8 (H, W, 3) RGB, or none. The view stays as it is while the video size does.

        index: 0-based frame index. exact: False marks a nearest preview. size: (width, height) px of the
        video where the preview is smaller than the video.
        """
        before = self._picture.size if self._picture is not None else None
        self._picture = FramePicture(image, size) if image is not None else None
        self._index, self._exact = index, exact
        if self._picture is not None and self._picture.size != before:
            self.fit()
        self.update()

    def set_chip(self, text: str) -> None:
        """Text of the corner chip, e.g. `frame_line(...)`; whether the frame is exact is added here."""
        self._chip = text
        self.update()

    def set_message(self, text: str, error: bool = False) -> None:
        """Text in place of the picture, or over it where there is one. Empty: only the hint where empty."""
        self._message, self._failed = text, error and bool(text)
        self.update()

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Key sequences by the names of `joint_menu.DEFAULT_KEYS`, for the menu and the keys handled here."""
        self._keys |= keys

    @property
    def view(self) -> ViewTransform:
        """How the picture lies in the widget."""
        return self._view

    def fit(self) -> None:
        """Show the whole picture, as large as it goes, also when the widget changes size."""
        self._fitted = True
        if self._picture is not None:
            self._view = ViewTransform.fit(self._picture.size, (self.width(), self.height()))
        self.update()

    def zoom(self, factor: float, at: Point | None = None) -> None:
        """Enlarge by `factor` around the view point `at` (the middle if left out)."""
        if self._picture is None:
            return
        smallest = FARTHEST * ViewTransform.fit(self._picture.size, (self.width(), self.height())).scale
        factor = min(max(self._view.scale * factor, smallest), CLOSEST) / self._view.scale
        self._view = self._view.zoomed(factor, at or (self.width() / 2, self.height() / 2))
        self._fitted = False
        self.update()

    # ---- painting -----------------------------------------------------------------------------------------

    def paint_overlay(self, painter: QPainter) -> None:
        """Paint over the picture; `self.view` says where it lies."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.current().canvas)
        if self._picture is not None:
            self._picture.paint(painter, self._view)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self.paint_overlay(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme.small_font(self.font()))
        self._paint_corner_chip(painter)
        self._paint_message(painter)
        painter.end()

    def _paint_corner_chip(self, painter: QPainter) -> None:
        if not self._chip or self._picture is None:
            return
        preview = theme.DARK.warning
        state = "exact frame" if self._exact else "preview, exact frame coming"
        text = f"{self._chip} · {state}"
        bounds = QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)
        rect = chip_rect(QFontMetricsF(painter.font()), text, bounds.topLeft(), bounds)
        if self._exact:
            paint_chip(painter, text, rect)
        else:
            paint_chip(painter, text, rect, color=preview, outline=preview)

    def _paint_message(self, painter: QPainter) -> None:
        bounds = QRectF(self.rect()).adjusted(INSET, INSET, -INSET, -INSET)
        if self._picture is not None:
            if self._message:
                rect = chip_rect(QFontMetricsF(painter.font()), self._message, bounds.bottomLeft(), bounds)
                paint_chip(
                    painter, self._message, rect, color=theme.DARK.error if self._failed else theme.DARK.text
                )
            return
        ink = theme.DARK.error if self._failed else theme.current().canvas_text
        middle = bounds.center() - QPointF(0, 24)
        _paint_film(painter, middle, ink)
        painter.setFont(self.font())
        painter.setPen(ink)
        below = QRectF(
            bounds.left() + 30, middle.y() + 34, bounds.width() - 60, bounds.bottom() - middle.y() - 34
        )
        wrap = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
        painter.drawText(below, wrap, self._message or EMPTY_HINT)

    # ---- mouse and keys -----------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._picture is None or self._gesture is not None:
            return
        left = event.button() == Qt.MouseButton.LeftButton
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._space_held):
            self._gesture = Pan(point_of(event), point_of(event), begun=True)
            self._space_panned = self._space_held
        elif left:
            self._gesture = self.gesture_at(point_of(event), event.modifiers())
        self.update_cursor()
        self.update()

    def gesture_at(self, at: Point, modifiers: Qt.KeyboardModifier) -> Gesture | None:
        """What a press of the left button begins."""
        return Pan(at, at)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        gesture = self._gesture
        if not isinstance(gesture, Pan):
            return
        at = point_of(event)
        self._gesture = gesture.moved(at)
        if self._gesture.begun:
            self._view = self._view.panned(at[0] - gesture.last[0], at[1] - gesture.last[1])
            self._fitted = False
        self.update_cursor()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.RightButton:
            return
        self._gesture = None
        self.update_cursor()
        self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120 or event.pixelDelta().y() / 60
        self.zoom(WHEEL_STEP**steps, (event.position().x(), event.position().y()))
        event.accept()

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom(1 + event.value(), (event.position().x(), event.position().y()))
                return True
        elif (
            event.type() == QEvent.Type.ShortcutOverride
            and isinstance(event, QKeyEvent)
            and self.wants(event)
        ):
            event.accept()  # ours, before the window's shortcuts
            return True
        return super().event(event)

    def wants(self, event: QKeyEvent) -> bool:
        """Keys that come here even where the window has a shortcut on them."""
        return _is_plain_space(event)

    def is_key(self, event: QKeyEvent, name: str) -> bool:
        """Whether this is the key sequence of that name (see `set_keys`)."""
        return QKeySequence(event.keyCombination()) == QKeySequence(self._keys.get(name, ""))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_plain_space(event):
            if not event.isAutoRepeat():
                self._space_held, self._space_panned = True, False
                self.update_cursor()
        elif self.is_key(event, "fit"):
            self.fit()
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space or event.isAutoRepeat():
            super().keyReleaseEvent(event)
            return
        tapped = self._space_held and not self._space_panned
        self._space_held = False
        self.update_cursor()
        if tapped:
            self.space_tapped.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space_held = False
        self.update_cursor()
        super().focusOutEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        if self._fitted:
            self.fit()
        else:
            before, after = event.oldSize(), event.size()
            dx, dy = (after.width() - before.width()) / 2, (after.height() - before.height()) / 2
            self._view = self._view.panned(dx, dy)

    def cursor_shape(self) -> Qt.CursorShape:
        """The cursor that tells what a press would do."""
        if isinstance(self._gesture, Pan) and self._gesture.begun:
            return Qt.CursorShape.ClosedHandCursor
        return Qt.CursorShape.OpenHandCursor if self._space_held else Qt.CursorShape.ArrowCursor

    def update_cursor(self) -> None:
        """Show `cursor_shape`."""
        self.setCursor(self.cursor_shape())


def point_of(event: QMouseEvent) -> Point:
    """Where the mouse is, view px."""
    position: QPointF = event.position()
    return position.x(), position.y()


def _is_plain_space(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Space and event.modifiers() == Qt.KeyboardModifier.NoModifier


def _paint_film(painter: QPainter, middle: QPointF, ink: QColor) -> None:
    """A frame of film with a triangle in it, for a canvas without a picture."""
    line = QColor(ink)
    line.setAlphaF(0.55)
    painter.setPen(QPen(line, 1.6))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(QRectF(middle.x() - 28, middle.y() - 20, 56, 40), 6, 6)
    triangle = QPolygonF([middle + QPointF(-6, -9), middle + QPointF(10, 0), middle + QPointF(-6, 9)])
    painter.setBrush(line)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawPolygon(triangle)
