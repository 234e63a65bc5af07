"""How takes differ: from the most typical to the oddest, and where and in which joint one departs.

The plot on top is the whole body, the picture below it every joint (cividis: dark = like the others), both
over the clock of the reference. A click goes there in the take.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QListWidget,
    QListWidgetItem,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from widgets.parts import RoomyRows, button, clock, column, label, row, section
from widgets.theme import current

_UID = Qt.ItemDataRole.UserRole
OUTLIER_Z = 3.5


@dataclass(frozen=True, slots=True)
class TypicalRow:
    """A take and how far it is from the others: limb lengths, and robust z (0 = not enough takes to say)."""

    uid: str
    name: str
    total: float
    z: float


@dataclass(frozen=True, slots=True)
class PeakRow:
    """frame: of the take. text: such as "left wrist 0.8 limb lengths off"."""

    frame: int
    seconds: float
    text: str


@dataclass(frozen=True, eq=False)
class DeviationCurves:
    """Of one take. seconds: float64 (R,) of the reference; curve: (R,) limb lengths; per_joint: (R, J), NaN =
    not known; take_frames: int64 (R,) the take's frame at each reference frame."""

    uid: str
    seconds: NDArray[np.float64]
    curve: NDArray[np.float64]
    per_joint: NDArray[np.float64]
    joints: tuple[str, ...]
    take_frames: NDArray[np.int64]
    peaks: tuple[PeakRow, ...]


class DeviationView(QDialog):
    """take_chosen(uid); jump_requested(uid, frame of the take); export_requested(): as CSV."""

    take_chosen = Signal(str)
    jump_requested = Signal(str, int)
    export_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("How takes differ")
        self._shown: DeviationCurves | None = None
        self._takes = QTreeWidget()
        self._takes.setHeaderLabels(["Take", "Departs", "z"])
        self._takes.setRootIsDecorated(False)
        self._takes.setUniformRowHeights(True)
        self._peaks = QListWidget()
        self._peaks.setProperty("role", "boxed")
        self._peaks.setItemDelegate(RoomyRows(self._peaks))
        self._takes.setItemDelegate(RoomyRows(self._takes))
        self._note = label("", "hint", wrap=True)
        self._export = button("Export as CSV…", "flat")
        self.graphics = pg.GraphicsLayoutWidget()
        self.graphics.setAntialiasing(True)
        self.plot = self.graphics.addPlot(row=0, col=0)
        self.joints = self.graphics.addPlot(row=1, col=0)
        self._curve = self.plot.plot([], [], connect="finite")
        self._image = pg.ImageItem(axisOrder="row-major")
        self.joints.addItem(self._image)
        self._lines = [pg.InfiniteLine(angle=90) for _ in range(2)]
        for plot, line in zip((self.plot, self.joints), self._lines, strict=True):
            plot.setMenuEnabled(False)
            plot.hideButtons()
            plot.getAxis("left").setWidth(96)
            for side in ("left", "bottom"):
                plot.getAxis(side).enableAutoSIPrefix(False)
            plot.addItem(line, ignoreBounds=True)
        self.joints.setXLink(self.plot)
        self.joints.setMouseEnabled(y=False)
        self.plot.setMouseEnabled(y=False)
        self.plot.setLabel("left", "limb lengths")
        self.joints.setLabel("bottom", "time of the reference (s)")
        self.joints.getViewBox().invertY(True)
        self.graphics.ci.layout.setRowStretchFactor(0, 2)
        self.graphics.ci.layout.setRowStretchFactor(1, 3)
        self._lay_out()
        self._takes.currentItemChanged.connect(self._on_take)
        self._peaks.itemClicked.connect(self._on_peak)
        self._peaks.itemActivated.connect(self._on_peak)
        self._export.clicked.connect(self.export_requested)
        self.graphics.scene().sigMouseClicked.connect(self._on_click)
        self.recolor()
        self.set_curves(None)

    def set_takes(self, rows: Sequence[TypicalRow], note: str) -> None:
        """Takes from the most typical to the oddest, and a line about the comparison."""
        self._note.setText(note)
        self._export.setEnabled(bool(rows))
        self._takes.clear()
        for take in rows:
            off = "–" if not np.isfinite(take.total) else f"{take.total:.2f}"
            odd = take.z > OUTLIER_Z
            z = f"{take.z:.1f}{' ⚠' if odd else ''}" if take.z else ""
            item = QTreeWidgetItem([take.name, off, z])
            item.setToolTip(0, take.name + (f": an outlier, z above {OUTLIER_Z}" if odd else ""))
            item.setData(0, _UID, take.uid)
            item.setToolTip(1, "Mean distance of its joints from the others', in limb lengths")
            item.setToolTip(2, f"Robust z of that among these takes; above {OUTLIER_Z} is an outlier")
            for place in (1, 2):
                item.setTextAlignment(place, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if odd:
                item.setForeground(2, current().warning)
            self._takes.addTopLevelItem(item)
        if not rows:
            self.set_curves(None)

    def choose(self, uid: str) -> None:
        for place in range(self._takes.topLevelItemCount()):
            item = self._takes.topLevelItem(place)
            if item is not None and item.data(0, _UID) == uid:
                self._takes.setCurrentItem(item)

    def set_curves(self, curves: DeviationCurves | None) -> None:
        """What is plotted; None = nothing."""
        self._shown = curves
        self._peaks.clear()
        for plot in (self.plot, self.joints):
            plot.setVisible(curves is not None)
        if curves is None:
            self._curve.setData([], [])
            return
        self._curve.setData(curves.seconds, curves.curve)
        known = np.isfinite(curves.per_joint)
        top = float(np.quantile(curves.per_joint[known], 0.99)) if known.any() else 1.0
        self._image.setImage(_picture(curves.per_joint.T, max(top, 1e-6)), levels=None)
        length = float(curves.seconds[-1] - curves.seconds[0]) if len(curves.seconds) > 1 else 1.0
        self._image.setRect(float(curves.seconds[0]), -0.5, max(length, 1e-3), len(curves.joints))
        self.joints.getAxis("left").setTicks([list(enumerate(curves.joints))])
        self.joints.setYRange(-0.5, len(curves.joints) - 0.5, padding=0)
        self.plot.setXRange(float(curves.seconds[0]), float(curves.seconds[0]) + length, padding=0.01)
        self.plot.setYRange(0, max(float(np.nanmax(curves.curve, initial=0.0)), 0.2))
        for peak in curves.peaks:
            item = QListWidgetItem(f"{clock(peak.seconds)} · frame {peak.frame} · {peak.text}")
            item.setData(_UID, peak.frame)
            self._peaks.addItem(item)
        if not curves.peaks:
            item = QListWidgetItem("No moment stands out.")
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self._peaks.addItem(item)

    def set_playhead(self, uid: str, frame: int) -> None:
        """The take on screen is at this frame."""
        if self._shown is None or self._shown.uid != uid:
            return
        at = int(np.abs(self._shown.take_frames - frame).argmin())
        for line in self._lines:
            line.setValue(float(self._shown.seconds[at]))

    @property
    def shown(self) -> DeviationCurves | None:
        return self._shown

    @property
    def note(self) -> str:
        return self._note.text()

    def recolor(self) -> None:
        theme = current()
        self.graphics.setBackground(theme.panel)
        self._curve.setPen(pg.mkPen(theme.accent, width=1.8))
        for plot, line in zip((self.plot, self.joints), self._lines, strict=True):
            line.setPen(pg.mkPen(theme.text, width=1))
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(theme.border)
                plot.getAxis(side).setTextPen(theme.muted)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "_lines"):
            self.recolor()

    def _lay_out(self) -> None:
        left = QWidget()
        stack = column(left, margin_px=0)
        stack.setContentsMargins(0, 0, 10, 0)
        stack.addWidget(section("From typical to odd"))
        stack.addWidget(self._takes, 3)
        stack.addWidget(section("Where it departs (limb lengths)"))
        stack.addWidget(self._peaks, 2)
        self._takes.setColumnWidth(0, 186)
        self._takes.setColumnWidth(1, 62)
        self._takes.setColumnWidth(2, 52)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(self.graphics)
        split.setStretchFactor(1, 1)
        split.setSizes([320, 700])
        layout = column(self, margin_px=16, spacing_px=10)
        layout.addWidget(split, 1)
        foot = row(self._note, self._export)
        foot.setStretch(0, 1)
        layout.addLayout(foot)
        self.resize(1040, 620)

    def _on_take(self, item: QTreeWidgetItem | None, _before: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.take_chosen.emit(str(item.data(0, _UID)))

    def _on_peak(self, item: QListWidgetItem) -> None:
        if self._shown is not None and item.data(_UID) is not None:
            self.jump_requested.emit(self._shown.uid, int(item.data(_UID)))

    def _on_click(self, event: object) -> None:
        shown = self._shown
        if shown is None or event.button() is not Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        for plot in (self.plot, self.joints):
            view = plot.getViewBox()
            position = event.scenePos()  # type: ignore[attr-defined]
            if view.sceneBoundingRect().contains(position):
                seconds = view.mapSceneToView(position).x()
                at = int(np.abs(shown.seconds - seconds).argmin())
                self.jump_requested.emit(shown.uid, int(shown.take_frames[at]))


def _picture(values: NDArray[np.float64], top: float) -> NDArray[np.uint8]:
    """Values (J, R) in cividis up to `top`, uint8 (J, R, 4); clear where they are not known."""
    table = pg.colormap.get("cividis").getLookupTable(0.0, 1.0, 256, alpha=True)
    known = np.isfinite(values)
    share = np.clip(np.nan_to_num(values) / top, 0, 1)
    picture = np.asarray(table[(share * 255).astype(np.uint8)], dtype=np.uint8)
    picture[~known, 3] = 0
    return picture
