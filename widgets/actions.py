"""The window's actions: one QAction per entry of the keymap, for menus, buttons, keys and the palette.

A key never acts while a text field has the focus: `ShortcutGuard` then hands every key to the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcutEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from widgets.keymap import ACTIONS, BY_ID, Keys, chord_parts, default_mapping, is_chord, shown_keys

_K = Qt.Key
_BUTTON_KEYS = frozenset({_K.Key_Space, _K.Key_Return, _K.Key_Enter})
_LIST_KEYS = frozenset({_K.Key_Return, _K.Key_Enter, _K.Key_Delete, _K.Key_Backspace, _K.Key_Up, _K.Key_Down})


def is_text_field(widget: QObject | None) -> bool:
    """Whether a person types text into the widget."""
    if isinstance(widget, (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)):
        return not widget.isReadOnly()
    return isinstance(widget, QKeySequenceEdit) or (isinstance(widget, QComboBox) and widget.isEditable())


class ShortcutGuard(QObject):
    """Keeps window shortcuts away from whatever needs the key itself.

    Text fields keep every key (Escape leaves them), focused buttons keep Space and Enter, focused lists keep
    Enter, Delete and the arrows up and down, combo boxes all of these. Only the focused widget is watched.
    """

    def __init__(self, app: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watched: QWidget | None = None
        app.focusChanged.connect(self._on_focus_changed)
        self._on_focus_changed(None, app.focusWidget())

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        if self._watched is not None and isValid(self._watched):  # Qt may have deleted it by now
            self._watched.removeEventFilter(self)
        self._watched = None
        kinds = (QAbstractButton, QAbstractItemView, QComboBox)
        if new is not None and (is_text_field(new) or isinstance(new, kinds)):
            self._watched = new
            new.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _keeps(watched, event):
            event.accept()
            return True
        if kind == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and isinstance(watched, QWidget):
            leaves = event.key() == _K.Key_Escape and is_text_field(watched) and not _in_dialog(watched)
            if leaves:
                watched.clearFocus()
            return leaves
        return False


def _keeps(widget: QObject, event: QKeyEvent) -> bool:
    if is_text_field(widget):
        return True
    plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
    keys = _BUTTON_KEYS if isinstance(widget, QAbstractButton) else _LIST_KEYS
    if isinstance(widget, QComboBox):
        keys = _BUTTON_KEYS | _LIST_KEYS
    return plain and event.key() in keys


def _in_dialog(widget: QWidget) -> bool:
    return isinstance(widget.window(), QDialog) or widget.window().windowType() == Qt.WindowType.Popup


class _KeyAction(QAction):
    """An action that knows which key is starting it ("" for a menu or a button)."""

    def __init__(self, text: str, parent: QObject) -> None:
        super().__init__(text, parent)
        self.started_by = ""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QShortcutEvent):
            self.started_by = event.key().toString(QKeySequence.SequenceFormat.PortableText)
        handled = super().event(event)
        self.started_by = ""
        return handled


class ActionSet(QObject):
    """All actions of a window. triggered(str): the id of the action that a key, menu or button started.

    Chords ("K & J") act when the second key comes while the first is down.
    """

    triggered = Signal(str)
    mapping_changed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._actions: dict[str, _KeyAction] = {}
        self._mapping: dict[str, Keys] = {}
        self._chords: dict[str, list[tuple[str, str]]] = {}
        self._held: set[str] = set()
        for entry in ACTIONS:
            action = _KeyAction(entry.text, window)
            action.setObjectName(entry.id)
            action.setAutoRepeat(entry.repeats)
            action.triggered.connect(lambda _checked=False, action_id=entry.id: self._on_triggered(action_id))
            window.addAction(action)
            self._actions[entry.id] = action
        self.set_mapping(default_mapping())

    @property
    def mapping(self) -> dict[str, Keys]:
        """Keys of every action."""
        return dict(self._mapping)

    def action(self, action_id: str) -> QAction:
        """The QAction to put into a menu; KeyError for an unknown id."""
        return self._actions[action_id]

    def set_mapping(self, mapping: Mapping[str, Keys]) -> None:
        """Give the actions new keys; actions not named keep their defaults."""
        self._mapping = default_mapping() | dict(mapping)
        self._chords = {}
        for action_id, action in self._actions.items():
            keys = self._mapping[action_id]
            action.setShortcuts([QKeySequence(key) for key in keys if not is_chord(key)])
            names = shown_keys(keys)
            action.setToolTip(f"{BY_ID[action_id].text} ({names})" if names else BY_ID[action_id].text)
            for held, pressed in (chord_parts(key) for key in keys if is_chord(key)):
                self._chords.setdefault(pressed, []).append((held, action_id))
        self.mapping_changed.emit()

    def scope(self, widget: QWidget, action_ids: Iterable[str]) -> None:
        """Let the keys of these actions act only while `widget` or a child of it has the focus (Tab)."""
        for action_id in action_ids:
            action = self._actions[action_id]
            for owner in action.associatedObjects():
                if isinstance(owner, QWidget) and owner is self.parent():
                    owner.removeAction(action)
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            widget.addAction(action)

    def set_enabled(self, action_ids: Iterable[str], enabled: bool) -> None:
        for action_id in action_ids:
            self._actions[action_id].setEnabled(enabled)

    def _on_triggered(self, action_id: str) -> None:
        key = self._actions[action_id].started_by
        for held, chord_id in self._chords.get(key, ()):
            if held in self._held and self._actions[chord_id].isEnabled():
                self.triggered.emit(chord_id)
                return
        if key and any(held == key for pairs in self._chords.values() for held, _ in pairs):
            self._hold(key)
        self.triggered.emit(action_id)

    def _hold(self, key: str) -> None:
        if not self._held:
            _app().installEventFilter(self)  # only while the key is down, to see its release
        self._held.add(key)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind == QEvent.Type.KeyRelease and isinstance(event, QKeyEvent) and not event.isAutoRepeat():
            released = QKeySequence(event.key()).toString(QKeySequence.SequenceFormat.PortableText)
            self._held.discard(released)
        elif kind == QEvent.Type.ApplicationDeactivate:
            self._held.clear()
        if not self._held:
            _app().removeEventFilter(self)
        return False


def _app() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
