"""Analyse ▸ Phase statistics: keeps the window up to date with the labels, and writes its files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog

from app.commands import ChangeSet
from app.qt.figures import write_png
from app.services.agreement import agreement_of
from app.services.statistics import curves_of, phase_statistics, quantities, usual_quantities
from app.services.statistics_export import export_statistics
from models.domain.errors import KnownError
from models.domain.phase_report import PhaseStatistics, Quantity
from widgets.dialogs import known_error_dialog
from widgets.statistics_window import StatisticsWindow

if TYPE_CHECKING:
    from app.main_window import MainWindow

SETTLE_MS = 200


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
        self._workspace.edited.connect(self._on_edit)
        self._workspace.project_changed.connect(self.view.hide)

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
        session = self._workspace.session
        if session is not None and self._found is not None:
            self.view.set_curves(curves_of(session, self._found, [wanted])[0])

    def export(self, folder: Path | None = None) -> None:
        """Ask for a folder and write tables and figures there."""
        session, found = self._workspace.session, self._found
        if session is None or found is None:
            return
        if folder is None:
            start = str(session.project.path.parent)
            chosen = QFileDialog.getExistingDirectory(self.view, "Folder for tables and figures", start)
            if not chosen:
                return
            folder = Path(chosen)
        try:
            wanted = dict.fromkeys(usual_quantities(quantities(session, found)))
            shown = self.view.quantity.currentData()
            wanted |= dict.fromkeys([shown] if shown is not None else [])
            curves = curves_of(session, found, tuple(wanted))
            agreement = agreement_of(session)
            written = export_statistics(folder, found, curves, agreement, quartiles=self.view.quartiles)
            written += [write_png(path) for path in written if path.suffix == ".svg"]
        except KnownError as error:
            known_error_dialog(error, self.view).exec()
            return
        self._workspace.message.emit(f"{len(written)} files written to {folder}")
