"""Paints the takes of the compare page: a cell for each, or two laid over each other or cut by a line.

Functions over a `CompareState`; they keep nothing. States are told in words as well as by colour.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from widgets import theme as themes
from widgets.chips import chip_rect, paint_chip
from widgets.compare_poses import Placing, largest_difference
from widgets.compare_shot import fitted
from widgets.compare_state import CompareMode, CompareState
from widgets.compare_take import CompareTake
from widgets.people import person_color
from widgets.pose_overlay import LOW_CONFIDENCE, handle_radius, paint_person

GAP_PX = 1.0
BADGE_PX = 8.0  # from the corner of the picture
_HELD_FILL = QColor("#D55E00")
_LOOSE_FILL = QColor("#F0E442")
_CHIP_FILL = QColor(20, 20, 21, 215)
_DOT_PX = 4.0


def caption_px(metrics: QFontMetricsF) -> float:
    """Height of the line below a picture."""
    return round(metrics.height() * 1.9)


def picture_rect(take: CompareTake, box: QRectF) -> QRectF:
    """Where the picture of a take goes in a box: as large as possible, at the top."""
    rect = fitted(box, *take.size_px)
    rect.moveTop(box.top())
    return rect


def paint_cell(painter: QPainter, state: CompareState, take: CompareTake, cell: QRectF) -> None:
    """Picture, poses, badge, caption and borders of one take."""
    theme = themes.current()
    caption_height = caption_px(QFontMetricsF(painter.font()))
    target = picture_rect(take, cell.adjusted(0, 0, 0, -caption_height))
    shot = state.shots.get(take.uid)
    painter.fillRect(cell, theme.canvas)
    if take.problem:
        _paint_problem(painter, take, target)
    elif shot is not None:
        shot.paint(painter, target)
        if state.show_poses:
            paint_poses(painter, state, take, target, clip=target)
    if not take.problem:
        _paint_badge(painter, state, take, target.topLeft() + QPointF(BADGE_PX, BADGE_PX))
    chosen, loose = take.uid == state.selected, state.is_loose(take)
    if chosen or loose:
        style = Qt.PenStyle.DashLine if loose else Qt.PenStyle.SolidLine
        painter.setPen(QPen(_LOOSE_FILL if loose else themes.DARK.accent, 2, style))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(target.adjusted(1, 1, -1, -1))
    caption = QRectF(cell.left(), target.bottom(), cell.width(), caption_height)
    _paint_caption(painter, state, take, caption)
    painter.fillRect(QRectF(cell.right(), cell.top(), GAP_PX, cell.height() + GAP_PX), theme.border)
    painter.fillRect(QRectF(cell.left(), cell.bottom(), cell.width() + GAP_PX, GAP_PX), theme.border)


def paint_pair(painter: QPainter, state: CompareState, area: QRectF) -> None:
    """Reference and selected take in one place, laid over each other or on both sides of a line."""
    pair = state.pair()
    if pair is None:
        return
    reference, other = pair
    height = caption_px(QFontMetricsF(painter.font()))
    box = area.adjusted(0, 0, 0, -height)
    targets = pair_rects(state, box)
    cut = area.left() + area.width() * state.swipe
    painter.save()
    painter.setClipRect(box)
    for take, target in zip(pair, targets, strict=True):
        shot = state.shots.get(take.uid)
        if take is other and state.mode is CompareMode.SWIPE:
            painter.setClipRect(QRectF(cut, box.top(), box.right() - cut, box.height()))
            painter.fillRect(box, themes.current().canvas)
        if take.problem:
            _paint_problem(painter, take, target)
        elif shot is not None:
            over = take is other and state.mode is CompareMode.OVERLAY
            painter.setOpacity(state.opacity if over else 1.0)
            shot.paint(painter, target)
            painter.setOpacity(1.0)
        if state.show_poses and state.mode is CompareMode.SWIPE:
            paint_poses(painter, state, take, target)
    painter.setClipRect(box)
    if state.show_poses and state.mode is CompareMode.OVERLAY:
        _paint_difference(painter, state, pair, targets)
    if state.mode is CompareMode.SWIPE:
        painter.setPen(QPen(QColor(255, 255, 255, 220), 1.6))
        painter.drawLine(QPointF(cut, box.top()), QPointF(cut, box.bottom()))
        painter.setBrush(_CHIP_FILL)
        painter.drawEllipse(QPointF(cut, box.center().y()), 9, 9)
    painter.restore()
    inner = targets[0].intersected(box).adjusted(BADGE_PX, BADGE_PX, -BADGE_PX, -BADGE_PX)
    _paint_badge(painter, state, reference, inner.topLeft())
    _paint_badge(painter, state, other, inner.topRight(), to_the_left=True)
    _paint_largest(painter, state, pair, inner)
    width = min(max(targets[0].width(), 640.0), area.width())
    left = targets[0].center().x() - width / 2
    left = min(max(left, area.left()), area.right() - width)
    for i, take in enumerate(pair):
        _paint_caption(painter, state, take, QRectF(left + i * width / 2, box.bottom(), width / 2, height))


def pair_rects(state: CompareState, box: QRectF) -> tuple[QRectF, QRectF]:
    """Where the pictures of the pair go: the reference as large as possible, the other laid on it."""
    pair = state.pair()
    assert pair is not None
    reference, other = pair
    target = picture_rect(reference, box)
    placing: Placing | None = state.placing()
    if placing is None:
        return target, picture_rect(other, box)
    scale = target.width() / reference.size_px[0]
    corner = target.topLeft() + scale * QPointF(*placing.shift)
    width, height = (scale * placing.scale * side for side in other.size_px)
    return target, QRectF(corner.x(), corner.y(), width, height)


def paint_poses(
    painter: QPainter,
    state: CompareState,
    take: CompareTake,
    target: QRectF,
    *,
    clip: QRectF | None = None,
    identity: QColor | None = None,
) -> None:
    """The 2D poses of a take over its picture, of the frame that is seen."""
    poses, shot = state.poses.get(take.uid), state.shots.get(take.uid)
    frame = shot.index if shot is not None else state.frame_of(take)
    found = poses.at(frame) if poses is not None else None
    if poses is None or found is None:
        return
    if clip is not None:
        painter.save()
        painter.setClipRect(clip)
    values, origin = found
    scale = target.width() / take.size_px[0]
    corner = np.array([target.left(), target.top()])
    for person in range(len(values)):
        xy = (values[person, :, :2] + 0.5) * scale + corner
        radius = 0.72 * handle_radius(xy)
        paint_person(
            painter,
            xy,
            values[person, :, 2],
            origin[person],
            poses.skeleton,
            radius=radius,
            identity=identity,
        )
    if clip is not None:
        painter.restore()


def _paint_difference(
    painter: QPainter,
    state: CompareState,
    pair: tuple[CompareTake, CompareTake],
    targets: tuple[QRectF, QRectF],
) -> None:
    """Both bodies in the colours of their takes, and what lies between their joints."""
    ends = []
    for take, target in zip(pair, targets, strict=True):
        poses = state.poses.get(take.uid)
        found = poses.at(state.frame_of(take)) if poses is not None else None
        if poses is not None and found is not None and len(found[0]):
            scale = target.width() / take.size_px[0]
            xy = (found[0][0, :, :2] + 0.5) * scale + np.array([target.left(), target.top()])
            ends.append(dict(zip(poses.skeleton.joints, xy.tolist(), strict=True)))
    if len(ends) == 2 and state.on_bodies:
        painter.setPen(QPen(QColor(255, 255, 255, 210), 1.6, Qt.PenStyle.DotLine))
        for name in ends[0].keys() & ends[1].keys():
            if np.isfinite([ends[0][name], ends[1][name]]).all():
                painter.drawLine(QPointF(*ends[0][name]), QPointF(*ends[1][name]))
    for take, target in zip(pair, targets, strict=True):
        color = person_color(state.takes.index(take))
        paint_poses(painter, state, take, target, identity=color)


def _paint_largest(
    painter: QPainter, state: CompareState, pair: tuple[CompareTake, CompareTake], inner: QRectF
) -> None:
    """In words, where the two bodies differ most."""
    reference, other = pair
    poses = state.poses.get(reference.uid), state.poses.get(other.uid)
    if not state.show_poses or poses[0] is None or poses[1] is None:
        return
    bodies = [p.at(state.frame_of(t)) for p, t in ((poses[0], reference), (poses[1], other))]
    if bodies[0] is None or bodies[1] is None or not len(bodies[0][0]) or not len(bodies[1][0]):
        return
    first, second = (np.where(b[0][0, :, 2:] >= LOW_CONFIDENCE, b[0][0, :, :2], np.nan) for b in bodies)
    found = largest_difference(first, second, (poses[0].skeleton, poses[1].skeleton))
    if found is None:
        return
    name, apart = found
    text = f"{other.name}: {name} {abs(apart):.0f}° {'straighter' if apart > 0 else 'more bent'}"
    box = chip_rect(QFontMetricsF(painter.font()), text, inner.bottomLeft(), inner)
    paint_chip(painter, text, box, color=themes.DARK.warning)


def _paint_problem(painter: QPainter, take: CompareTake, target: QRectF) -> None:
    painter.fillRect(target, QColor(0, 0, 0, 90))
    painter.setPen(themes.DARK.error)
    wrap = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
    painter.drawText(target.adjusted(16, 12, -16, -12), wrap, take.problem)


def _paint_badge(
    painter: QPainter, state: CompareState, take: CompareTake, corner: QPointF, *, to_the_left: bool = False
) -> None:
    theme = themes.current()
    text, kind = state.badge(take)
    metrics = QFontMetricsF(painter.font())
    box = QRectF(corner.x(), corner.y(), metrics.horizontalAdvance(text) + 14, metrics.height() + 6)
    if to_the_left:
        box.translate(-box.width(), 0)
    fill = {"reference": theme.primary, "held": _HELD_FILL, "loose": _LOOSE_FILL}.get(kind, _CHIP_FILL)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(fill)
    painter.drawRoundedRect(box, 4, 4)
    dark_text = kind in ("held", "loose")
    painter.setPen(
        theme.primary_text if kind == "reference" else QColor("#101010" if dark_text else "#f2f2f2")
    )
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def _paint_caption(painter: QPainter, state: CompareState, take: CompareTake, box: QRectF) -> None:
    theme = themes.current()
    metrics = QFontMetricsF(painter.font())
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(person_color(state.takes.index(take)))
    painter.drawEllipse(QPointF(box.left() + 10 + _DOT_PX, box.center().y()), _DOT_PX, _DOT_PX)
    inner = box.adjusted(10 + 3.5 * _DOT_PX, 0, -10, 0)
    facts = _facts_that_fit(state, take, metrics, inner.width() - 12 - metrics.horizontalAdvance(take.name))
    faded = QColor(theme.canvas_text)
    faded.setAlphaF(0.75)
    painter.setPen(themes.DARK.warning if take.outdated and not take.is_reference else faded)
    middle = Qt.AlignmentFlag.AlignVCenter
    painter.drawText(inner, middle | Qt.AlignmentFlag.AlignRight, facts)
    room = inner.width() - metrics.horizontalAdvance(facts) - 12
    name = metrics.elidedText(take.name, Qt.TextElideMode.ElideMiddle, room)
    painter.setPen(theme.canvas_text)
    painter.drawText(inner, middle | Qt.AlignmentFlag.AlignLeft, name)


def _facts_that_fit(state: CompareState, take: CompareTake, metrics: QFontMetricsF, room_px: float) -> str:
    """What is told of a take, in fewer words where there is little room: a number never stands unnamed."""
    facts = state.facts(take)
    if take.outdated:
        return facts
    choices = (facts, facts.replace("cycle error", "error"), facts.partition(" · ")[0])
    return next((text for text in choices if metrics.horizontalAdvance(text) <= room_px), choices[-1])
