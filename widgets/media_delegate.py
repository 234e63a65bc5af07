"""How a take looks in the media browser: picture, name, frame rate and four marks, painted in one go."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from widgets.icons import paint_icon
from widgets.parts import rate
from widgets.theme import Theme, current, small_font

TAKE_ROLE, THUMBNAIL_ROLE = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
STATES = ("poses", "3D", "aligned", "labelled")
_THUMB_W, _THUMB_H, _PAD, _DOT = 64, 44, 6, 3.4
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class Take:
    """What the browser shows of a video.

    fps: mean frame rate. missing: the file is not where it was. decode_failures: unreadable frames.
    """

    uid: str
    name: str
    frame_count: int
    fps: float
    variable: bool = False
    missing: bool = False
    decode_failures: int = 0
    poses: bool = False
    lifted: bool = False
    aligned: bool = False
    labelled: bool = False
    is_reference: bool = False

    @property
    def states(self) -> tuple[bool, ...]:
        """In the order of the legend: poses, 3D, aligned, labelled."""
        return (self.poses, self.lifted, self.aligned, self.labelled)


class TakeDelegate(QStyledItemDelegate):
    """Paints `Take`s; edits their name in place."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        line = option.fontMetrics.height()
        return QSize(160, max(_THUMB_H, 2 * line + 14) + 2 * _PAD)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        take: Take = index.data(TAKE_ROLE)
        theme = current()
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        card = QRectF(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.selection if selected else theme.hover)
            painter.drawRoundedRect(card, 5, 5)
        thumb = QRectF(card.left() + _PAD, card.center().y() - _THUMB_H / 2, _THUMB_W, _THUMB_H)
        _paint_thumbnail(painter, theme, take, index.data(THUMBNAIL_ROLE), thumb)
        left, width = thumb.right() + 8, card.right() - thumb.right() - 8 - _PAD
        metrics, small = option.fontMetrics, small_font(option.font)
        line_px = metrics.height()
        top = card.center().y() - (2 * line_px + 12) / 2
        painter.setFont(option.font)
        painter.setPen(theme.text)
        name = metrics.elidedText(take.name, Qt.TextElideMode.ElideMiddle, int(width))
        align = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, top, width, line_px), align, name)
        painter.setFont(small)
        _paint_facts(painter, theme, take, QRectF(left, top + line_px, width, line_px))
        x = left + _DOT
        for done in take.states:
            paint_state(painter, theme, QPointF(x, top + 2 * line_px + 7), done)
            x += 13
        if take.is_reference:
            painter.setPen(theme.accent if not selected else theme.text)
            painter.drawText(QRectF(x + 2, top + 2 * line_px, width, 14), align, "reference")
        painter.restore()

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: _Index) -> None:
        rect: QRect = option.rect
        height = editor.sizeHint().height()
        editor.setGeometry(rect.left() + _THUMB_W + 10, rect.top() + 2, rect.width() - _THUMB_W - 12, height)

    def setEditorData(self, editor: QWidget, index: _Index) -> None:
        super().setEditorData(editor, index)
        if isinstance(editor, QLineEdit):
            editor.selectAll()


def paint_state(painter: QPainter, theme: Theme, centre: QPointF, done: bool) -> None:
    """One mark: a filled circle when done, a thin ring when not."""
    painter.setPen(QPen(theme.accent if done else theme.muted, 1.1))
    painter.setBrush(theme.accent if done else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(centre, _DOT, _DOT)


def _paint_facts(painter: QPainter, theme: Theme, take: Take, rect: QRectF) -> None:
    """ "230 frames · 30 fps", or what is wrong, in one line of the present font."""
    marks = []
    if take.missing:
        marks.append(("file missing", theme.error))
    else:
        marks.append((f"{take.frame_count} frames", theme.muted))
        marks.append(("VFR", theme.warning) if take.variable else (rate(take.fps), theme.muted))
        if take.decode_failures:
            marks.append((f"{take.decode_failures} bad", theme.error))
    x, metrics = rect.left(), painter.fontMetrics()
    baseline = rect.top() + (rect.height() + metrics.ascent() - metrics.descent()) / 2
    for i, (text, color) in enumerate(marks):
        for part, part_color in ([(" · ", theme.muted)] if i else []) + [(text, color)]:
            shown = metrics.elidedText(part, Qt.TextElideMode.ElideRight, max(0, int(rect.right() - x + 1)))
            painter.setPen(part_color)
            painter.drawText(QPointF(x, baseline), shown)
            x += metrics.horizontalAdvance(part)


def _paint_thumbnail(
    painter: QPainter, theme: Theme, take: Take, picture: QPixmap | None, target: QRectF
) -> None:
    shape = QPainterPath()
    shape.addRoundedRect(target, 3, 3)
    painter.save()
    painter.setClipPath(shape)
    painter.fillRect(target, theme.canvas)
    if picture is not None and not picture.isNull():
        scale = max(target.width() / picture.width(), target.height() / picture.height())
        width, height = target.width() / scale, target.height() / scale
        source = QRectF((picture.width() - width) / 2, (picture.height() - height) / 2, width, height)
        painter.setOpacity(0.35 if take.missing else 1.0)
        painter.drawPixmap(target, picture, source)
        painter.setOpacity(1.0)
    if take.missing or picture is None:
        mark = QRectF(0, 0, 20, 20)
        mark.moveCenter(target.center())
        paint_icon(painter, "missing" if take.missing else "film", mark, theme.canvas_text)
    elif take.decode_failures:
        corner = QRectF(target.right() - 17, target.top() + 2, 15, 15)
        paint_icon(painter, "warning", corner, theme.canvas_text)
    painter.restore()


class StateLegend(QWidget):
    """Names the four marks in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.setToolTip("The marks under a take, from left to right. Filled: done. Ring: not yet.")

    def sizeHint(self) -> QSize:
        return QSize(160, self.fontMetrics().height() + 4)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _event: QPaintEvent) -> None:
        theme = current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(small_font(self.font()))
        metrics = painter.fontMetrics()
        baseline = (self.height() + metrics.ascent() - metrics.descent()) / 2
        gaps = self.width() - sum(metrics.horizontalAdvance(name) + 12 for name in STATES)
        step, x = min(10.0, max(3.0, gaps / len(STATES))), 0.0
        for name in STATES:
            paint_state(painter, theme, QPointF(x + _DOT + 1, self.height() / 2), True)
            painter.setPen(theme.muted)
            painter.drawText(QPointF(x + 11, baseline), name)
            x += metrics.horizontalAdvance(name) + 12 + step
        painter.end()
