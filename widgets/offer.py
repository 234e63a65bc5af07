"""An offer over the picture: what a job found, and one button to go there. It never takes the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from widgets.icons import IconButton
from widgets.parts import button, label

SHOWN_MS = 20_000
BOTTOM_PX = 66  # above the legend of errors


class Offer(QFrame):
    """A line with a button at the bottom of `parent`. accepted: the button was pressed."""

    accepted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._text = label()
        self._yes = button("", "primary")
        self._yes.setFocusPolicy(self.focusPolicy())
        close = IconButton("close", "Leave it")
        close.setFocusPolicy(self.focusPolicy())
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 6, 6, 6)
        layout.setSpacing(8)
        for part in (self._text, self._yes, close):
            layout.addWidget(part)
        self._hide = QTimer(self, singleShot=True, interval=SHOWN_MS)
        self._hide.timeout.connect(self.hide)
        close.clicked.connect(self.hide)
        self._yes.clicked.connect(self.hide)
        self._yes.clicked.connect(self.accepted)
        parent.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What is offered; "" when nothing is."""
        return self._text.text() if not self.isHidden() else ""

    def show_text(self, text: str, yes: str) -> None:
        """Offer something for a while; yes: what the button says."""
        self._text.setText(text)
        self._yes.setText(yes)
        self.show()
        self.adjustSize()
        self._place()
        self.raise_()
        self._hide.start()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.parent() and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        room = self.parentWidget().rect()
        self._text.setWordWrap(False)
        self.layout().activate()
        self._text.setWordWrap(self.sizeHint().width() > room.width() - 20)
        self.layout().activate()
        width = min(self.sizeHint().width(), room.width() - 20)
        height = max(self.layout().heightForWidth(width), self.sizeHint().height())
        self.setGeometry((room.width() - width) // 2, room.bottom() - height - BOTTOM_PX, width, height)
