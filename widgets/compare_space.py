"""The 3D skeletons of all takes in one view, in step: side by side, or laid over each other at the hips.

Every take has its colour (left and right are told apart by shape: circles and squares), named in a legend.
The 3D view is made when it is first shown: an OpenGL context costs time and memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from models.domain.skeleton import load_skeleton
from widgets.chips import Chip
from widgets.skeleton_scene import side_by_side
from widgets.skeleton_surface import make_skeleton_view
from widgets.skeleton_view import SkeletonView
from widgets.theme import small_font

BODY = "h36m17"
SPREAD_M = 1.1
_INSET_PX, _LEGEND_TOP_PX = 10, 44


@dataclass(frozen=True, eq=False, slots=True)
class SpaceBody:
    """A take in the 3D view. body: (17, 3) m with the pelvis over the origin and z up, NaN = not seen.
    note: said after its name, such as the frame, or why there is no body."""

    uid: str
    name: str
    color: QColor
    body: NDArray[np.floating]
    confidence: NDArray[np.floating]
    note: str = ""


class CompareSpace(QWidget):
    """All takes in 3D."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: SkeletonView | None = None
        self.together = False
        self._bodies: tuple[SpaceBody, ...] = ()
        self._chips: list[Chip] = []
        self._framed: tuple[object, ...] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.setAccessibleName("Takes in 3D")

    def set_together(self, together: bool) -> None:
        """Lay the bodies over each other, or stand them side by side."""
        self.together = together
        self.set_bodies(self._bodies)

    def set_bodies(self, bodies: Sequence[SpaceBody]) -> None:
        """The bodies of this moment, in the order of the takes."""
        self._bodies = tuple(bodies)
        if not self.isVisible():
            return
        view = self._made_view()
        skeleton = load_skeleton(BODY)
        positions = np.stack([body.body for body in bodies]) if bodies else np.zeros((0, 17, 3))
        if not self.together:
            positions = side_by_side(positions, SPREAD_M)
        confidence = np.stack([body.confidence for body in bodies]) if bodies else None
        view.set_poses(positions, skeleton, confidence)
        view.set_tints([body.color for body in bodies])
        known = bool(np.isfinite(positions).any())
        view.set_message("" if known else "No 3D yet: Pose ▸ Lift to 3D")
        arrangement = (self.together, *(body.uid for body in bodies))
        if known and arrangement != self._framed:
            self._framed = arrangement
            view.reset_view()
        self._show_legend()

    def _made_view(self) -> SkeletonView:
        if self.view is None:
            self.view = make_skeleton_view(self)
            self.view.set_title("3D, in step")
            self._column.addWidget(self.view)
        return self.view

    def _show_legend(self) -> None:
        while len(self._chips) < len(self._bodies):
            chip = Chip("", self)
            chip.setTextFormat(Qt.TextFormat.RichText)
            self._chips.append(chip)
        top = _LEGEND_TOP_PX
        for place, chip in enumerate(self._chips):
            if place >= len(self._bodies):
                chip.hide()
                continue
            body = self._bodies[place]
            said = f"{body.name} · {body.note}" if body.note else body.name
            text = f'<span style="color:{body.color.name()}">●</span> {escape(said)}'
            chip.setFont(small_font(self.font()))
            if chip.text() != text or not chip.isVisible():
                chip.show_text(text)
            chip.move(_INSET_PX, top)
            chip.raise_()
            top += chip.height() + 4

    def event(self, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Show:
            self.set_bodies(self._bodies)
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.view is not None:
            self._show_legend()
