"""Frames that want a look: a list by time, with the kinds and thresholds of what is looked for.

N and P move, X mends the frame shown, A keeps it as it is. Shapes tell the kinds apart, as on the timeline.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDoubleSpinBox,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QWidget,
)

from models.domain.doubts import Doubt, Finding, Thresholds
from models.domain.skeleton import Skeleton
from widgets.icons import IconButton
from widgets.parts import button, column, form_layout, label, row
from widgets.theme import current
from widgets.timeline_frames import Shape, paint_mark

_Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_FINDING = Qt.ItemDataRole.UserRole
SHAPES = {
    Doubt.FLIP: Shape.CROSS,
    Doubt.JITTER: Shape.ZIGZAG,
    Doubt.MISSING: Shape.RING,
    Doubt.LOW: Shape.TRIANGLE,
}
COLORS = {Doubt.FLIP: "#CC79A7", Doubt.JITTER: "#E69F00", Doubt.MISSING: "#999999", Doubt.LOW: "#56B4E9"}


def finding_text(finding: Finding, skeleton: Skeleton, people: int) -> str:
    """Such as `left wrist +2 · person 1`: the worst joint, how many others, whose they are."""
    if not finding.joints:
        return f"person {finding.person + 1}"
    more = len(finding.joints) - 1
    if finding.kind is Doubt.FLIP:
        more = len(finding.joints) // 2 - 1
        name = skeleton.joints[finding.joints[0]].partition(" ")[2] + "s"
    else:
        name = skeleton.joints[finding.joints[0]]
    who = f" · person {finding.person + 1}" if people > 1 else ""
    return f"{name}{f' +{more}' if more else ''}{who}"


def frames_text(finding: Finding) -> str:
    """Such as `f 40` or `f 43 in 40–52`: where it is worst, and the whole stretch."""
    last = finding.stop - 1
    return f"f {finding.frame}" + (f" in {finding.start}–{last}" if last > finding.start else "")


class _DoubtModel(QAbstractListModel):
    def __init__(self) -> None:
        super().__init__()
        self.findings: Sequence[Finding] = ()
        self.skeleton: Skeleton | None = None
        self.people = 1

    def set_findings(self, findings: Sequence[Finding], skeleton: Skeleton | None, people: int) -> None:
        self.beginResetModel()
        self.findings, self.skeleton, self.people = findings, skeleton, people
        self.endResetModel()

    def rowCount(self, parent: _Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.findings)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        finding = self.findings[index.row()]
        if role == _FINDING:
            return finding
        if self.skeleton is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return finding_text(finding, self.skeleton, self.people)
        if role == Qt.ItemDataRole.ToolTipRole:
            joints = ", ".join(self.skeleton.joints[joint] for joint in finding.joints)
            return f"{finding.kind.value}, {frames_text(finding)}: {joints}"
        return None


class _DoubtDelegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(100, option.fontMetrics.height() + 9)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        theme, finding = current(), index.data(_FINDING)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(option.rect)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        ground = theme.selection if selected else theme.hover
        if selected or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(rect, 4, 4)
        at = QPointF(rect.left() + 14, rect.center().y())
        paint_mark(painter, SHAPES[finding.kind], at, QColor(COLORS[finding.kind]), theme.panel)
        inner, align = rect.adjusted(28, 0, -8, 0), Qt.AlignmentFlag.AlignVCenter
        frames = frames_text(finding)
        painter.setPen(theme.muted)
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignRight, frames)
        free_px = inner.width() - painter.fontMetrics().horizontalAdvance(frames) - 10
        text = index.data(Qt.ItemDataRole.DisplayRole)
        text = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(free_px))
        painter.setPen(theme.text)
        painter.drawText(inner, align | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()


class DoubtList(QWidget):
    """chosen(row): show this finding. mend_requested, keep_requested(row). limits_changed(Thresholds)."""

    chosen = Signal(int)
    mend_requested = Signal(int)
    keep_requested = Signal(int)
    forget_kept_requested = Signal()
    limits_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _DoubtModel()
        self._view = QListView()
        self._view.setModel(self._model)
        self._view.setItemDelegate(_DoubtDelegate(self._view))
        self._view.setUniformItemSizes(True)
        self._view.setMouseTracking(True)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._view.setAccessibleName("Frames to check")
        self._empty = label("", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._kinds = {kind: _kind_button(kind) for kind in Doubt}
        self._limits = QWidget()
        form = form_layout()
        self._limits.setLayout(form)
        self._confidence = _number(0.05, 0.95, 0.05, 2, "Joints the model is less sure of than this")
        self._jitter = _number(1.5, 50.0, 0.5, 1, "Acceleration of a joint, so many times what it is around")
        self._flip = _number(0.05, 5.0, 0.05, 2, "Torso lengths by which exchanged sides must fit better")
        form.setContentsMargins(0, 0, 0, 4)
        form.addRow("confidence below", self._confidence)
        form.addRow("jitter, times the usual", self._jitter)
        form.addRow("sides, torso lengths", self._flip)
        settings = IconButton("settings", "Thresholds: what counts as doubtful")
        settings.setCheckable(True)
        self._mend = button("Mend", "primary", "Exchange the sides, or bridge the frames (X)")
        self._keep = button("Keep", "", "It is right as it is: take it off the list (A)")
        self._kept = button("", "link", "Show again what was kept")
        self._hint = label("", "hint", wrap=True)
        layout = column(self)
        layout.addLayout(row(*self._kinds.values(), None, settings, spacing_px=4))
        layout.addWidget(self._limits)
        layout.addWidget(self._empty, 1)
        layout.addWidget(self._view, 1)
        layout.addLayout(row(self._mend, self._keep, None, self._kept))
        layout.addWidget(self._hint)
        self._limits.hide()
        self.set_limits(Thresholds())
        settings.toggled.connect(self._limits.setVisible)
        self._view.clicked.connect(lambda index: self._go(index.row()))
        self._view.selectionModel().currentChanged.connect(lambda *_: self._refresh())
        self._mend.clicked.connect(lambda: self.mend_requested.emit(self.row))
        self._keep.clicked.connect(lambda: self.keep_requested.emit(self.row))
        self._kept.clicked.connect(self.forget_kept_requested)
        for kind_button in self._kinds.values():
            kind_button.clicked.connect(self._tell_limits)
        for field in (self._confidence, self._jitter, self._flip):
            field.valueChanged.connect(self._tell_limits)
        self.set_findings((), None, 1)

    @property
    def row(self) -> int:
        """The selected finding, -1 when none is."""
        return self._view.currentIndex().row()

    @property
    def limits(self) -> Thresholds:
        kinds = frozenset(kind for kind, shown in self._kinds.items() if shown.isChecked())
        return Thresholds(self._confidence.value(), self._jitter.value(), self._flip.value(), kinds)

    def set_limits(self, limits: Thresholds) -> None:
        """Show these thresholds; emits nothing."""
        for field, value in (
            (self._confidence, limits.confidence),
            (self._jitter, limits.jitter),
            (self._flip, limits.flip),
        ):
            field.blockSignals(True)
            field.setValue(value)
            field.blockSignals(False)
        for kind, shown in self._kinds.items():
            shown.setChecked(kind in limits.kinds)

    def set_findings(
        self,
        findings: Sequence[Finding],
        skeleton: Skeleton | None,
        people: int,
        counts: dict[Doubt, int] | None = None,
        kept: int = 0,
        row: int = -1,
    ) -> None:
        """Show these, by time. counts: of each kind; kept: how many were kept; row: which to select."""
        self._model.set_findings(findings, skeleton, people)
        for kind, shown in self._kinds.items():
            shown.setText(str((counts or {}).get(kind, 0)) if shown.isChecked() else "–")
        self._kept.setText(f"{kept} kept")
        self._kept.setVisible(kept > 0)
        self._empty.setText(
            "No poses yet." if skeleton is None else "Nothing doubtful with these thresholds."
        )
        self.select(row)

    def set_hint(self, text: str) -> None:
        """The line of keys below the list."""
        self._hint.setText(text)

    def select(self, row: int) -> None:
        """Select without announcing it; -1 = none."""
        self._view.setCurrentIndex(self._model.index(row) if row >= 0 else QModelIndex())
        self._refresh()

    def _go(self, row: int) -> None:
        self._refresh()
        self.chosen.emit(row)

    def _tell_limits(self) -> None:
        self.limits_changed.emit(self.limits)

    def _refresh(self) -> None:
        some = bool(self._model.findings)
        self._empty.setVisible(not some)
        for part in (self._view, self._mend, self._keep, self._hint):
            part.setVisible(some)
        for part in (self._mend, self._keep):
            part.setEnabled(self.row >= 0)


def _number(low: float, high: float, step: float, decimals: int, tip: str) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setSingleStep(step)
    field.setDecimals(decimals)
    field.setToolTip(tip)
    field.setKeyboardTracking(False)
    return field


def _kind_button(kind: Doubt) -> QToolButton:
    made = QToolButton()
    made.setCheckable(True)
    made.setChecked(True)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    made.setToolTip(f"{kind.value.capitalize()}: look for it, and how often it was found")
    made.setAccessibleName(kind.value)
    pixmap = QPixmap(32, 32)
    pixmap.setDevicePixelRatio(2)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    paint_mark(painter, SHAPES[kind], QPointF(8, 8), QColor(COLORS[kind]), QColor(0, 0, 0, 0))
    painter.end()
    made.setIcon(QIcon(pixmap))
    return made
