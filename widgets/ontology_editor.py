"""The editor of an ontology: key events with name, colour, key and order, and the phases between them.

What is renamed keeps its identity, so labels stay attached. A key event that labels use is removed only
after a question that says how many would go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QDragEnterEvent, QDropEvent, QMouseEvent
from PySide6.QtWidgets import (
    QApplication,
    QColorDialog,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from models.domain.ontology import KeyEvent, Ontology
from widgets.dialogs import ask
from widgets.icons import IconButton, icon
from widgets.ontology_edits import (
    KEYS,
    add_event,
    change_event,
    change_phase,
    change_title,
    move_event,
    problems,
    remove_event,
)
from widgets.parts import button, column, label, row, section, swatch_icon

_MIME = "application/x-keyphase-key-event"


class OntologyEditor(QDialog):
    """Edits a copy; `ontology` is the result once `exec()` returned accepted.

    use_counts: labels per key event uid. confirm: asks a question and says whether to go on.
    """

    def __init__(
        self,
        ontology: Ontology,
        use_counts: Mapping[str, int] | None = None,
        parent: QWidget | None = None,
        *,
        confirm: Callable[[str, str], bool] | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Key events and phases")
        self._ontology = ontology
        self._uses = dict(use_counts or {})
        self._confirm = confirm or (lambda text, detail: ask(self, text, detail, "Remove"))
        self._title = QLineEdit(ontology.title)
        self._title.setPlaceholderText("name of the action")
        self._body = _Body()
        self._scroll = QScrollArea(widgetResizable=True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._body)
        self._add = button("Add key event")
        self._warning = label("", "warning", wrap=True)
        standard = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(standard.Ok | standard.Cancel)
        layout = column(self, margin_px=14, spacing_px=8)
        layout.addLayout(row(label("Name"), self._title))
        hint = "A phase lies between two key events. Drag a key event by its handle to change the order."
        layout.addWidget(label(hint, "hint", wrap=True))
        layout.addWidget(section("Key events and phases"))
        layout.addWidget(self._scroll, 1)
        layout.addLayout(row(self._add, None))
        layout.addWidget(self._warning)
        layout.addWidget(self._buttons)
        self.resize(560, 620)
        self._title.textChanged.connect(lambda text: self._take(change_title(self._ontology, text)))
        self._add.clicked.connect(self.add)
        self._body.dropped.connect(lambda i, to: self.move_event(i, to))
        self._buttons.accepted.connect(self.accept)
        self._buttons.rejected.connect(self.reject)
        self._rebuild()

    @property
    def ontology(self) -> Ontology:
        """The ontology as edited so far, with the uids it came with."""
        return self._ontology

    @property
    def warning(self) -> str:
        return self._warning.text()

    def add(self) -> None:
        """Append a key event and put the cursor into its name."""
        names = {event.name for event in self._ontology.events}
        name = next(n for i in range(1, 1000) if (n := f"event {len(names) + i}") not in names)
        self._take(add_event(self._ontology, name), rebuild=True)
        last = self._body.event_rows[-1]
        last.name.setFocus()
        last.name.selectAll()

    def remove(self, index: int) -> bool:
        """Remove a key event, asking first when labels use it. True when it was removed."""
        event = self._ontology.events[index]
        uses = self._uses.get(event.uid, 0)
        if uses:
            what = "1 label" if uses == 1 else f"{uses} labels"
            text = f"Remove “{event.name}” and its {what}?"
            detail = f"{what} in this project use it and would be removed with it. Undo brings them back."
            if not self._confirm(text, detail):
                return False
        self._take(remove_event(self._ontology, index), rebuild=True)
        return True

    def move_event(self, index: int, to: int) -> None:
        self._take(move_event(self._ontology, index, to), rebuild=True)

    def rename(self, index: int, name: str) -> None:
        self._take(change_event(self._ontology, index, name=name))

    def set_key(self, index: int, key: str) -> None:
        self._take(change_event(self._ontology, index, key=key))

    def set_color(self, index: int, color: str) -> None:
        self._take(change_event(self._ontology, index, color=color), rebuild=True)

    def rename_phase(self, index: int, name: str) -> None:
        self._take(change_phase(self._ontology, index, name))

    def _take(self, ontology: Ontology, *, rebuild: bool = False) -> None:
        self._ontology = ontology
        if rebuild:
            self._rebuild()
        else:
            self._body.show_phases(ontology.phases)
        self._check()

    def _check(self) -> None:
        found = problems(self._ontology)
        self._warning.setText("\n".join(found))
        self._warning.setVisible(bool(found))
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not found)

    def _rebuild(self) -> None:
        self._body.clear()
        last = len(self._ontology.events) - 1
        for i, event in enumerate(self._ontology.events):
            phase = self._body.add_phase(self._ontology.phases[i])
            phase.textEdited.connect(lambda text, i=i: self.rename_phase(i, text))
            line = _EventRow(i, event, self._uses.get(event.uid, 0), is_last=i == last)
            line.name.textEdited.connect(lambda text, i=i: self.rename(i, text))
            line.key.activated.connect(lambda at, i=i: self.set_key(i, "" if at == 0 else KEYS[at - 1]))
            line.color.clicked.connect(lambda _=False, i=i: self._choose_color(i))
            line.up.clicked.connect(lambda _=False, i=i: self.move_event(i, i - 1))
            line.down.clicked.connect(lambda _=False, i=i: self.move_event(i, i + 1))
            line.delete.clicked.connect(lambda _=False, i=i: self.remove(i))
            self._body.add_event(line)
        phase = self._body.add_phase(self._ontology.phases[-1])
        phase.textEdited.connect(lambda text: self.rename_phase(len(self._ontology.events), text))
        self._check()

    def _choose_color(self, index: int) -> None:
        before = QColor(self._ontology.events[index].color)
        chosen = QColorDialog.getColor(before, self, "Colour of the key event")
        if chosen.isValid():
            self.set_color(index, chosen.name().upper())


class _EventRow(QFrame):
    def __init__(self, index: int, event: KeyEvent, uses: int, *, is_last: bool) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.key = QComboBox()
        self.key.addItems(["–", *KEYS])
        self.key.setCurrentText(event.key or "–")
        self.key.setToolTip("Key that sets this event at the playhead")
        self.key.setMinimumWidth(52)
        self.color = QToolButton()
        self.color.setIcon(swatch_icon(event.color))
        self.color.setToolTip("Colour")
        self.name = QLineEdit(event.name)
        self.up, self.down = IconButton("up", "Earlier"), IconButton("down", "Later")
        self.up.setEnabled(index > 0)
        self.down.setEnabled(not is_last)
        self.delete = IconButton("delete", "Remove")
        used = label(f"{uses} labels" if uses != 1 else "1 label", "hint")
        used.setVisible(uses > 0)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.setSpacing(5)
        widgets: list[QWidget] = [_Handle(index, self), self.key, self.color, self.name, used]
        for widget in [*widgets, self.up, self.down, self.delete]:
            layout.addWidget(widget, 1 if widget is self.name else 0)


class _Handle(QLabel):
    """Grip to drag a key event by."""

    def __init__(self, index: int, line: QWidget) -> None:
        super().__init__()
        self._line = line
        self._index = index
        self._pressed_at: QPoint | None = None
        self.setPixmap(icon("grip").pixmap(16, 16))
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip("Drag to change the order")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed_at = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed_at is None:
            return
        moved_px = (event.position().toPoint() - self._pressed_at).manhattanLength()
        if moved_px >= QApplication.startDragDistance():
            self._pressed_at = None
            mime = QMimeData()
            mime.setData(_MIME, str(self._index).encode())
            drag = QDrag(self)
            drag.setMimeData(mime)
            drag.setPixmap(self._line.grab())
            drag.exec(Qt.DropAction.MoveAction)


class _Body(QWidget):
    """Phases and key events in turn. dropped(index, to): a key event was dropped at another place."""

    dropped = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)
        self.event_rows: list[_EventRow] = []
        self.phase_fields: list[QLineEdit] = []
        self._content = QWidget()
        self._rows = column(self._content, margin_px=0)
        self._outer = QVBoxLayout(self)
        self._outer.setContentsMargins(0, 0, 8, 0)
        self._outer.addWidget(self._content)
        self._outer.addStretch(1)

    def clear(self) -> None:
        """Start anew; the old rows go once their signals are done."""
        self._outer.removeWidget(self._content)
        self._content.hide()
        self._content.deleteLater()
        self._content = QWidget()
        self._rows = column(self._content, margin_px=0, spacing_px=5)
        self._outer.insertWidget(0, self._content)
        self.event_rows, self.phase_fields = [], []

    def add_phase(self, name: str) -> QLineEdit:
        field = QLineEdit(name)
        field.setToolTip("Name of the phase between the key events above and below")
        self.phase_fields.append(field)
        line = row(label("phase", "hint"), field)
        line.setContentsMargins(34, 0, 0, 0)
        self._rows.addLayout(line)
        return field

    def add_event(self, line: _EventRow) -> None:
        self.event_rows.append(line)
        self._rows.addWidget(line)

    def show_phases(self, names: tuple[str, ...]) -> None:
        """Bring made-up phase names up to date without disturbing the field being typed into."""
        for field, name in zip(self.phase_fields, names, strict=True):
            if field.text() != name and not field.hasFocus():
                field.setText(name)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(_MIME):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        index = int(bytes(event.mimeData().data(_MIME).data()).decode())
        y = event.position().y()
        above = sum(line.geometry().center().y() < y for line in self.event_rows)
        event.acceptProposedAction()
        self.dropped.emit(index, above - 1 if above > index else above)
