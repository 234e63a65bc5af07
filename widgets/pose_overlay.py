"""Painting poses over video, and finding what lies under the cursor. Pure functions on view coordinates.

Every state has two cues. Side: left = blue circle and solid limb, right = orange square and dashed limb,
midline = white diamond. Origin: human = filled, model = hollow, interpolated = dotted, transferred = hatched.
Confidence = opacity, with a second ring below the threshold. A dark halo keeps it all visible on bright
video. A joint that a person marked: confidence 1 = visible, 0.5 = occluded (a hole in the fill), 0 = absent
(a cross).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPen

from models.domain.skeleton import Skeleton
from models.domain.track import Origin, Visibility
from widgets.theme import DARK

Array = NDArray[np.floating]
HANDLE_PX = 6.0
SMALLEST_HANDLE_PX = 2.4
HANDLE_OF_HEIGHT = 0.035
LOW_CONFIDENCE = 0.5
FAINTEST = 0.35
AURA = 0.5  # opacity of the colour that tells people apart
HALO = QColor(0, 0, 0, 150)
VISIBILITY_TEXT = {
    Visibility.ABSENT: "absent",
    Visibility.OCCLUDED: "occluded",
    Visibility.VISIBLE: "corrected",
}
SIDE_COLORS = {"left": DARK.left, "right": DARK.right, "middle": DARK.middle}


def edge_side(skeleton: Skeleton, a: int, b: int) -> str:
    """Side of a limb: that of its ends, the midline counting for neither; `"middle"` across the body."""
    sides = {skeleton.side(a), skeleton.side(b)} - {"middle"}
    return sides.pop() if len(sides) == 1 else "middle"


def handle_radius(xy: Array, scale: float = 1.0) -> float:
    """Radius in view px of one person's handles: constant, but smaller where the person is tiny on screen.

    xy: (J, 2) view px. scale: the user's own handle size, 1 = normal.
    """
    seen = xy[np.isfinite(xy).all(axis=1)]
    extent = float(np.ptp(seen, axis=0).max()) if len(seen) > 1 else math.inf
    return scale * min(HANDLE_PX, max(SMALLEST_HANDLE_PX, HANDLE_OF_HEIGHT * extent))


def hit_joint(
    xy: Array, at: tuple[float, float], radius: float, prefer: int | None = None
) -> tuple[int, int] | None:
    """(person, joint) nearest to `at` within `radius` view px, or None.

    xy: (P, J, 2) view px, NaN = not seen. Person `prefer` wins where the distances differ by under 2 px.
    """
    distance = np.hypot(xy[..., 0] - at[0], xy[..., 1] - at[1])
    distance = np.where(np.isfinite(distance), distance, np.inf)
    if distance.size == 0 or distance.min() > radius:
        return None
    rank = distance.copy()
    if prefer is not None and 0 <= prefer < len(rank):
        rank[prefer] -= 2.0
    rank[distance > radius] = np.inf
    person, joint = np.unravel_index(int(rank.argmin()), rank.shape)
    return int(person), int(joint)


def hit_limb(xy: Array, skeleton: Skeleton, at: tuple[float, float], radius: float) -> int | None:
    """Person whose nearest limb runs within `radius` view px of `at`, or None. xy: (P, J, 2) view px."""
    if xy.size == 0 or not skeleton.edges:
        return None
    edges = np.array(skeleton.edges)
    a, b, point = xy[:, edges[:, 0]], xy[:, edges[:, 1]], np.array(at)
    along = b - a
    length2 = np.maximum((along**2).sum(-1), 1e-9)
    where = np.clip(((point - a) * along).sum(-1) / length2, 0.0, 1.0)
    distance = np.linalg.norm(a + where[..., None] * along - point, axis=-1)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    nearest = distance.min(axis=1)
    person = int(nearest.argmin())
    return person if nearest[person] <= radius else None


def joint_text(skeleton: Skeleton, joint: int, confidence: float, origin: int) -> str:
    """What the chip beside a joint says, such as `left wrist .94` or `left wrist · corrected`."""
    name = skeleton.joints[joint]
    if origin == Origin.HUMAN:
        return f"{name} · {VISIBILITY_TEXT[_visibility(confidence)]}"
    number = f"{confidence:.2f}".removeprefix("0") if math.isfinite(confidence) else "?"
    extra = {Origin.INTERPOLATED: " · interpolated", Origin.TRANSFERRED: " · transferred"}
    return f"{name} {number}{extra.get(Origin(origin), '')}"


def label_corner(xy: Array) -> QPointF | None:
    """Bottom-left for a person's label: above the highest joint, so that it does not cover the body."""
    seen = xy[np.isfinite(xy).all(axis=1)]
    if not len(seen):
        return None
    top = seen[seen[:, 1].argmin()]
    return QPointF(float(top[0]) - 28, float(top[1]) - 17)


def paint_person(
    painter: QPainter,
    xy: Array,
    confidence: Array,
    origin: NDArray[np.integer],
    skeleton: Skeleton,
    *,
    radius: float,
    selected: int | None = None,
    hovered: int | None = None,
    strength: float = 1.0,
    identity: QColor | None = None,
) -> None:
    """Paint one person: limbs below, joints above.

    xy: (J, 2) view px, NaN = not seen. confidence: (J,) 0..1. origin: (J,) `Origin`. strength: opacity of it
    all. identity: colour around the limbs that tells this person from others.
    """
    alpha = FAINTEST + (1 - FAINTEST) * np.clip(np.nan_to_num(confidence), 0, 1)
    alpha[origin == Origin.HUMAN] = 1.0
    seen = np.asarray(np.isfinite(xy).all(axis=1))
    absent = np.asarray((origin == Origin.HUMAN) & (confidence < 0.25), bool)
    limbs = [(a, b) for a, b in skeleton.edges if seen[a] and seen[b] and not absent[a] and not absent[b]]
    if identity is not None:
        _paint_aura(painter, xy, limbs, radius, identity, strength)
    for a, b in limbs:
        opacity = strength * float(min(alpha[a], alpha[b]))
        _paint_limb(painter, xy[a], xy[b], edge_side(skeleton, a, b), radius, opacity)
    ratio = painter.device().devicePixelRatio()
    for joint in np.flatnonzero(seen):
        painter.setOpacity(strength * float(alpha[joint]))
        center = QPointF(float(xy[joint, 0]), float(xy[joint, 1]))
        side = skeleton.side(int(joint))
        size = round(4 * (radius + 1.5 if joint == selected else radius)) / 4
        mark = _joint_mark(side, int(origin[joint]), _visibility(float(confidence[joint])), size, ratio)
        painter.drawImage(center - QPointF(mark.width(), mark.height()) / (2 * ratio), mark)
        painter.setOpacity(strength)
        if origin[joint] != Origin.HUMAN and not confidence[joint] >= LOW_CONFIDENCE:
            _paint_ring(painter, center, size + 3.5, SIDE_COLORS[side], 1.2)
        if joint in (selected, hovered):
            _paint_ring(painter, center, size + 3, QColor(255, 255, 255), 2.0 if joint == selected else 1.2)
    painter.setOpacity(1.0)


def paint_ghost(painter: QPainter, xy: Array, skeleton: Skeleton) -> None:
    """Paint where a person was before an edit: thin grey limbs without handles. xy: (J, 2) view px."""
    for width, color in ((3.4, QColor(0, 0, 0, 90)), (1.6, QColor(225, 225, 225, 170))):
        painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        for a, b in skeleton.edges:
            if np.isfinite(xy[[a, b]]).all():
                painter.drawLine(QPointF(*xy[a].tolist()), QPointF(*xy[b].tolist()))


def _paint_aura(
    painter: QPainter,
    xy: Array,
    limbs: list[tuple[int, int]],
    radius: float,
    color: QColor,
    strength: float,
) -> None:
    """A soft band of one colour below all limbs of a person."""
    band = QPainterPath()
    for a, b in limbs:
        band.moveTo(*xy[a].tolist())
        band.lineTo(*xy[b].tolist())
    painter.setOpacity(AURA * strength)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    width = max(1.4, 0.52 * radius) + 6.0
    painter.setPen(QPen(color, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawPath(band)


def _paint_limb(painter: QPainter, a: Array, b: Array, side: str, radius: float, opacity: float) -> None:
    width = max(1.4, 0.52 * radius)
    length = float(np.hypot(*(b - a)))
    if length <= 2 * radius:
        return
    ends = (
        a + (b - a) * (radius / length),
        b - (b - a) * (radius / length),
    )  # handles stay free to look through
    start, end = (QPointF(float(x), float(y)) for x, y in ends)
    painter.setOpacity(opacity)
    for extra, color in ((1.8, HALO), (0.0, SIDE_COLORS[side])):
        pen = QPen(color, width + extra, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
        if side == "right":
            dash, gap = 7.0 + extra / 2, 4.5 - extra / 2
            pen.setDashPattern([dash / (width + extra), gap / (width + extra)])
            pen.setDashOffset(extra / 4 / (width + extra))
        painter.setPen(pen)
        painter.drawLine(start, end)


def _visibility(confidence: float) -> Visibility:
    """What a person said of a joint, from the number it is kept as."""
    if confidence < 0.25:
        return Visibility.ABSENT
    return Visibility.OCCLUDED if confidence < 0.75 else Visibility.VISIBLE


@lru_cache(maxsize=512)
def _joint_mark(side: str, origin: int, visibility: Visibility, radius: float, ratio: float) -> QImage:
    """One joint as a small picture: drawing it is an order of magnitude cheaper than its outlines."""
    width = math.ceil(2 * (1.2 * radius + 4) * ratio)
    image = QImage(width, width, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(ratio, ratio)
    _paint_joint(painter, QPointF(width, width) / (2 * ratio), side, origin, visibility, radius)
    painter.end()
    image.setDevicePixelRatio(ratio)
    return image


def _paint_joint(
    painter: QPainter, at: QPointF, side: str, origin: int, visibility: Visibility, radius: float
) -> None:
    color = SIDE_COLORS[side]
    shape = _shape(side, at, radius)
    line = max(1.2, 0.36 * radius)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if origin == Origin.HUMAN and visibility == Visibility.ABSENT:
        for width, ink in ((line + 2, HALO), (line, color)):
            painter.setPen(QPen(ink, width))
            painter.drawLine(at + QPointF(-radius, -radius), at + QPointF(radius, radius))
            painter.drawLine(at + QPointF(-radius, radius), at + QPointF(radius, -radius))
        return
    painter.setPen(QPen(HALO, line + 2.2))
    painter.drawPath(shape)
    if origin == Origin.HUMAN:
        painter.setPen(QPen(QColor(0, 0, 0, 190), 1.0))
        painter.setBrush(color)
        painter.drawPath(shape)
        if visibility == Visibility.OCCLUDED:
            painter.setBrush(QColor(20, 20, 20))
            painter.drawPath(_shape(side, at, 0.45 * radius))
        return
    painter.fillPath(shape, QColor(0, 0, 0, 70))
    if origin == Origin.TRANSFERRED:
        painter.save()
        painter.setClipPath(shape, Qt.ClipOperation.ReplaceClip)
        painter.setPen(QPen(color, 1.2))
        for step in np.arange(-2 * radius, 2 * radius + 0.1, 3.2).tolist():
            painter.drawLine(at + QPointF(step - radius, radius), at + QPointF(step + radius, -radius))
        painter.restore()
    pen = QPen(color, line)
    if origin == Origin.INTERPOLATED:
        pen = QPen(color, 1.25 * line, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
        pen.setDashPattern([1.0, 0.8])
    painter.setPen(pen)
    painter.drawPath(shape)


def _shape(side: str, at: QPointF, radius: float) -> QPainterPath:
    path = QPainterPath()
    if side == "left":
        path.addEllipse(at, radius, radius)
    elif side == "right":
        half = 0.9 * radius
        path.addRect(QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half))
    else:
        reach = 1.15 * radius
        path.moveTo(at.x(), at.y() - reach)
        for dx, dy in ((reach, 0.0), (0.0, reach), (-reach, 0.0)):
            path.lineTo(at.x() + dx, at.y() + dy)
        path.closeSubpath()
    return path


def _paint_ring(painter: QPainter, at: QPointF, radius: float, color: QColor, width: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(HALO, width + 1.8), QPen(color, width)):
        painter.setPen(pen)
        painter.drawEllipse(at, radius, radius)
