"""Analyse ▸ Phase statistics: keeps the window up to date with the labels, and writes its files."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from app.commands import ChangeSet
from app.qt.figures import write_png
from app.services.agreement import agreement_of
from app.services.statistics import curves_of, phase_statistics, quantities, usual_quantities
from app.services.statistics_export import export_statistics
from app.session import Session
from models.domain.phase_report import Curves, PhaseStatistics, Quantity
from models.domain.progress import Progress
from widgets.statistics_window import StatisticsWindow

if TYPE_CHECKING:
    from app.main_window import MainWindow

NAME, SETTLE_MS = "phase curves", 200


class Statistics(QObject):
    """Controller of the statistics window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace = window, window.workspace
        self.view = StatisticsWindow(window)
        self._found: PhaseStatistics | None = None
        self._refresh = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._refresh.timeout.connect(self._read)
        self.view.choice_changed.connect(lambda _rater, _suggestions: self._read())
        self.view.quantity_wanted.connect(self._read_curve)
        self.view.export_wanted.connect(self.export)
        self.view.moment_chosen.connect(self._workspace.show_take)
        self._writing = 0  # the job that writes files
        runner = window.runner
        runner.finished.connect(self._on_written)
        runner.failed.connect(lambda uid, message, _hint, _report: self._on_written(uid, message))
        runner.cancelled.connect(lambda uid: self._on_written(uid, "Stopped."))
        self._workspace.edited.connect(self._on_edit)
        self._workspace.project_changed.connect(self._leave)

    def show(self) -> None:
        """Bring the window up with what the labels say now."""
        self._read()
        self.view.show()
        self.view.raise_()
        self.view.activateWindow()

    def _on_edit(self, change: ChangeSet) -> None:
        if self.view.isVisible() and change.kinds & {"events", "ontology", "videos", "tracks"}:
            self._refresh.start()

    def _read(self) -> None:
        session = self._workspace.session
        if session is None:
            return
        view = self.view
        rater, suggestions = view.rater.currentData() or "", view.suggestions.isChecked()
        self._found = phase_statistics(session, rater=rater, include_suggestions=suggestions)
        view.set_statistics(self._found, quantities(session, self._found), agreement_of(session))

    def _read_curve(self, wanted: Quantity) -> None:
        session, found = self._workspace.session, self._found
        if session is None or found is None:
            return

        def show(curves: list[Curves]) -> None:
            if self._found is found:  # the labels are still those the curve was made from
                self.view.set_curves(curves[0])

        self._window.latest.ask(NAME, lambda: curves_of(session, found, [wanted]), show)

    def _leave(self) -> None:
        self._window.latest.forget(NAME)
        self._found = None
        self.view.hide()

    def export(self, folder: Path | None = None) -> None:
        """Ask for a folder and write tables and figures there, as a job."""
        session, found = self._workspace.session, self._found
        if session is None or found is None:
            return
        if folder is None:
            start = str(session.project.path.parent)
            chosen = QFileDialog.getExistingDirectory(self.view, "Folder for tables and figures", start)
            if not chosen:
                return
            folder = Path(chosen)
        shown, quartiles = self.view.quantity.currentData(), self.view.quartiles
        job = _writing(session, found, folder, [shown] if shown is not None else [], quartiles)
        self._writing = self._window.runner.submit(f"Phase statistics · {folder.name}", lambda: job)
        self.view.export.setEnabled(False)
        self.view.state.set_text("Writing…")

    def _on_written(self, uid: int, problem: str = "") -> None:
        """Say beside the button how the writing ended; the list of jobs tells more."""
        if uid == self._writing:
            self._writing = 0
            self.view.export.setEnabled(True)
            self.view.state.set_text(problem or "Written.")


def _writing(
    session: Session, found: PhaseStatistics, folder: Path, more: list[Quantity], quartiles: bool
) -> Generator[Progress, None, None]:
    """Write the usual curves and `more`, then the figures as PNG, too."""
    wanted = dict.fromkeys([*usual_quantities(quantities(session, found)), *more])
    yield Progress(0, 1, "reading curves")
    curves = curves_of(session, found, tuple(wanted))
    written = export_statistics(folder, found, curves, agreement_of(session), quartiles=quartiles)
    figures = [path for path in written if path.suffix == ".svg"]
    for done, path in enumerate(figures, start=1):
        write_png(path)
        yield Progress(done, len(figures), f"{path.stem} as PNG")
