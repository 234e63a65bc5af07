"""Prediction beside truth in the window: corrections against the model, another track, errors in colour."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QImage, QPainter

from models.domain.skeleton import load_skeleton
from storage import tracks
from tests.app.conftest import Desk, small_figures
from tests.app.takes import COCO, put_track
from widgets.canvas_gestures import Selection
from widgets.judged_overlay import VIRIDIS, Judged, error_color, paint_judged_above, paint_judged_below
from widgets.theme import contrast
from widgets.view_transform import ViewTransform

Key, Mod = Qt.Key, Qt.KeyboardModifier
WRIST, FRAME = COCO.index("left wrist"), 10
TORSO = 13.6


def compare(desk: Desk) -> None:
    desk.key(Key.Key_J, Mod.ControlModifier)
    desk.until(lambda: desk.window.judging.result is not None)


def move_wrist(desk: Desk, dx: float) -> None:
    desk.go_to(FRAME)
    x, y = small_figures(0)[FRAME, WRIST, :2].tolist()
    desk.window.posing.select(Selection(0, WRIST))
    desk.window.posing.move_joint(0, WRIST, x + dx, y)
    desk.until(lambda: abs(desk.window.posing.track.values[FRAME, 0, WRIST, 0] - x - dx) < 0.01)  # type: ignore[union-attr]


def test_corrections_are_compared_with_what_the_model_had_said(desk: Desk, project: Path) -> None:
    desk.open(project)
    move_wrist(desk, 3)
    move_wrist(desk, 6)
    compare(desk)
    panel, judged = desk.window.judge_panel, desk.window.canvas._judged
    assert panel.sides == ("model", "corrections") and desk.window.tabs.currentWidget() is panel
    assert judged is not None and not judged.draws_prediction and not judged.draws_truth
    assert np.flatnonzero(~np.isnan(judged.error[0])).tolist() == [WRIST]
    assert judged.error[0, WRIST] == pytest.approx(6 / TORSO, abs=0.01)
    frame, take = ([value.text() for value in line] for line in panel._values)
    assert frame == take == ["0.000", frame[1], "6.0", "1"]
    move_wrist(desk, 1)
    desk.until(lambda: panel._values[0][2].text() == "1.0")
    assert panel._values[0][0].text() == "1.000"
    desk.key(Key.Key_J, Mod.ControlModifier)
    assert desk.window.canvas._judged is None


def test_another_track_is_a_truth_whatever_its_order_and_skeleton(desk: Desk, project: Path) -> None:
    desk.open(project)
    video = desk.session.video(desk.video_uid("a"))
    shown = desk.window.posing.info
    assert shown is not None
    values = small_figures(0)
    values[:, 0, 0] += 2
    lsp = load_skeleton("lsp14")
    other = np.full((len(values), 14, 3), np.nan, np.float32)
    for joint, name in enumerate(lsp.joints):
        if name in COCO.joints:
            other[:, joint] = values[:, COCO.index(name)] + np.array([2, 0, 0], np.float32)
    info = put_track(desk.session, video, other, skeleton="lsp14")
    with desk.session.project.transaction() as tx:
        tracks.activate(tx, shown.uid)
    desk.session.announce([video.uid], ["tracks"])
    compare(desk)
    assert desk.window.judge_panel.sides == ("model", info.uid)
    result = desk.window.judging.result
    assert result is not None
    assert result.take.error_px == pytest.approx(2) and result.take.pck == 1
    assert result.joints[COCO.index("nose")].joints == 0, "the truth has no such joint"
    desk.window.curve_menu._actions["error"].trigger()
    curve = next(c for c in desk.window.timeline.content.curves if c.name.startswith("error"))
    assert curve.values.max() == pytest.approx(2 / TORSO, abs=0.01)


def test_without_anything_to_compare_it_says_what_to_do(desk: Desk, project: Path) -> None:
    desk.open(project)
    desk.key(Key.Key_J, Mod.ControlModifier)
    desk.settle()
    assert "Correct joints" in desk.window.judge_panel._note.text()
    assert desk.window.judging.result is None


def test_colours_rise_with_the_error() -> None:
    assert error_color(0).name() == VIRIDIS[0] and error_color(7).name() == VIRIDIS[-1]
    light = [contrast(error_color(share), QColor("black")) for share in np.linspace(0, 1, 9)]
    assert light == sorted(light) and light[-1] > 3 * light[0]


def test_prediction_and_truth_look_different(qapp: object) -> None:
    """The truth is a cross, the prediction a disc, also where both have the same colour."""
    base = np.full((1, 17, 2), np.nan)
    predicted, truth = base.copy(), base.copy()
    predicted[0, 0], truth[0, 0] = (30, 30), (70, 30)
    error = np.full((1, 17), np.nan)
    error[0, 0] = 0.5
    judged = Judged(predicted, truth, error, "px", 1.0, COCO, False, True)

    def painted(judged: Judged) -> QImage:
        image = QImage(300, 200, QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.darkGray)
        painter = QPainter(image)
        paint_judged_below(painter, judged, ViewTransform(1.0, 0.0, 0.0))
        paint_judged_above(painter, judged, ViewTransform(1.0, 0.0, 0.0), image.rect())
        painter.end()
        return image

    image = painted(judged)
    assert image.pixelColor(30, 37).name() == error_color(0.5).name()
    assert image.pixelColor(70, 30).name() == "#ffffff"
    missed = painted(replace(judged, predicted=base, error=np.where(np.isnan(error), np.nan, np.inf)))
    assert missed.pixelColor(30, 37) != image.pixelColor(30, 37)
    assert missed.pixelColor(79, 30).lightness() > 150, "a ring around the cross"
