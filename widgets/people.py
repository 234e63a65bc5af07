"""How people are told apart: a colour and a number, the same on the video, in lists and on the timeline."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QPixmap

from widgets.theme import readable_on

# Apart from each other, and from the blue and orange of left and right.
_COLORS = (
    "#4ade80", "#f472d0", "#fde047", "#a78bfa", "#ff6b5e", "#0fb5a0", "#a0622d", "#c6f6e0",
    "#7c1fd1", "#0f7a3d", "#b0124a", "#8d8d12", "#2746a8", "#06e5ff", "#f7d9b0", "#6b5f74",
)  # fmt: skip


@cache
def person_color(person: int) -> QColor:
    """Colour of a person by index; they repeat after sixteen."""
    return QColor(_COLORS[person % len(_COLORS)])


def person_label(person: int, names: Sequence[str] = ()) -> str:
    """ "person 2", or "2 · Ann" for one with a name: the number is always told."""
    name = names[person] if 0 <= person < len(names) else ""
    return f"{person + 1} · {name}" if name else f"person {person + 1}"


def paint_badge(painter: QPainter, person: int, rect: QRectF) -> None:
    """A disc of the person's colour with the number in it."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(person_color(person))
    painter.drawEllipse(rect)
    font = QFont(painter.font())
    font.setPixelSize(max(7, round(rect.height() * 0.68)))
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(readable_on(person_color(person)))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(person + 1))
    painter.restore()


def badge_icon(person: int, size_px: int = 16) -> QIcon:
    """The badge for a list; it keeps its colour in a selected row."""
    pixmap = QPixmap(size_px * 2, size_px * 2)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    paint_badge(painter, person, QRectF(0, 0, size_px, size_px))
    painter.end()
    made = QIcon(pixmap)
    made.addPixmap(pixmap, QIcon.Mode.Selected)
    return made
