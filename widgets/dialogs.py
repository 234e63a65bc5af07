"""Messages: what happened, what is safe, and what to do next.

A `KnownError` (the world did it) is told in its own words; a bug of ours comes with a report to copy.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPlainTextEdit, QWidget

from models.domain.errors import KnownError
from widgets.icons import IconButton, icon
from widgets.parts import button, column, label, row
from widgets.theme import current

SAFE = "Everything you have done so far is saved."


class MessageDialog(QDialog):
    """A heading, an explanation, and buttons. `answer`: text of the button pressed, "" for none."""

    def __init__(
        self,
        heading: str,
        text: str,
        buttons: tuple[str, ...] = ("OK",),
        parent: QWidget | None = None,
        *,
        mark: str = "",
        details: str = "",
        default: int = 0,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keyphase")
        self.answer = ""
        self.heading, self.text = heading, text
        layout = column(self, margin_px=18, spacing_px=10)
        head = label(heading, "title", wrap=True)
        head.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        top = row(spacing_px=12)
        if mark:
            picture = QLabel()
            picture.setPixmap(icon(mark, current().warning).pixmap(24, 24))
            top.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        top.addWidget(head, 1)
        layout.addLayout(top)
        body = label(text, wrap=True)
        body.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        layout.addWidget(body)
        if details:
            self.details = QPlainTextEdit(details, readOnly=True)
            self.details.setMinimumHeight(120)
            layout.addWidget(self.details, 1)
        layout.addStretch(0)
        line = row(None)
        for i, name in enumerate(buttons):
            made = button(name, "primary" if i == default else "")
            made.setDefault(i == default)
            made.clicked.connect(lambda _=False, name=name: self._press(name))
            line.addWidget(made)
        layout.addLayout(line)
        self.setMinimumWidth(440)
        if not details:
            self.resize(440, layout.heightForWidth(440))

    def _press(self, name: str) -> None:
        self.answer = name
        self.accept()


def ask(parent: QWidget | None, heading: str, text: str, yes: str, no: str = "Cancel") -> bool:
    """Ask before something that removes work; True when `yes` was pressed. Enter and Escape mean no."""
    dialog = MessageDialog(heading, text, (yes, no), parent, mark="warning", default=1)
    dialog.exec()
    return dialog.answer == yes


def known_error_dialog(
    error: KnownError, parent: QWidget | None = None, *, safe: str = SAFE
) -> MessageDialog:
    """What the world did. safe: what has not been lost."""
    text = "\n\n".join(part for part in (error.hint, safe) if part)
    return MessageDialog(error.message, text, ("OK",), parent, mark="warning")


class BugDialog(MessageDialog):
    """Something of ours went wrong: a report to copy; nothing is sent anywhere."""

    def __init__(self, report: str, parent: QWidget | None = None, *, safe: str = SAFE) -> None:
        super().__init__(
            "Something in Keyphase went wrong",
            f"{safe} You can go on working. If it happens again, please report it with the text below; "
            "it stays on this computer until you copy it.",
            ("Copy report", "Close"),
            parent,
            mark="warning",
            details=report,
        )
        self.resize(620, 460)
        self._report = report

    def _press(self, name: str) -> None:
        if name == "Copy report":
            QGuiApplication.clipboard().setText(self._report)
        super()._press(name)


class Notice(QFrame):
    """A line that does not interrupt: what was recovered after a crash, that a file is read-only."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "notice")
        self._text = label("", wrap=True)
        close = IconButton("close", "Dismiss")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 4, 4, 4)
        layout.addWidget(self._text, 1)
        layout.addWidget(close)
        close.clicked.connect(self.hide)
        self.hide()

    @property
    def text(self) -> str:
        return self._text.text()

    def show_text(self, text: str) -> None:
        """Show one line; "" hides the notice."""
        self._text.setText(text)
        self.setVisible(bool(text))
