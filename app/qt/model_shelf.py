"""The dialog of the models and what it asks for.

Adding reads a large file: it has a thread of its own, so that it need not wait for the jobs.
"""

from __future__ import annotations

import threading

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.services.models import KINDS, Model, add_model, known_models, remove_model
from models.domain.errors import KnownError
from models.domain.skeleton import skeleton_names
from widgets.models_dialog import ModelRow, ModelsDialog, NewModel


class ModelShelf(QObject):
    """Opens the dialog; keeps its list up to date."""

    _added = Signal(str)  # name
    _refused = Signal(str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.dialog: ModelsDialog | None = None
        self._thread: threading.Thread | None = None
        self._added.connect(self._on_added)
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
        self._fill()
        return self.dialog

    def _fill(self, chosen: str = "") -> None:
        if self.dialog is not None:
            self.dialog.set_models([_row(model) for model in known_models()], chosen)

    def _add(self, new: NewModel) -> None:
        if self.dialog is None:
            return
        self.dialog.set_busy(True, f"Reading {new.path.name} …")
        self._thread = threading.Thread(
            target=self._work, args=(new,), name="keyphase-add-model", daemon=True
        )
        self._thread.start()

    def _work(self, new: NewModel) -> None:
        try:
            made = add_model(
                new.path,
                name=new.name,
                skeleton=new.skeleton or None,
                input_size=new.input_px,
                licence=new.licence,
            )
        except KnownError as error:
            self._refused.emit(str(error))
        except Exception as error:  # told in the dialog, which must not stay busy
            self._refused.emit(f"{type(error).__name__}: {error}")
        else:
            self._added.emit(made.name)

    def _on_added(self, name: str) -> None:
        self._end()
        if self.dialog is not None:
            self._fill(name)
            kind = next((model.kind for model in known_models() if model.name == name), "")
            where = "takes are aligned" if kind.endswith("encoder") else "poses are run"
            self.dialog.set_busy(False, f"Added {name}. It can be chosen where {where}.")

    def _on_refused(self, message: str) -> None:
        self._end()
        if self.dialog is not None:
            self.dialog.set_busy(False, "")
            self.dialog.set_state(message, wrong=True)

    def _end(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

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
    purpose = KINDS.get(model.kind, model.kind)
    return ModelRow(model.name, purpose, model.skeleton, model.input_px, size, model.note, model.added)
