"""Keys start actions, except while somebody types."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QLineEdit, QPushButton, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from widgets.actions import ActionSet, ShortcutGuard, is_text_field
from widgets.keymap import default_mapping, preset

Key, Mod = Qt.Key, Qt.KeyboardModifier


class Window(QWidget):
    def __init__(self) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        self.canvas, self.field, self.spin = QWidget(), QLineEdit(), QSpinBox()
        self.button, self.list = QPushButton("go"), QComboBox()
        self.canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for widget in (self.canvas, self.field, self.spin, self.button, self.list):
            layout.addWidget(widget)
        self.actions_ = ActionSet(self)
        self.started: list[str] = []
        self.actions_.triggered.connect(self.started.append)


@pytest.fixture
def window(qtbot: QtBot, qapp: QApplication) -> Iterator[Window]:
    made = Window()
    guard = ShortcutGuard(qapp, made)
    qtbot.addWidget(made)
    with qtbot.waitExposed(made):
        made.show()
    made.activateWindow()
    made.canvas.setFocus()
    qtbot.waitUntil(lambda: qapp.focusWidget() is made.canvas)
    assert guard.parent() is made
    yield made


def test_keys_start_actions(window: Window) -> None:
    QTest.keyClick(window.canvas, Key.Key_Space)
    QTest.keyClick(window.canvas, Key.Key_Right, Mod.ShiftModifier)
    QTest.keyClick(window.canvas, Key.Key_3)
    assert window.started == ["play.toggle", "step.next_10", "label.3"]


@pytest.mark.parametrize("name", ["field", "spin"])
def test_no_key_acts_while_a_text_field_has_the_focus(window: Window, name: str) -> None:
    field = getattr(window, name)
    field.setFocus()
    assert is_text_field(field)
    for key, modifiers in (
        (Key.Key_1, Mod.NoModifier), (Key.Key_Space, Mod.NoModifier), (Key.Key_Right, Mod.ControlModifier),
        (Key.Key_F8, Mod.NoModifier), (Key.Key_K, Mod.ControlModifier), (Key.Key_Z, Mod.ControlModifier),
        (Key.Key_Home, Mod.NoModifier), (Key.Key_Delete, Mod.NoModifier),
    ):  # fmt: skip
        QTest.keyClick(field, key, modifiers)
    assert window.started == []


def test_what_is_typed_arrives_in_the_field_and_escape_leaves_it(window: Window) -> None:
    window.field.setFocus()
    QTest.keyClicks(window.field, "a n1")
    assert window.field.text() == "a n1"
    QTest.keyClick(window.field, Key.Key_Escape)
    assert not window.field.hasFocus()


def test_a_focused_button_keeps_space_but_not_other_keys(window: Window, qtbot: QtBot) -> None:
    window.button.setFocus()
    with qtbot.waitSignal(window.button.clicked):
        QTest.keyClick(window.button, Key.Key_Space)
    QTest.keyClick(window.button, Key.Key_J)
    assert window.started == ["play.backward"]


def test_a_chord_acts_only_while_its_first_key_is_held(window: Window) -> None:
    QTest.keyPress(window.canvas, Key.Key_K)
    QTest.keyClick(window.canvas, Key.Key_J)
    QTest.keyClick(window.canvas, Key.Key_L)
    QTest.keyRelease(window.canvas, Key.Key_K)
    QTest.keyClick(window.canvas, Key.Key_J)
    assert window.started == ["play.stop", "play.slow_backward", "play.slow_forward", "play.backward"]


def test_a_menu_does_not_count_as_holding_a_key(window: Window) -> None:
    window.actions_.action("play.stop").trigger()
    QTest.keyClick(window.canvas, Key.Key_J)
    assert window.started == ["play.stop", "play.backward"]


def test_keys_can_be_remapped(window: Window) -> None:
    window.actions_.set_mapping(preset("CVAT"))
    QTest.keyClick(window.canvas, Key.Key_F)
    assert window.started == ["step.next"]
    assert "Ctrl+0" in window.actions_.action("view.fit").toolTip()
    window.actions_.set_mapping(default_mapping() | {"view.fit": ()})
    QTest.keyClick(window.canvas, Key.Key_F)
    assert window.started == ["step.next"]


def test_scoped_keys_act_on_their_widget_alone(window: Window) -> None:
    window.actions_.scope(window.canvas, ["pose.next_joint"])
    QTest.keyClick(window.canvas, Key.Key_Tab)
    assert window.started == ["pose.next_joint"]
    window.button.setFocus()
    QTest.keyClick(window.button, Key.Key_Tab)
    assert window.started == ["pose.next_joint"]


def test_disabled_actions_do_nothing(window: Window) -> None:
    window.actions_.set_enabled(["play.toggle"], False)
    QTest.keyClick(window.canvas, Key.Key_Space)
    assert window.started == []


def test_a_watched_field_may_disappear(window: Window, qtbot: QtBot, qapp: QApplication) -> None:
    window.field.setFocus()
    window.field.deleteLater()
    qtbot.wait(1)
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Key.Key_Space)
    assert window.started == ["play.toggle"]
