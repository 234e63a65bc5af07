"""The bar that plays: first, back, play, forward, last; speed; exact time; is the picture exact; zoom.

It shows what it is told and says what the user wants; it owns no clock. Steps are counted in frames.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSizePolicy, QSlider, QToolButton, QWidget

from models.domain.timebase import FrameTimes
from widgets.icons import IconButton, icon
from widgets.parts import label, set_role
from widgets.theme import current
from widgets.timeline_axis import format_time

SPEEDS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
_ZOOM_STEPS = 1000


class PlayButton(IconButton):
    """The one button in the main colour; its icon has that colour's text colour."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("play", "Play (Space)", parent, flat=False)
        self.setProperty("role", "primary")

    def set_playing(self, playing: bool) -> None:
        self.set_icon("pause" if playing else "play")
        self.setToolTip("Pause (Space)" if playing else "Play (Space)")

    def set_icon(self, name: str) -> None:
        super().set_icon(name)
        self.setIcon(icon(name, current().primary_text))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.set_icon(self._name)


class Transport(QWidget):
    """Transport bar. zoom_changed carries 0 (whole take) … 1 (closest)."""

    play_toggled = Signal()
    step = Signal(int)
    jump_start = Signal()
    jump_end = Signal()
    speed_changed = Signal(float)
    zoom_changed = Signal(float)

    def __init__(self, parent: QWidget | None = None, *, with_zoom: bool = True) -> None:
        super().__init__(parent)
        self._times: FrameTimes | None = None
        self._index = 0
        self._play = PlayButton(self)
        self._buttons: tuple[IconButton, ...] = (
            IconButton("first", "First frame (Home)", self, flat=False),
            IconButton("step-back", "One frame back (←)", self, flat=False),
            self._play,
            IconButton("step-forward", "One frame forward (→)", self, flat=False),
            IconButton("last", "Last frame (End)", self, flat=False),
        )
        told: tuple[Callable[[], None], ...] = (
            self.jump_start.emit,
            lambda: self.step.emit(-1),
            self.play_toggled.emit,
            lambda: self.step.emit(1),
            self.jump_end.emit,
        )
        for button, tell in zip(self._buttons, told, strict=True):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            button.clicked.connect(lambda _checked, call=tell: call())
        self._speed = self._speed_chip()
        self._time, self._total, self._exact = label(), label(role="muted"), label(role="key")
        self._zoom = QSlider(Qt.Orientation.Horizontal, self)
        self._zoom.setRange(0, _ZOOM_STEPS)
        self._zoom.setMinimumWidth(56)  # the window must fit a small screen
        self._zoom.setMaximumWidth(120)
        self._zoom.setAccessibleName("Zoom of the timeline")
        self._zoom.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._zoom.setToolTip("Zoom of the timeline (wheel over the timeline)")
        self._zoom.valueChanged.connect(lambda value: self.zoom_changed.emit(value / _ZOOM_STEPS))
        self._zoom.setVisible(with_zoom)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._lay_out()
        self.set_times(None)

    def set_times(self, times: FrameTimes | None) -> None:
        """The frames of the take; None = no take, everything is greyed out."""
        self._times = times
        for widget in (*self._buttons, self._speed, self._zoom):
            widget.setEnabled(times is not None)
        self._total.setText(f"/ {format_time(times.duration_s)}" if times else "")
        variable = times is not None and times.is_variable
        self._total.setToolTip(
            "Duration of the take; its frame rate is variable" if variable else "Duration of the take"
        )
        self.set_position(0)
        self.set_exact(True)

    def set_position(self, index: int) -> None:
        """The frame on screen."""
        self._index = index
        if self._times is None:
            self._time.setText("00:00.000")
            return
        self._time.setText(format_time(self._times.seconds_at(index)))
        self._time.setToolTip(
            f"Frame {index} of 0 to {len(self._times) - 1} · pts {self._times.pts_at(index)}"
        )

    def set_playing(self, playing: bool) -> None:
        self._play.set_playing(playing)

    def set_speed(self, speed: float) -> None:
        """Show a speed without telling anybody."""
        self._speed.setText(_speed_text(speed))
        for action in self._speed.menu().actions():
            action.setChecked(action.data() == speed)

    def set_exact(self, exact: bool, nearest: int | None = None) -> None:
        """Whether the picture is the frame of the playhead, or frame `nearest` until that is there."""
        self._exact.setText("exact frame" if exact else "nearest frame")
        away = "" if nearest is None else f": frame {nearest} is shown until frame {self._index} is decoded"
        self._exact.setToolTip(
            "The picture is exactly the frame at the playhead" if exact else f"Preview{away}"
        )
        set_role(self._exact, "key" if exact else "warning")

    def set_zoom(self, zoom: float) -> None:
        """Show a zoom 0..1 without telling anybody."""
        self._zoom.blockSignals(True)
        self._zoom.setValue(round(zoom * _ZOOM_STEPS))
        self._zoom.blockSignals(False)

    def add_widget(self, widget: QWidget) -> None:
        """Put a widget at the right, before the zoom."""
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.insertWidget(layout.indexOf(self._zoom), widget)
        layout.insertSpacing(layout.indexOf(self._zoom), 10)

    def _speed_chip(self) -> QToolButton:
        chip = QToolButton(self)
        chip.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        chip.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        chip.setToolTip("Speed (J K L)")
        chip.setText(_speed_text(1.0))
        menu = QMenu(chip)
        group = QActionGroup(menu)
        for speed in SPEEDS:
            action = QAction(_speed_text(speed), menu, checkable=True, checked=speed == 1.0)
            action.setData(speed)
            action.triggered.connect(lambda _checked, chosen=speed: self._choose_speed(chosen))
            group.addAction(action)
            menu.addAction(action)
        chip.setMenu(menu)
        return chip

    def _choose_speed(self, speed: float) -> None:
        self.set_speed(speed)
        self.speed_changed.emit(speed)

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 14, 6)
        layout.setSpacing(4)
        for button in self._buttons:
            layout.addWidget(button)
        layout.addSpacing(12)
        layout.addWidget(self._speed)
        layout.addSpacing(10)
        for shown in (self._time, self._total, self._exact):
            layout.addWidget(shown, 0, Qt.AlignmentFlag.AlignVCenter)
            layout.addSpacing(6)
        layout.addStretch(1)
        layout.addWidget(self._zoom)
        font = self._time.font()
        font.setPointSizeF(font.pointSizeF() * 1.2)
        self._time.setFont(font)
        self._time.setMinimumWidth(self._time.fontMetrics().horizontalAdvance("00:00.000") + 2)


def _speed_text(speed: float) -> str:
    return f"{speed:.1f}×" if speed * 10 % 1 == 0 else f"{speed:.2f}×"
