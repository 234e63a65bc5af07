"""Prediction against truth in numbers: which poses are judged against which, PCK and OKS, error per joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from models.domain.judgement import Scores
from widgets.judged_overlay import error_color
from widgets.parts import column, form_layout, label, section

UNITS = ("torso lengths", "px")
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, slots=True)
class Side:
    """Poses one may choose. id: stable name; text: what the list says."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class JointRow:
    """A joint's numbers. share: its error over the take as a place on the colour scale, None = none."""

    name: str
    take: Scores
    frame_px: float | None
    share: float | None


class JudgePanel(QWidget):
    """shown_changed(bool): on the picture or not. sides_changed(judged id, truth id). unit_changed: one of
    `UNITS`. joint_chosen(joint)."""

    shown_changed = Signal(bool)
    sides_changed = Signal(str, str)
    unit_changed = Signal(str)
    joint_chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown = QCheckBox("Show on the picture")
        self._judged, self._truth, self._unit = QComboBox(), QComboBox(), QComboBox()
        self._unit.addItems(UNITS)
        for combo, name in ((self._judged, "Judged"), (self._truth, "Truth"), (self._unit, "Colour by")):
            combo.setAccessibleName(name)
            combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            combo.setMinimumContentsLength(12)
        form = form_layout()
        form.addRow("judged", self._judged)
        form.addRow("truth", self._truth)
        form.addRow("colour by", self._unit)
        self._numbers = QWidget()
        grid = QGridLayout(self._numbers)
        grid.setContentsMargins(0, 4, 0, 4)
        grid.setVerticalSpacing(3)
        for at, title in enumerate(("", "PCK@0.2", "OKS", "error px", "joints")):
            grid.addWidget(label(title, "muted"), 0, at, _RIGHT)
            grid.setColumnStretch(at, 1)
        self._values = [[label("–") for _ in range(4)] for _ in range(2)]
        for line, name in enumerate(("frame", "take")):
            grid.addWidget(label(name, "muted"), line + 1, 0)
            for at, value in enumerate(self._values[line]):
                grid.addWidget(value, line + 1, at + 1, _RIGHT)
        self._note = label("", "hint", wrap=True)
        self._table = QTableWidget(0, 4)
        self._table.setHorizontalHeaderLabels(["joint", "PCK", "take px", "here"])
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(self.fontMetrics().height() + 7)
        self._table.setShowGrid(False)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setAccessibleName("Error per joint")
        header = self._table.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for at in (1, 2, 3):
            self._table.setColumnWidth(at, self.fontMetrics().horizontalAdvance("take px") + 8)
        header.setDefaultAlignment(_RIGHT)
        self._table.horizontalHeaderItem(0).setTextAlignment(_LEFT)
        self._table.horizontalHeaderItem(2).setToolTip("Mean error over the take, px")
        self._table.horizontalHeaderItem(3).setToolTip("Error of the chosen person in this frame, px")
        layout = column(self)
        layout.addWidget(section("Prediction and truth"))
        layout.addLayout(form)
        layout.addWidget(self._shown)
        layout.addWidget(self._numbers)
        layout.addWidget(self._note)
        layout.addWidget(self._table, 1)
        layout.addStretch()  # holds the rest up while there is no table
        self._shown.clicked.connect(self.shown_changed)
        self._judged.activated.connect(self._tell_sides)
        self._truth.activated.connect(self._tell_sides)
        self._unit.activated.connect(lambda at: self.unit_changed.emit(UNITS[at]))
        self._table.cellClicked.connect(lambda line, _column: self.joint_chosen.emit(line))
        self.set_scores(None, None, ())

    @property
    def shown(self) -> bool:
        return self._shown.isChecked()

    @property
    def unit(self) -> str:
        return self._unit.currentText()

    @property
    def sides(self) -> tuple[str, str]:
        """Ids of the judged poses and of the truth."""
        return str(self._judged.currentData() or ""), str(self._truth.currentData() or "")

    def set_shown(self, shown: bool) -> None:
        """Tick or untick; emits nothing."""
        self._shown.setChecked(shown)

    def set_unit(self, unit: str) -> None:
        self._unit.setCurrentText(unit)

    def set_sides(self, judged: Sequence[Side], truths: Sequence[Side], chosen: tuple[str, str]) -> None:
        """What can be chosen, and what is; emits nothing."""
        for combo, sides, id_ in zip((self._judged, self._truth), (judged, truths), chosen, strict=True):
            combo.clear()
            for side in sides:
                combo.addItem(side.text, side.id)
                combo.setItemData(combo.count() - 1, side.text, Qt.ItemDataRole.ToolTipRole)
            combo.setCurrentIndex(combo.findData(id_))
            combo.setEnabled(bool(sides))

    def set_note(self, text: str) -> None:
        """A line instead of numbers: why there are none."""
        self._note.setText(text)
        self._note.setVisible(bool(text))

    def set_frame_scores(self, scores: Scores | None) -> None:
        self._set_line(0, scores)

    def set_scores(self, frame: Scores | None, take: Scores | None, joints: Sequence[JointRow]) -> None:
        """Numbers of the frame, of the take, and per joint."""
        self._set_line(0, frame)
        self._set_line(1, take)
        self._table.setRowCount(len(joints))
        self._table.setVisible(bool(joints))
        for line, joint in enumerate(joints):
            texts = (joint.name, _share(joint.take.pck), _px(joint.take.error_px), _px(joint.frame_px))
            for at, text in enumerate(texts):
                item = self._table.item(line, at)
                if item is None:
                    item = QTableWidgetItem()
                    self._table.setItem(line, at, item)
                    if at:
                        item.setTextAlignment(_RIGHT)
                item.setText(text)
            name = self._table.item(line, 0)
            if name is not None:
                name.setIcon(_patch(joint.share))
                name.setToolTip(f"{joint.take.joints} labelled, {joint.take.missed} not predicted")
        self.layout().setStretch(self.layout().count() - 1, 1)

    def select_joint(self, joint: int) -> None:
        """Follow the selection; emits nothing."""
        if joint >= 0:
            self._table.selectRow(joint)
        else:
            self._table.clearSelection()

    def _set_line(self, line: int, scores: Scores | None) -> None:
        texts = ["–"] * 4
        if scores is not None:
            missed = f" ({scores.missed} missed)" if scores.missed else ""
            texts = [_share(scores.pck), _share(scores.oks), _px(scores.error_px), str(scores.joints)]
            self._values[line][3].setToolTip(f"{scores.joints} labelled{missed}")
        for value, text in zip(self._values[line], texts, strict=True):
            value.setText(text)

    def _tell_sides(self, _at: int) -> None:
        self.sides_changed.emit(*self.sides)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _px(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _patch(share: float | None) -> QIcon:
    """A square in the colour of an error, empty where there is none."""
    pixmap = QPixmap(11, 11)
    pixmap.fill(QColor(0, 0, 0, 0) if share is None else error_color(share))
    return QIcon(pixmap)
