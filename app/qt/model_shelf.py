"""The dialog of the models and what it asks for.

Adding, looking and checking read large files: they have a thread of their own, so that they need not wait for
the jobs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.services import model_words
from app.services.model_files import Verified, show_model, verify_models
from app.services.models import KINDS, Model, add_model, known_models, remove_model
from models.domain.errors import KnownError
from models.domain.skeleton import skeleton_names
from widgets.model_details import ModelDetails, ModelDetailsDialog
from widgets.models_dialog import ModelRow, ModelsDialog, NewModel


class ModelShelf(QObject):
    """Opens the dialog; keeps its list up to date."""

    _done = Signal(object)  # what is then to be called in the window's thread
    _refused = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.dialog: ModelsDialog | None = None
        self.details: ModelDetailsDialog | None = None
        self._thread: threading.Thread | None = None
        self._done.connect(self._on_done)
        self._refused.connect(self._on_refused)

    def show(self) -> None:
        """The dialog, until it is closed."""
        self.open().exec()
        self.dialog = None

    def open(self) -> ModelsDialog:
        """The dialog, filled and connected."""
        self.dialog = ModelsDialog(skeleton_names(), self._window)
        self.dialog.add_requested.connect(self._add)
        self.dialog.remove_requested.connect(self._remove)
        self.dialog.details_requested.connect(self._show_details)
        self.dialog.check_requested.connect(self._check)
        self._fill()
        return self.dialog

    def _fill(self, chosen: str = "") -> None:
        if self.dialog is not None:
            self.dialog.set_models([_row(model) for model in known_models()], chosen)

    def _start(self, text: str, work: Callable[[], Callable[[], None]]) -> None:
        """Run `work` in a thread; what it returns is called here when it is done."""
        if self.dialog is None or self._thread is not None:
            return
        self.dialog.set_busy(True, text)
        self._thread = threading.Thread(
            target=self._work, args=(work,), name="keyphase-read-model", daemon=True
        )
        self._thread.start()

    def _work(self, work: Callable[[], Callable[[], None]]) -> None:
        try:
            done = work()
        except KnownError as error:
            self._refused.emit(str(error))
        except Exception as error:  # told in the dialog, which must not stay busy
            self._refused.emit(f"{type(error).__name__}: {error}")
        else:
            self._done.emit(done)

    def _on_done(self, done: Callable[[], None]) -> None:
        self._end()
        if self.dialog is not None:
            self.dialog.set_busy(False, "")
            done()

    def _on_refused(self, message: str) -> None:
        self._end()
        if self.dialog is not None:
            self.dialog.set_busy(False, "")
            self.dialog.set_state(message, wrong=True)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _add(self, new: NewModel) -> None:
        def work() -> Callable[[], None]:
            made = add_model(
                new.path,
                name=new.name,
                skeleton=new.skeleton or None,
                input_size=new.input_px,
                licence=new.licence,
            )
            return lambda: self._told_added(made)

        self._start(f"Reading {new.path.name} …", work)

    def _told_added(self, model: Model) -> None:
        self._fill(model.name)
        where = "takes are aligned" if model.kind.endswith("encoder") else "poses are run"
        if self.dialog is not None:
            self.dialog.set_state(f"Added {model.name}. It can be chosen where {where}.")

    def _show_details(self, name: str) -> None:
        def work() -> Callable[[], None]:
            shown = show_model(name)
            columns, layers = model_words.layer_table(shown)
            facts = [line for line in model_words.lines(shown) if line[0] != "name"]
            facts += [(key.replace("_", " "), value) for key, value in model_words.scores(shown)]
            return lambda: self._open_details(ModelDetails(name, facts, columns, layers))

        self._start(f"Reading {name} …", work)

    def _open_details(self, details: ModelDetails) -> None:
        self.details = ModelDetailsDialog(details, self.dialog)
        self.details.open()  # over the list, which waits

    def _check(self, name: str) -> None:
        def work() -> Callable[[], None]:
            (result,) = verify_models([name])
            return lambda: self._told_checked(result)

        self._start(f"Checking {name} …", work)

    def _told_checked(self, result: Verified) -> None:
        text = f"{result.name} is whole: {result.text}." if result.ok else result.text
        if self.dialog is not None:
            self.dialog.set_state(text, wrong=not result.ok)

    def _remove(self, name: str) -> None:
        if self.dialog is None:
            return
        try:
            remove_model(name)
        except (KnownError, OSError) as error:
            self.dialog.set_state(str(error), wrong=True)
        else:
            self.dialog.set_state(f"Removed {name}.")
        self._fill()


def _row(model: Model) -> ModelRow:
    size = f"{model.size_bytes / 1e6:.1f} MB" if model.size_bytes else "missing"
    return ModelRow(
        model.name,
        KINDS.get(model.kind, model.kind),
        model.skeleton,
        model.input_px,
        size,
        model.note,
        model.added,
        model.supermask is not None,
    )
