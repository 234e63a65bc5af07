"""The models dialog on real files: added in the background, refused in words, removed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PySide6.QtWidgets import QLabel, QTreeWidget, QWidget

from app.qt.model_shelf import ModelShelf
from app.services.models import known_models
from models.nets.hrnet import HRNet
from models.run.library import added_models
from tests.app.supermasks import supermask
from tests.app.test_models import THIN
from widgets.models_dialog import NewModel


@pytest.fixture
def shelf(qtbot) -> ModelShelf:
    window = QWidget()
    qtbot.addWidget(window)
    return ModelShelf(window)


def test_a_checkpoint_is_added_and_removed(shelf: ModelShelf, qtbot, tmp_path: Path) -> None:
    torch.save(HRNet(THIN).state_dict(), tmp_path / "thin.pth")
    dialog = shelf.open()
    bundled = dialog.names()
    assert bundled == [model.name for model in known_models()]
    dialog.add_requested.emit(NewModel(tmp_path / "thin.pth", "", "", "128x96", ""))
    assert "Reading thin.pth" in dialog.state
    qtbot.waitUntil(lambda: "Added thin" in dialog.state, timeout=30_000)
    assert dialog.names() == [*bundled, "thin"] and dialog.current == "thin" and dialog.can_remove
    dialog.remove_requested.emit("thin")
    assert dialog.names() == bundled and "Removed thin" in dialog.state


def test_a_file_that_does_not_fit_is_told_in_the_dialog(shelf: ModelShelf, qtbot, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(2)}, tmp_path / "other.pth")
    dialog = shelf.open()
    for size, what in (("", "neither an HRNet"), ("big", "is no size")):
        dialog.add_requested.emit(NewModel(tmp_path / "other.pth", "", "", size, ""))
        qtbot.waitUntil(lambda what=what: what in dialog.state, timeout=30_000)
    assert not [model for model in known_models() if model.added]


def test_a_supermask_is_added_looked_at_and_checked(shelf: ModelShelf, qtbot, tmp_path: Path) -> None:
    path = supermask("lift3d", tmp_path / "small.kpm")
    dialog = shelf.open()
    dialog.add_requested.emit(NewModel(path, "", "", "", ""))
    qtbot.waitUntil(lambda: "Added small" in dialog.state, timeout=30_000)
    dialog.check_requested.emit("small")
    qtbot.waitUntil(lambda: "small is whole" in dialog.state, timeout=30_000)
    assert "rebuilt bit for bit" in dialog.state
    dialog.details_requested.emit("small")
    qtbot.waitUntil(lambda: shelf.details is not None, timeout=30_000)
    assert shelf.details is not None
    texts = [label.text() for label in shelf.details.findChildren(QLabel)]
    assert any("philox-1 from seed 3" in text for text in texts)
    table = shelf.details.findChild(QTreeWidget)
    assert table is not None and table.topLevelItemCount() == 4
    shelf.details.accept()
    kept = added_models()["small"].path
    kept.write_bytes(kept.read_bytes()[:-1])
    for ask in (dialog.check_requested, dialog.details_requested):
        dialog.set_state("")
        ask.emit("small")
        qtbot.waitUntil(lambda: "small.kpm is" in dialog.state, timeout=30_000)
    assert shelf._thread is None


def test_a_damaged_supermask_is_told_in_the_dialog(shelf: ModelShelf, qtbot, tmp_path: Path) -> None:
    path = supermask("lift3d", tmp_path / "small.kpm")
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    dialog = shelf.open()
    dialog.add_requested.emit(NewModel(path, "", "", "", ""))
    qtbot.waitUntil(lambda: "altered" in dialog.state, timeout=30_000)
    assert not added_models()
