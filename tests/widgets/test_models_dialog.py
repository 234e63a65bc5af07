"""The list of models as a person sees it, and what it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QComboBox, QDialog, QFileDialog, QLineEdit, QPushButton

from widgets import models_dialog
from widgets.models_dialog import ModelRow, ModelsDialog, NewModel, NewModelDialog

BUNDLED = ModelRow("compact", "2D poses", "lsp14", "128×128", "7.4 MB", "Finds 60% of the joints.", False)
ADDED = ModelRow("pose_w32", "2D poses", "coco17", "256×192", "114 MB", "Not stated in the file", True)


@pytest.fixture
def dialog(qtbot) -> ModelsDialog:
    made = ModelsDialog(["coco17", "mpii16"])
    qtbot.addWidget(made)
    made.set_models([BUNDLED, ADDED])
    return made


def push(dialog: QDialog, text: str) -> None:
    next(b for b in dialog.findChildren(QPushButton) if b.text() == text).click()


def test_only_added_models_can_be_removed(dialog: ModelsDialog, qtbot) -> None:
    assert dialog.names() == ["compact", "pose_w32"] and dialog.current == "compact"
    assert not dialog.can_remove
    dialog.choose("pose_w32")
    assert dialog.can_remove
    with qtbot.waitSignal(dialog.remove_requested) as asked:
        push(dialog, "Remove")
    assert asked.args == ["pose_w32"]
    dialog.set_models([BUNDLED])
    assert dialog.current == "compact" and not dialog.can_remove


def test_what_is_known_of_a_new_model_is_handed_on(dialog: ModelsDialog, qtbot, monkeypatch) -> None:
    path = Path("/x/pose_hrnet_w32_256x192.pth")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (str(path), ""))

    def fill(form: NewModelDialog) -> int:
        name = form.findChildren(QLineEdit)[0]
        assert name.placeholderText() == "pose_hrnet_w32_256x192"
        name.setText(" mine ")
        form.findChild(QComboBox).setCurrentText("coco17")  # type: ignore[union-attr]
        return 1

    monkeypatch.setattr(models_dialog.NewModelDialog, "exec", fill)
    with qtbot.waitSignal(dialog.add_requested) as asked:
        push(dialog, "Add…")
    assert asked.args == [NewModel(path, "mine", "coco17", "", "")]


def test_it_stays_open_while_a_model_is_added(dialog: ModelsDialog) -> None:
    dialog.show()
    dialog.set_busy(True, "Reading w32.pth …")
    dialog.reject()
    assert dialog.isVisible() and not dialog.can_remove and dialog.state == "Reading w32.pth …"
    dialog.set_busy(False, "Added.")
    dialog.reject()
    assert not dialog.isVisible()


def test_a_supermask_is_marked_and_can_be_looked_at(dialog: ModelsDialog, qtbot) -> None:
    thin = ModelRow("thin", "3D lifting", "h36m17", "", "0.2 MB", "", True, supermask=True)
    assert (BUNDLED.origin, ADDED.origin, thin.origin) == ("bundled", "added", "added, supermask")
    dialog.set_models([BUNDLED, thin], "thin")
    for text, signal in (("Details…", dialog.details_requested), ("Check", dialog.check_requested)):
        with qtbot.waitSignal(signal) as asked:
            push(dialog, text)
        assert asked.args == ["thin"]
    dialog.set_busy(True, "")
    assert not any(b.isEnabled() for b in dialog.findChildren(QPushButton))
    assert "*.kpm" in models_dialog.FILES
