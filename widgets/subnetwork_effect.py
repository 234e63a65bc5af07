"""What thinning does, in pictures: what is seen in the frame, a body in 3D, or distances between frames."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QWidget

from models.domain.skeleton import load_skeleton
from models.domain.subnetwork import BodyChange, BoxChange, DistanceChange, Effect, NoEffect, PoseChange
from widgets.matrix_panel import MatrixPanel, MatrixPicture
from widgets.parts import column, label, row
from widgets.skeleton_surface import make_skeleton_view
from widgets.skeleton_view import SkeletonView
from widgets.subnetwork_pictures import SeenPicture

WAITING = "Reading the model…"


class EffectPanel(QWidget):
    """Shows an `Effect` with one line that says how much changed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pages = QStackedWidget()
        self._empty = label(WAITING, "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setMargin(24)
        self.pose = SeenPicture()
        self.before, self.after = MatrixPanel(""), MatrixPanel("")
        matrices = QWidget()
        matrices.setLayout(row(self.before, self.after, spacing_px=12))
        self.body: SkeletonView | None = None  # made when it is first needed
        self._framed = False  # whether the body of the network that is shown was framed
        for page in (self._empty, self.pose, matrices):
            self._pages.addWidget(page)
        self._matrices = matrices
        self.said, self._legend = label("", wrap=True), label("", "hint", wrap=True)
        layout = column(self, margin_px=0, spacing_px=4)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.said)
        layout.addWidget(self._legend)
        self._pages.setMinimumHeight(170)

    def set_effect(self, effect: Effect, whole: str, thinned: str) -> None:
        """whole, thinned: what the two networks are called, such as "as trained" and "with 8/16"."""
        legend = said = ""
        if isinstance(effect, NoEffect):
            self._empty.setText(effect.text)
            page: QWidget = self._empty
        elif isinstance(effect, BoxChange):
            self.pose.set_change(effect)
            page, said = self.pose, _said_of_boxes(effect, thinned)
            legend = f"White: {whole}. Blue, dashed: {thinned}."
        elif isinstance(effect, PoseChange):
            self.pose.set_change(effect)
            page, said = self.pose, f"Joints move by {effect.percent:.1f} % of the person's size."
            legend = f"Grey, with white dots: {whole}. In colour: {thinned}."
        elif isinstance(effect, BodyChange):
            page, legend = self._show_body(effect, whole), f"In colour: {thinned}."
            said = (
                f"Joints move by {effect.here_mm:.0f} mm in this frame, "
                f"by {effect.clip_mm:.0f} mm over {effect.clip_s:.1f} s around it."
            )
        else:
            page, said = self._show_distances(effect, whole, thinned), _said_of_distances(effect)
            legend = "Distances between the frames of the take; dark = alike."
        self.said.setText(said)
        self._legend.setText(legend)
        self.said.setVisible(bool(said))
        self._legend.setVisible(bool(legend))
        self._pages.setCurrentWidget(page)

    def start_anew(self) -> None:
        """Another network: its body may stand elsewhere."""
        self._framed = False

    @property
    def message(self) -> str:
        """Why nothing is shown; "" where something is."""
        return self._empty.text() if self._pages.currentWidget() is self._empty else ""

    def _show_body(self, effect: BodyChange, whole: str) -> QWidget:
        if self.body is None:
            self.body = make_skeleton_view()
            self.body.set_title("3D")
            self._pages.addWidget(self.body)
        skeleton = load_skeleton(effect.skeleton)
        if not self._framed:  # by the whole network's: that of a thinned one may be anything
            self.body.set_poses(effect.whole[None], skeleton)
            self.body.reset_view()
            self._framed = True
        self.body.set_poses(effect.thinned[None], skeleton)
        self.body.set_compared(effect.whole[None], whole)
        return self.body

    def _show_distances(self, effect: DistanceChange, whole: str, thinned: str) -> QWidget:
        none = np.zeros((0, 2), np.int32)
        note = f"frames {effect.frames[0]} to {effect.frames[-1]}"
        for panel, title, cost in ((self.before, whole, effect.whole), (self.after, thinned, effect.thinned)):
            panel.set_picture(MatrixPicture(title[:1].upper() + title[1:], note, cost, none))
        return self._matrices


def _said_of_boxes(effect: BoxChange, thinned: str) -> str:
    count, more = len(effect.whole), len(effect.thinned) - effect.same
    found = "1 person is" if count == 1 else f"{count} people are" if count else "Nobody is"
    same = f"; {effect.same or 'none'} of them" if count else ""
    also = (" and " if same else "; ") + f"{more} more" if more > 0 else ""
    return f"{found} found as trained{same}{also}" + (f" with {thinned}." if same or also else ".")


def _said_of_distances(effect: DistanceChange) -> str:
    text = f"Distances correlate by {effect.correlation:.3f}"
    if effect.same is None:
        return f"{text}."
    return f"{text}; {effect.same:.0%} of the frames keep the frame that is most like them."
