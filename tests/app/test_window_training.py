"""Align ▸ Train alignment on these takes, in the window: train, look, use; a child that dies is told."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from PySide6.QtWidgets import QMenu

from app.qt.training import Training
from app.services.models import known_models
from storage import alignments
from tests.app.conftest import Desk
from widgets.training_window import TrainingState

CHILD_MS = 120_000


@pytest.fixture
def training(desk: Desk, project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Training:
    """The window on a small project, set to train a few steps from nothing."""
    monkeypatch.setenv("KEYPHASE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("KEYPHASE_CACHE_DIR", str(tmp_path / "cache"))
    desk.open(project)
    menus = desk.window.menuBar().findChildren(QMenu)
    entries = {action.text(): action for menu in menus for action in menu.actions()}
    entries["Train alignment on these takes…"].trigger()
    made: Training = desk.window.analyses._made["Train alignment on these takes…"]
    made.view._initial.setCurrentIndex(made.view._initial.count() - 1)
    for steps in (2, 20_000):
        made.view._steps.addItem(str(steps), steps)
    return made


def length(training: Training, steps: int) -> None:
    training.view._steps.setCurrentText(str(steps))


def test_a_model_is_trained_and_the_takes_are_aligned_with_it(desk: Desk, training: Training) -> None:
    view = training.view
    length(training, 2)
    assert "too few to hold any back" in view._split.text()
    view._start.click()
    desk.qtbot.waitUntil(lambda: view.state is TrainingState.DONE, timeout=CHILD_MS)
    assert "Kendall" in view.note and "on the takes it saw" in view.note
    assert "learns from" in view.curves.tau_plot.titleLabel.text
    desk.until(lambda: view.after.picture is not None)
    view._use.click()
    assert "aligning 2 takes" in view.note and not view._use.isEnabled()
    desk.until(lambda: "The takes are aligned with it." in view.note)
    name = training.plan.out.stem if training.plan else ""
    assert name in {model.name for model in known_models("pose-encoder")}
    with desk.session.project.reading() as tx:
        found = alignments.provenance(tx, desk.video_uid("a"), desk.video_uid("b"))
    assert found is not None and found.options["model"] == name


def test_a_child_that_dies_is_told_and_leaves_the_window_ready(desk: Desk, training: Training) -> None:
    view = training.view
    length(training, 20_000)
    view._start.click()
    desk.qtbot.waitUntil(lambda: "step" in view.note, timeout=CHILD_MS)
    assert training.child is not None
    os.kill(training.child._process.processId(), signal.SIGKILL)
    desk.until(lambda: view.state is not TrainingState.TRAINING)
    assert "ended unexpectedly" in view.note and not training.busy
    assert view._start.isEnabled() and view._start.isVisibleTo(view)
