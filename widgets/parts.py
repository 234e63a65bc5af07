"""Small parts that every panel is built from, so that headings, hints and spacing look alike."""

from __future__ import annotations

from fractions import Fraction

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap, QResizeEvent
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from widgets.theme import current

PANEL_MARGIN_PX = 10


def label(text: str = "", role: str = "", *, wrap: bool = False) -> QLabel:
    """A label; role: "", "section", "muted", "hint", "title", "warning", "error", "success", "key"."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if role:
        made.setProperty("role", role)
    return made


def set_role(widget: QWidget, role: str) -> None:
    """Change a widget's role and let the stylesheet look again."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def section(text: str, *right: QWidget) -> QWidget:
    """A heading in capitals, with widgets at its right end."""
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(label(text.upper(), "section"))
    layout.addStretch(1)
    for widget in right:
        layout.addWidget(widget)
    return row


def button(text: str, role: str = "", tip: str = "") -> QPushButton:
    """A push button; role: "", "primary", "flat", "link". A click leaves the focus where it is."""
    made = QPushButton(text)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setToolTip(tip)
    if role:
        made.setProperty("role", role)
    return made


def line() -> QFrame:
    """A hairline between two parts."""
    made = QFrame()
    made.setProperty("role", "line")
    return made


def column(parent: QWidget, *, margin_px: int = PANEL_MARGIN_PX, spacing_px: int = 6) -> QVBoxLayout:
    """A vertical layout with the spacing of the panels."""
    layout = QVBoxLayout(parent)
    layout.setContentsMargins(margin_px, margin_px, margin_px, margin_px)
    layout.setSpacing(spacing_px)
    return layout


def row(*items: QWidget | None, spacing_px: int = 6) -> QHBoxLayout:
    """A horizontal layout; None is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing_px)
    for item in items:
        if item is None:
            layout.addStretch(1)
        else:
            layout.addWidget(item)
    return layout


def accept_buttons(accept: str) -> QDialogButtonBox:
    """The buttons of a dialog: `accept` and Cancel."""
    standard = QDialogButtonBox.StandardButton
    box = QDialogButtonBox(standard.Ok | standard.Cancel)
    box.button(standard.Ok).setText(accept)
    return box


def form_layout() -> QFormLayout:
    """Names on the left, fields on the right."""
    form = QFormLayout()
    form.setHorizontalSpacing(12)
    form.setVerticalSpacing(8)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    return form


def swatch(color: str | QColor, size_px: int = 11) -> QPixmap:
    """A rounded square of a label's colour."""
    pixmap = QPixmap(size_px * 2, size_px * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(color))
    painter.drawRoundedRect(0, 0, size_px, size_px, 2, 2)
    painter.end()
    return pixmap


def swatch_icon(color: str | QColor) -> QIcon:
    return _untinted(swatch(color))


def _untinted(pixmap: QPixmap) -> QIcon:
    """An icon that keeps its colours in a selected row."""
    drawn = QIcon(pixmap)
    drawn.addPixmap(pixmap, QIcon.Mode.Selected)
    return drawn


def side_mark(side: str, size_px: int = 11) -> QIcon:
    """The shape of a side as on the canvas: left a circle, right a square, middle a diamond."""
    theme = current()
    pixmap = QPixmap(size_px * 2, size_px * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush({"left": theme.left, "right": theme.right}.get(side, theme.middle))
    painter.translate(size_px / 2, size_px / 2)
    if side == "left":
        painter.drawEllipse(QPointF(0, 0), 3.6, 3.6)
    else:
        painter.rotate(0 if side == "right" else 45)
        painter.drawRect(QRectF(-3, -3, 6, 6))
    painter.end()
    return _untinted(pixmap)


def clock(seconds: float) -> str:
    """Time as people read it, to the millisecond: 0:01.233, 1:02:03.000."""
    milliseconds = round(abs(seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    sign = "-" if seconds < 0 and milliseconds else ""
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{sign}{head}:{rest / 1000:06.3f}"


def duration(seconds: float) -> str:
    """A stretch of waiting: "12 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def rate(fps: float | Fraction) -> str:
    """Frames per second without needless decimals: "30 fps", "29.97 fps"."""
    return f"{float(fps):.2f}".rstrip("0").rstrip(".") + " fps"


class RoomyRows(QStyledItemDelegate):
    """Rows with some air, for lists and trees with tick boxes."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        size = super().sizeHint(option, index)
        return QSize(size.width(), option.fontMetrics.height() + 9)


class ElidedLabel(QLabel):
    """One line of text that shortens itself in the middle and shows the whole in its tool tip."""

    def __init__(self, text: str = "", role: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._whole = ""
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        if role:
            self.setProperty("role", role)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        self._whole = text
        self._fit()

    def minimumSizeHint(self) -> QSize:
        return QSize(20, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        width_px = max(self.width(), 20)
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideMiddle, width_px)
        self.setText(shown)
        self.setToolTip(self._whole if shown != self._whole else "")
