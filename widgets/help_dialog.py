"""Help pages: the Markdown files of `resources/help`, shown beside the work."""

from __future__ import annotations

from importlib.resources import files

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QTextBrowser, QWidget

from widgets.parts import column


def help_pages() -> tuple[str, ...]:
    """Names of the pages that ship with the program."""
    folder = files("resources").joinpath("help")
    return tuple(sorted(p.name.removesuffix(".md") for p in folder.iterdir() if p.name.endswith(".md")))


class HelpDialog(QDialog):
    """Shows one page without blocking the window."""

    def __init__(self, page: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Help")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._browser = QTextBrowser(openExternalLinks=True)
        self._browser.setMarkdown(files("resources").joinpath("help", f"{page}.md").read_text("utf-8"))
        self._browser.document().setDocumentMargin(12)
        column(self, margin_px=8).addWidget(self._browser)
        self.resize(640, 720)

    @property
    def text(self) -> str:
        """The page as plain text."""
        return self._browser.toPlainText()
