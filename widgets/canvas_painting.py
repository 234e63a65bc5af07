"""What the video canvas paints over the frame: poses with chips, boxes, the box being drawn, the loupe."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen

from widgets.canvas_gestures import Selection
from widgets.chips import chip_rect, paint_chip
from widgets.frame_picture import FramePicture
from widgets.people import person_color
from widgets.pose_layer import PoseLayer
from widgets.pose_overlay import HALO, handle_radius, joint_text, label_corner, paint_ghost, paint_person
from widgets.theme import DARK, small_font
from widgets.view_transform import ViewTransform

LOUPE_PX = 150.0
LOUPE_SCALE = 6.0  # view px per image px
OTHERS = 0.72  # opacity of people who are not selected


def paint_layer(
    painter: QPainter,
    layer: PoseLayer,
    values: NDArray[np.floating],
    ghost: NDArray[np.floating] | None,
    view: ViewTransform,
    bounds: QRect,
    *,
    selection: Selection | None,
    hover: tuple[int, int] | None,
    handle_scale: float,
    missing: bool,
) -> None:
    """Paint everybody, the selected person last, then the chips. values: those of `layer` after a drag."""
    if layer.skeleton is None:
        return
    if ghost is not None and ghost.shape[1] == len(layer.skeleton):
        for xy in view.to_view(ghost[..., :2]):
            paint_ghost(painter, xy, layer.skeleton)
    on_screen = view.to_view(values[..., :2])
    chosen = selection.person if selection is not None else None
    for person in sorted(range(len(values)), key=lambda p: p == chosen):
        paint_person(
            painter,
            on_screen[person],
            values[person, :, 2],
            layer.origin[person],
            layer.skeleton,
            radius=handle_radius(on_screen[person], handle_scale),
            selected=selection.joint if selection is not None and person == chosen else None,
            hovered=hover[1] if hover is not None and hover[0] == person else None,
            strength=1.0 if chosen in (None, person) else OTHERS,
            identity=person_color(person) if len(values) > 1 else None,
        )
    painter.setFont(small_font(painter.font()))
    metrics, room = QFontMetricsF(painter.font()), QRectF(bounds).adjusted(6, 6, -6, -6)
    _paint_names(painter, layer.names, on_screen, chosen, room)
    named = hover or (
        (selection.person, selection.joint) if selection and selection.joint is not None else None
    )
    if named is not None and named[0] < len(values):
        _paint_joint_chip(painter, layer, values, on_screen, named, room)
    if missing and selection is not None and selection.joint is not None:
        text = f"{layer.skeleton.joints[selection.joint]} has no position here: double-click to place it"
        paint_chip(painter, text, chip_rect(metrics, text, room.bottomRight(), room))


def _paint_names(
    painter: QPainter, names: Sequence[str], on_screen: NDArray[np.floating], chosen: int | None, room: QRectF
) -> None:
    """Paint a label above each person; where two would overlap, the later one moves up."""
    metrics = QFontMetricsF(painter.font())
    taken: list[QRectF] = []
    for name, xy, person in zip(names, on_screen, range(len(names)), strict=True):
        corner = label_corner(xy)
        if corner is None or not room.adjusted(-60, -60, 60, 60).contains(corner):
            continue
        rect = chip_rect(metrics, name, corner, room)
        for other in sorted(taken, key=lambda r: -r.top()):
            if rect.intersects(other):
                rect.moveBottom(other.top() - 2)
        taken.append(rect)
        ring = person_color(person) if len(names) > 1 else None
        paint_chip(painter, name, rect, color=DARK.text if person == chosen else DARK.muted, outline=ring)


def _paint_joint_chip(
    painter: QPainter,
    layer: PoseLayer,
    values: NDArray[np.floating],
    on_screen: NDArray[np.floating],
    named: tuple[int, int],
    room: QRectF,
) -> None:
    person, joint = named
    x, y = on_screen[person, joint].tolist()
    if (
        layer.skeleton is None
        or not np.isfinite([x, y]).all()
        or not room.adjusted(-9, -9, 9, 9).contains(x, y)
    ):
        return
    text = joint_text(
        layer.skeleton, joint, float(values[person, joint, 2]), int(layer.origin[person, joint])
    )
    metrics = QFontMetricsF(painter.font())
    width = metrics.horizontalAdvance(text)
    paint_chip(painter, text, chip_rect(metrics, text, QPointF(x - 14 - 0.5 * width, y - 13), room))


def paint_boxes(painter: QPainter, boxes: NDArray[np.floating], view: ViewTransform) -> None:
    """Paint person boxes as thin corners with a faint outline, so that they do not hide the body."""
    for row in boxes:
        if not np.isfinite(row[:4]).all():
            continue
        rect = _view_rect(row[:4].tolist(), view)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(0, 0, 0, 60), 2.4))
        painter.drawRect(rect)
        painter.setPen(QPen(QColor(255, 255, 255, 90), 1.0))
        painter.drawRect(rect)
        corners = _corners(rect, min(14.0, 0.25 * min(rect.width(), rect.height())))
        for pen in (QPen(HALO, 3.6), QPen(QColor(255, 255, 255, 220), 1.8)):
            painter.setPen(pen)
            painter.drawPath(corners)


def paint_drawn_box(painter: QPainter, box: tuple[float, ...], view: ViewTransform, bounds: QRect) -> None:
    """Paint the box under the user's hand, the rest of the picture darkened, its size beside it."""
    rect = _view_rect(box, view)
    outside = QPainterPath()
    outside.addRect(QRectF(bounds))
    outside.addRect(rect)
    painter.fillPath(outside, QColor(0, 0, 0, 90))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(HALO, 3.4), QPen(DARK.accent, 1.6)):
        painter.setPen(pen)
        painter.drawRect(rect)
    painter.setFont(small_font(painter.font()))
    text = f"{box[2] - box[0]:.0f} × {box[3] - box[1]:.0f} px"
    room = QRectF(bounds).adjusted(6, 6, -6, -6)
    metrics = QFontMetricsF(painter.font())
    corner = rect.bottomLeft() + QPointF(0, metrics.height() + 14)
    paint_chip(painter, text, chip_rect(metrics, text, corner, room))


def paint_loupe(
    painter: QPainter, picture: FramePicture, joint: NDArray[np.floating], view: ViewTransform, bounds: QRect
) -> None:
    """Paint what is around a dragged joint enlarged, in a corner away from it, with cross-hairs on it."""
    if view.scale >= LOUPE_SCALE or min(bounds.width(), bounds.height()) < 2.5 * LOUPE_PX:
        return
    x, y = joint[:2].tolist()
    at = view.to_view(np.array([x, y]))
    left = bounds.width() - LOUPE_PX - 10
    top = 10.0 if at[1] > LOUPE_PX + 60 or at[0] < left - 60 else bounds.height() - LOUPE_PX - 10
    frame = QRectF(left, top, LOUPE_PX, LOUPE_PX)
    inside = ViewTransform(
        LOUPE_SCALE, frame.center().x() - LOUPE_SCALE * x, frame.center().y() - LOUPE_SCALE * y
    )
    painter.save()
    painter.setClipRect(frame)
    painter.fillRect(frame, DARK.canvas)
    picture.paint(painter, inside)
    painter.restore()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    middle, reach, gap = frame.center(), LOUPE_PX / 2, 7.0
    for pen in (QPen(HALO, 3.0), QPen(QColor(255, 255, 255), 1.2)):
        painter.setPen(pen)
        painter.drawRect(frame)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            painter.drawLine(middle + QPointF(gap * dx, gap * dy), middle + QPointF(reach * dx, reach * dy))
    painter.setFont(small_font(painter.font()))
    text = f"{x:.1f}, {y:.1f}"
    room = frame.adjusted(5, 5, -5, -5)
    paint_chip(painter, text, chip_rect(QFontMetricsF(painter.font()), text, room.bottomLeft(), room))


def _view_rect(box: Sequence[float], view: ViewTransform) -> QRectF:
    corners = view.to_view(np.array(box, dtype=np.float64).reshape(2, 2))
    return QRectF(QPointF(*corners[0].tolist()), QPointF(*corners[1].tolist()))


def _corners(rect: QRectF, length: float) -> QPainterPath:
    path = QPainterPath()
    for corner, dx, dy in (
        (rect.topLeft(), 1, 1),
        (rect.topRight(), -1, 1),
        (rect.bottomRight(), -1, -1),
        (rect.bottomLeft(), 1, -1),
    ):
        path.moveTo(corner + QPointF(0, dy * length))
        path.lineTo(corner)
        path.lineTo(corner + QPointF(dx * length, 0))
    return path
