"""Opening, making and leaving projects; what the person is told about the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import platformdirs
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.commands import SaveOntology, SetCurrentOntology
from app.qt.job_runner import JobRunner
from app.qt.preferences import Preferences
from app.qt.workspace import Workspace
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import Ontology, load_ontology, ontology_names
from storage import ontologies
from widgets.dialogs import ask, known_error_dialog
from widgets.ontology_editor import OntologyEditor
from widgets.project_dialogs import NewProjectDialog

PROJECT_FILTER = "Keyphase projects (*.keyphase)"


class Projects(QObject):
    """New, open, recent, demo; key events of the project."""

    notice = Signal(str)  # a line that does not interrupt: recovered, read-only
    opened = Signal()

    def __init__(
        self, workspace: Workspace, runner: JobRunner, preferences: Preferences, window: QWidget
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.runner, self.preferences, self.window = workspace, runner, preferences, window

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"file.new": self.new, "file.open": self.ask_and_open}

    def new(self, first_files: list[Path] | None = None) -> bool:
        """Ask for a file and an ontology, and make the project."""
        if not self._free_to_leave():
            return False
        documents = Path(platformdirs.user_documents_dir())
        folder = first_files[0].parent if first_files else documents if documents.is_dir() else Path.home()
        dialog = NewProjectDialog([load_ontology(name) for name in ontology_names()], folder, self.window)
        if not dialog.exec():
            return False
        choice = dialog.choice
        return self._enter(lambda: Session.create(choice.path, choice.ontology), choice.path)

    def ask_and_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self.window, "Open a project", "", PROJECT_FILTER)
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> bool:
        """Open a project file; offer to read only when another process has it."""
        if self.workspace.path == path.absolute() and path.exists():
            return True
        if not self._free_to_leave():
            return False
        try:
            session = Session.open(path)
        except KnownError as error:
            if "read-only" not in error.hint.lower() and "read only" not in error.hint.lower():
                known_error_dialog(error, self.window).exec()
                return False
            if not ask(self.window, error.message, error.hint, "Open read-only"):
                return False
            return self._enter(lambda: Session.open(path, read_only=True), path)
        return self._enter(lambda: session, path)

    def open_demo(self, folder: Path | None = None, *, pouring: bool = False) -> None:
        """Make the demo project as a job, then open it."""
        name = "demo_pouring" if pouring else "demo"
        target = folder or Path(platformdirs.user_data_dir("keyphase")) / name
        if self.workspace.path is not None and self.workspace.path.parent == target.absolute():
            self.workspace.message.emit("The demo project is open.")
            return

        made: list[Path] = []

        def job():  # type: ignore[no-untyped-def]
            from app.services.demo import build_demo
            from app.services.demo_pouring import build_pouring_demo

            build = build_pouring_demo if pouring else build_demo
            yield from build(target, lambda summary: made.append(Path(str(summary["project"]))))

        uid = self.runner.submit("Demo project", job)

        def on_finished(done: int) -> None:
            if done == uid:
                self.runner.finished.disconnect(on_finished)
                if made:
                    self.open(made[0])

        self.runner.finished.connect(on_finished)

    def _free_to_leave(self) -> bool:
        """Whether the open project can be left: running jobs are stopped if the person agrees."""
        if self.workspace.session is None or not self.runner.busy:
            return True
        text = "What they have done so far is kept; poses go on there when they are started again."
        if not ask(self.window, "Jobs are still running in this project", text, "Stop them"):
            return False
        self.runner.stop_all()
        return True

    def _enter(self, make: Callable[[], Session], path: Path) -> bool:
        try:
            session = make()
        except KnownError as error:
            known_error_dialog(error, self.window).exec()
            return False
        self.runner.cancel_all()
        self.workspace.open(session)
        self.preferences.note_project(path)
        lines = [session.project.recovered] if session.project.recovered else []
        if session.project.read_only:
            lines.append("This project is open read-only: nothing can be changed.")
        self.notice.emit(" ".join(lines))
        self.opened.emit()
        return True

    # ---- key events

    def edit_ontology(self) -> None:
        """The editor of key events and phases."""
        session, ontology = self.workspace.session, self.workspace.ontology()
        if session is None or ontology is None:
            return
        with session.project.reading() as tx:
            uses = {event.uid: ontologies.uses(tx, event.uid) for event in ontology.events}
        editor = OntologyEditor(ontology, uses, self.window)
        if editor.exec() and editor.ontology != ontology:
            self.workspace.do(SaveOntology(editor.ontology, delete_labels=True))

    def choose_ontology(self, name: str) -> None:
        """Label with a shipped ontology from now on; it joins the project when it is new there."""
        session = self.workspace.session
        if session is None:
            return
        chosen: Ontology = load_ontology(name)
        if chosen.uid not in {ontology.uid for ontology in session.ontologies()}:
            self.workspace.do(SaveOntology(chosen, text=f"add ontology {chosen.title}"))
        self.workspace.do(SetCurrentOntology(chosen.uid))
