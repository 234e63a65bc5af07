"""The joints of the selected person: name, confidence, place in the picture, and who put it there.

The selection goes both ways: a click here selects on the canvas, a click there selects here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from models.domain.skeleton import Skeleton
from models.domain.track import Origin
from widgets.icons import IconButton
from widgets.parts import column, label, row, section, side_mark
from widgets.people_list import PeopleList
from widgets.theme import current

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
COLUMNS = ("joint", "conf.", "x", "y")
_WORDS = {Origin.INTERPOLATED: "between", Origin.TRANSFERRED: "tracked"}
_SENTENCES = {
    Origin.NONE: "of unknown origin",
    Origin.MODEL: "found by the model",
    Origin.INTERPOLATED: "interpolated between two frames",
    Origin.TRANSFERRED: "tracked from a corrected frame",
    Origin.HUMAN: "set by a person",
}


class JointModel(QAbstractTableModel):
    """Joints of one person in one frame: values float32 (J, 3) px and confidence, origin uint8 (J,)."""

    def __init__(self) -> None:
        super().__init__()
        self._skeleton: Skeleton | None = None
        self._values: NDArray[np.float32] = np.zeros((0, 3), dtype=np.float32)
        self._origin: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self.threshold = 0.5

    def set_joints(
        self, skeleton: Skeleton | None, values: NDArray[np.float32], origin: NDArray[np.uint8]
    ) -> None:
        if skeleton is not self._skeleton:
            self.beginResetModel()
            self._skeleton, self._values, self._origin = skeleton, values, origin
            self.endResetModel()
            return
        self._values, self._origin = values, origin
        if skeleton is not None:
            self.dataChanged.emit(self.index(0, 0), self.index(len(skeleton) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() or self._skeleton is None else len(self._skeleton)

    def columnCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(section)
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        assert self._skeleton is not None
        joint, at = index.row(), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._cell(joint, at)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(at)
        if role == Qt.ItemDataRole.DecorationRole and at == 0:
            return side_mark(self._skeleton.side(joint))
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._color(joint, at)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(joint)
        return None

    def _cell(self, joint: int, at: int) -> str:
        assert self._skeleton is not None
        if at == 0:
            return self._skeleton.joints[joint]
        x, y, confidence = self._values[joint]
        if not np.isfinite(x):
            return "not seen" if at == 1 else "–"
        if at > 1:
            return f"{(x, y)[at - 2]:.0f}"
        origin = Origin(int(self._origin[joint]))
        if origin == Origin.HUMAN:  # the confidence of a person's joint says how visible it is
            return "absent" if confidence <= 0 else "occluded" if confidence < 0.75 else "corrected"
        return _WORDS.get(origin) or f"{confidence:.2f}".removeprefix("0")

    def _color(self, joint: int, at: int) -> object:
        theme = current()
        human = self._origin[joint] == Origin.HUMAN
        if at == 0 or (at == 1 and human):
            return theme.text
        doubtful = np.isfinite(self._values[joint, 0]) and self._values[joint, 2] < self.threshold
        return theme.warning if at == 1 and doubtful and not human else theme.muted

    def _tip(self, joint: int) -> str:
        assert self._skeleton is not None
        x, y, confidence = self._values[joint]
        name = self._skeleton.joints[joint]
        if not np.isfinite(x):
            return f"{name}: not seen in this frame"
        words = _SENTENCES[Origin(int(self._origin[joint]))]
        return f"{name}: {words}\nx {x:.2f} px, y {y:.2f} px, confidence {confidence:.3f}"

    @staticmethod
    def _alignment(at: int) -> Qt.AlignmentFlag:
        return _LEFT if at == 0 else _RIGHT


class JointsPanel(QWidget):
    """Joints and people of the frame on screen. Persons and joints are named by index in every signal."""

    person_selected = Signal(int)
    joint_selected = Signal(int)
    visibility_requested = Signal(int)
    swap_requested = Signal(int)
    mirror_requested = Signal()
    copy_previous_requested = Signal()
    interpolate_requested = Signal(int)
    track_requested = Signal(int, bool)  # joint, backward

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._values: NDArray[np.float32] = np.zeros((0, 0, 3), dtype=np.float32)
        self._origin: NDArray[np.uint8] = np.zeros((0, 0), dtype=np.uint8)
        self._skeleton: Skeleton | None = None
        self._person = 0
        self._model = JointModel()
        self.people = PeopleList()
        self._view = QTableView()
        self._view.setModel(self._model)
        self._view.setShowGrid(False)
        self._view.setIconSize(QSize(11, 11))
        self._view.setWordWrap(False)
        self._view.setTabKeyNavigation(False)
        self._view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._view.setAccessibleName("Joints")
        self._view.verticalHeader().hide()
        self._view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self._view.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 7)
        header = self._view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for at, widest in ((1, "corrected"), (2, "0000"), (3, "0000")):
            self._view.setColumnWidth(at, self.fontMetrics().horizontalAdvance(widest) + 13)
        self._empty = label("No pose here. Find poses for the take, or draw a box.", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        eye = IconButton("eye", "Cycle visibility of the joint (V)")
        swap = IconButton("swap", "Swap left and right of the joint's pair (Shift+S)")
        copy = IconButton("copy", "Copy the pose from the previous frame (C)")
        between = IconButton("interpolate", "Interpolate between two corrected frames (Shift+I)")
        track = IconButton("track", "Track the joint forward (T)")
        back = IconButton("track-back", "Track the joint backward (Shift+T)")
        self._joint_buttons = (eye, swap, between, track, back)
        self._copy = copy
        layout = column(self)
        layout.addWidget(self.people)
        layout.addWidget(section("Joints"))
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        layout.addLayout(row(eye, swap, copy, between, back, track, None))
        self.people.person_selected.connect(self._on_person)
        self._view.selectionModel().currentRowChanged.connect(self._on_joint)
        eye.clicked.connect(lambda: self.visibility_requested.emit(self.joint))
        swap.clicked.connect(lambda: self.swap_requested.emit(self.joint))
        between.clicked.connect(lambda: self.interpolate_requested.emit(self.joint))
        track.clicked.connect(lambda: self.track_requested.emit(self.joint, False))
        back.clicked.connect(lambda: self.track_requested.emit(self.joint, True))
        copy.clicked.connect(self.copy_previous_requested)
        self._refresh()

    @property
    def person(self) -> int:
        return self._person

    @property
    def joint(self) -> int:
        """Index of the selected joint, -1 when none is."""
        return self._view.currentIndex().row()

    @property
    def model(self) -> JointModel:
        return self._model

    def set_threshold(self, confidence: float) -> None:
        """Confidence below which a joint is shown as doubtful."""
        self._model.threshold = confidence
        self._refresh()

    def set_frame(
        self, skeleton: Skeleton | None, values: NDArray[np.float32], origin: NDArray[np.uint8]
    ) -> None:
        """The people of the frame on screen.

        values: float32 (P, J, 3) – x px, y px, confidence; NaN = not seen. origin: uint8 (P, J).
        skeleton None (with empty arrays): no poses yet.
        """
        self._skeleton, self._values, self._origin = skeleton, values, origin
        self._person = min(self._person, max(0, len(values) - 1))
        self.people.set_here(np.isfinite(values[..., 0]).any(axis=1) if values.size else np.zeros(0, bool))
        self._refresh()

    def select(self, person: int, joint: int = -1) -> None:
        """Follow the canvas; emits nothing."""
        self._person = min(max(0, person), max(0, len(self._values) - 1))
        self.people.select(self._person)
        self._refresh()
        selection = self._view.selectionModel()
        selection.blockSignals(True)
        self._view.setCurrentIndex(self._model.index(joint, 0))
        selection.blockSignals(False)
        self._view.viewport().update()
        self._refresh_buttons()

    def _on_person(self, person: int) -> None:
        if person != self._person:
            self._person = person
            self._refresh()
            self.person_selected.emit(person)

    def _on_joint(self, now: QModelIndex, _before: QModelIndex) -> None:
        self._refresh_buttons()
        if now.isValid():
            self.joint_selected.emit(now.row())

    def _refresh(self) -> None:
        some = self._skeleton is not None and len(self._values) > 0
        if some:
            self._model.set_joints(self._skeleton, self._values[self._person], self._origin[self._person])
        else:
            self._model.set_joints(None, np.zeros((0, 3), np.float32), np.zeros(0, np.uint8))
        self._view.setVisible(some)
        self._empty.setVisible(not some)
        self._refresh_buttons()

    def _refresh_buttons(self) -> None:
        self._copy.setEnabled(self._skeleton is not None)
        for each in self._joint_buttons:
            each.setEnabled(self.joint >= 0)
