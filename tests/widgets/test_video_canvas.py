"""The canvas as a user meets it: drags commit once and exactly, clicks change nothing, Esc takes back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from models.domain.skeleton import load_skeleton
from models.domain.track import Origin
from widgets.canvas_gestures import Selection
from widgets.picture_view import EMPTY_HINT, frame_line
from widgets.video_canvas import VideoCanvas

COCO = load_skeleton("coco17")
WRIST, KNEE, NOSE = COCO.index("left wrist"), COCO.index("right knee"), COCO.index("nose")
NO_KEY = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def canvas(qtbot: QtBot) -> VideoCanvas:
    widget = VideoCanvas()
    qtbot.addWidget(widget)
    widget.resize(800, 600)
    widget.set_frame(np.full((480, 640, 3), 90, np.uint8), 7)
    pose = np.full((2, 17, 3), np.nan, np.float32)
    pose[0, WRIST], pose[0, KNEE], pose[0, NOSE] = (200, 150, 0.9), (220, 300, 0.8), (210, 100, 0.7)
    pose[1, WRIST], pose[1, KNEE] = (400, 150, 0.9), (420, 300, 0.3)
    widget.set_pose(pose, np.where(np.isfinite(pose[..., 0]), Origin.MODEL, Origin.NONE), COCO)
    widget.show()
    return widget


class Heard:
    """Every edit and selection signal of a canvas, in order."""

    NAMES = (
        "joint_selected",
        "person_selected",
        "selection_cleared",
        "edit_started",
        "joint_moved",
        "person_moved",
        "visibility_cycled",
        "swap_requested",
        "mirror_requested",
        "copy_previous_requested",
        "interpolate_requested",
        "track_requested",
        "box_drawn",
        "box_mode_changed",
        "space_tapped",
    )

    def __init__(self, canvas: VideoCanvas) -> None:
        self.all: list[tuple[object, ...]] = []
        for name in self.NAMES:
            getattr(canvas, name).connect(lambda *a, name=name: self.all.append((name, *a)))

    def of(self, *names: str) -> list[tuple[object, ...]]:
        return [entry for entry in self.all if entry[0] in names]


@pytest.fixture
def heard(canvas: VideoCanvas) -> Heard:
    return Heard(canvas)


def at(canvas: VideoCanvas, x: float, y: float) -> QPointF:
    """View position of an image pixel."""
    return QPointF(*canvas.view.to_view(np.array([x, y])).tolist())


def mouse(
    canvas: VideoCanvas,
    kind: QEvent.Type,
    where: QPointF,
    keys: Qt.KeyboardModifier = NO_KEY,
    button: Qt.MouseButton = LEFT,
) -> None:
    held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else button
    pressed = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else button
    QApplication.sendEvent(canvas, QMouseEvent(kind, where, canvas.mapToGlobal(where), pressed, held, keys))


def press(canvas: VideoCanvas, x: float, y: float, keys: Qt.KeyboardModifier = NO_KEY) -> None:
    mouse(canvas, QEvent.Type.MouseButtonPress, at(canvas, x, y), keys)


def move(canvas: VideoCanvas, x: float, y: float) -> None:
    mouse(canvas, QEvent.Type.MouseMove, at(canvas, x, y))


def release(canvas: VideoCanvas, x: float, y: float) -> None:
    mouse(canvas, QEvent.Type.MouseButtonRelease, at(canvas, x, y))


def drag(
    canvas: VideoCanvas,
    start: tuple[float, float],
    end: tuple[float, float],
    keys: Qt.KeyboardModifier = NO_KEY,
) -> None:
    press(canvas, *start, keys)
    for part in (0.3, 0.6, 1.0):
        move(canvas, *(a + part * (b - a) for a, b in zip(start, end, strict=True)))
    release(canvas, *end)


@pytest.mark.parametrize("zoom", [0.4, 1.0, 3.3, 20.0])
def test_a_drag_tells_once_where_the_joint_went(canvas: VideoCanvas, heard: Heard, zoom: float) -> None:
    canvas.zoom(zoom, (at(canvas, 200, 150).x(), at(canvas, 200, 150).y()))
    drag(canvas, (200, 150), (217.25, 133.5))
    name, person, joint, x, y = heard.of("joint_moved")[0]
    assert (name, person, joint) == ("joint_moved", 0, WRIST)
    assert (x, y) == pytest.approx((217.25, 133.5), abs=1e-3)
    assert len(heard.of("joint_moved", "edit_started")) == 2
    assert heard.of("person_moved") == []


def test_a_grip_beside_the_joint_does_not_make_it_jump(canvas: VideoCanvas, heard: Heard) -> None:
    drag(canvas, (203, 147), (213, 157))
    assert heard.of("joint_moved")[0][3:] == pytest.approx((210, 160), abs=1e-3)


def test_the_last_move_counts_even_if_only_the_release_tells_it(canvas: VideoCanvas, heard: Heard) -> None:
    press(canvas, 200, 150)
    release(canvas, 250, 170)
    assert heard.of("joint_moved")[0][3:] == pytest.approx((250, 170), abs=1e-3)


def test_a_click_only_selects(canvas: VideoCanvas, heard: Heard) -> None:
    press(canvas, 200, 150)
    move(canvas, 201, 150)
    release(canvas, 201, 150)
    assert heard.all == [("joint_selected", 0, WRIST), ("edit_started",)], "hold still, but nothing is moved"
    assert canvas.selection == Selection(0, WRIST)


def test_selecting_the_same_joint_again_is_silent(canvas: VideoCanvas, heard: Heard) -> None:
    for _ in range(2):
        press(canvas, 200, 150)
        release(canvas, 200, 150)
    assert len(heard.of("joint_selected")) == 1


def test_a_drag_is_previewed_before_it_is_told(canvas: VideoCanvas, heard: Heard) -> None:
    press(canvas, 200, 150)
    move(canvas, 260, 150)
    assert canvas.dragging
    assert canvas.shown_pose()[0, WRIST, :2] == pytest.approx((260, 150), abs=1e-3)
    assert heard.of("joint_moved") == []
    release(canvas, 260, 150)
    assert canvas.shown_pose()[0, WRIST, :2] == pytest.approx((260, 150), abs=1e-3), "no flash back"


def test_the_data_handed_in_are_never_changed(canvas: VideoCanvas) -> None:
    pose = np.full((1, 17, 3), 100, np.float32)
    canvas.set_pose(pose, None, COCO)
    drag(canvas, (100, 100), (150, 150))
    assert (pose == 100).all()


def test_escape_takes_a_drag_back(canvas: VideoCanvas, heard: Heard, qtbot: QtBot) -> None:
    press(canvas, 200, 150)
    move(canvas, 260, 150)
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    release(canvas, 260, 150)
    assert heard.of("joint_moved") == []
    assert canvas.shown_pose()[0, WRIST, :2] == pytest.approx((200, 150))


def test_escape_belongs_to_the_canvas_only_while_something_is_under_way(canvas: VideoCanvas) -> None:
    def wanted() -> bool:
        event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, NO_KEY)
        event.ignore()
        QApplication.sendEvent(canvas, event)
        return event.isAccepted()

    assert not wanted()
    press(canvas, 200, 150)
    assert wanted()
    release(canvas, 200, 150)


@pytest.mark.parametrize("key", [Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier])
def test_a_whole_person_moves_only_with_a_modifier(
    canvas: VideoCanvas, heard: Heard, key: Qt.KeyboardModifier
) -> None:
    drag(canvas, (200, 150), (230, 140), key)
    assert heard.of("joint_moved") == []
    assert heard.of("person_moved") == [("person_moved", 0, pytest.approx(30), pytest.approx(-10))]
    assert canvas.shown_pose()[0, NOSE, :2] == pytest.approx((240, 90), abs=1e-3)
    assert canvas.shown_pose()[1, WRIST, :2] == pytest.approx((400, 150))


def test_a_joint_stays_inside_the_picture(canvas: VideoCanvas, heard: Heard) -> None:
    drag(canvas, (200, 150), (-80, 900))
    assert heard.of("joint_moved")[0][3:] == (0.0, 479.0)


def test_a_preview_frame_cannot_be_edited(canvas: VideoCanvas, heard: Heard, qtbot: QtBot) -> None:
    canvas.set_frame(np.zeros((480, 640, 3), np.uint8), 5, exact=False)
    drag(canvas, (200, 150), (260, 150))
    qtbot.keyClick(canvas, Qt.Key.Key_V)
    assert heard.of("joint_moved", "edit_started", "visibility_cycled") == []


def test_another_frame_ends_a_drag(canvas: VideoCanvas, heard: Heard) -> None:
    press(canvas, 200, 150)
    move(canvas, 260, 150)
    canvas.set_frame(np.zeros((480, 640, 3), np.uint8), 8)
    release(canvas, 260, 150)
    assert heard.of("joint_moved") == []


def test_a_frame_that_comes_between_press_and_drag_does_not_end_it(canvas: VideoCanvas, heard: Heard) -> None:
    press(canvas, 200, 150)
    canvas.set_frame(np.zeros((480, 640, 3), np.uint8), 8)
    move(canvas, 230, 150)
    release(canvas, 230, 150)
    assert len(heard.of("joint_moved")) == 1


def test_a_new_pose_for_the_same_frame_does_not_end_a_drag(canvas: VideoCanvas, heard: Heard) -> None:
    press(canvas, 200, 150)
    move(canvas, 260, 150)
    pose = canvas.shown_pose().copy()
    pose[0, WRIST, :2] = 200, 150
    canvas.set_pose(pose, None, COCO)
    release(canvas, 260, 150)
    assert heard.of("joint_moved")[0][3:] == pytest.approx((260, 150), abs=1e-3)


def test_dragging_beside_everybody_pans_and_a_click_there_clears(canvas: VideoCanvas, heard: Heard) -> None:
    canvas.set_selection(Selection(0, WRIST))
    before, start = canvas.view, at(canvas, 550, 50)
    mouse(canvas, QEvent.Type.MouseButtonPress, start)
    mouse(canvas, QEvent.Type.MouseMove, start + QPointF(40, 25))
    mouse(canvas, QEvent.Type.MouseButtonRelease, start + QPointF(40, 25))
    assert (canvas.view.x - before.x, canvas.view.y - before.y) == pytest.approx((40, 25))
    assert canvas.selection == Selection(0, WRIST)
    press(canvas, 550, 50)
    release(canvas, 550, 50)
    assert heard.all == [("selection_cleared",)]


def test_a_click_on_a_limb_selects_the_person(canvas: VideoCanvas, heard: Heard) -> None:
    pose = canvas.shown_pose().copy()
    pose[1, COCO.index("left elbow")] = 400, 50, 0.9
    canvas.set_pose(pose, None, COCO)
    press(canvas, 401, 100)
    release(canvas, 401, 100)
    assert heard.all == [("person_selected", 1)]


def test_space_pans_when_dragged_and_is_told_when_only_tapped(
    canvas: VideoCanvas, heard: Heard, qtbot: QtBot
) -> None:
    qtbot.keyPress(canvas, Qt.Key.Key_Space)
    before, start = canvas.view, at(canvas, 200, 150)
    mouse(canvas, QEvent.Type.MouseButtonPress, start)
    mouse(canvas, QEvent.Type.MouseMove, start + QPointF(30, 0))
    mouse(canvas, QEvent.Type.MouseButtonRelease, start + QPointF(30, 0))
    qtbot.keyRelease(canvas, Qt.Key.Key_Space)
    assert canvas.view.x - before.x == pytest.approx(30)
    assert heard.all == []
    qtbot.keyClick(canvas, Qt.Key.Key_Space)
    assert heard.all == [("space_tapped",)]


def test_the_middle_button_pans_over_a_joint_too(canvas: VideoCanvas, heard: Heard) -> None:
    before, start = canvas.view, at(canvas, 200, 150)
    middle = Qt.MouseButton.MiddleButton
    mouse(canvas, QEvent.Type.MouseButtonPress, start, button=middle)
    mouse(canvas, QEvent.Type.MouseMove, start + QPointF(5, 6), button=middle)
    mouse(canvas, QEvent.Type.MouseButtonRelease, start + QPointF(5, 6), button=middle)
    assert (canvas.view.x - before.x, canvas.view.y - before.y) == pytest.approx((5, 6))
    assert heard.all == []


@pytest.mark.parametrize("steps", [1, -1, 4])
def test_the_wheel_zooms_at_the_cursor(canvas: VideoCanvas, steps: int) -> None:
    where = QPointF(311.0, 222.0)
    before = canvas.view.to_image((311, 222))
    wheel = QWheelEvent(where, canvas.mapToGlobal(where), QPoint(), QPoint(0, 120 * steps),
                        Qt.MouseButton.NoButton, NO_KEY, Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
    scale = canvas.view.scale
    QApplication.sendEvent(canvas, wheel)
    assert canvas.view.to_image((311, 222)) == pytest.approx(before)
    assert (canvas.view.scale > scale) == (steps > 0)


def test_zoom_has_limits(canvas: VideoCanvas) -> None:
    for _ in range(100):
        canvas.zoom(2.0)
    assert canvas.view.scale == pytest.approx(80)
    for _ in range(100):
        canvas.zoom(0.5)
    assert canvas.view.scale > 0.1


def test_the_view_is_kept_between_frames_and_fitted_for_another_size(
    canvas: VideoCanvas, qtbot: QtBot
) -> None:
    canvas.zoom(3.0, (100, 100))
    view = canvas.view
    canvas.set_frame(np.zeros((480, 640, 3), np.uint8), 8)
    canvas.set_frame(np.zeros((120, 160, 3), np.uint8), 9, exact=False, size=(640, 480))
    assert canvas.view == view
    canvas.resize(820, 640)
    assert canvas.view.scale == view.scale
    qtbot.keyClick(canvas, Qt.Key.Key_F)
    fitted = canvas.view
    assert fitted.scale < view.scale
    canvas.set_frame(np.zeros((100, 100, 3), np.uint8), 0)
    assert canvas.view != fitted


def test_a_fitted_picture_follows_the_size_of_the_widget(canvas: VideoCanvas) -> None:
    canvas.resize(400, 300)
    assert canvas.view.scale == pytest.approx(400 / 640)


def test_a_drawn_box_is_told_in_order_and_inside_the_picture(canvas: VideoCanvas, heard: Heard) -> None:
    canvas.set_box_mode(True)
    drag(canvas, (300, 200), (-50, 100))
    assert heard.of("box_drawn") == [
        ("box_drawn", -0.5, pytest.approx(100), pytest.approx(300), pytest.approx(200))
    ]
    assert heard.of("box_mode_changed") == [("box_mode_changed", True), ("box_mode_changed", False)]
    assert heard.of("joint_moved", "joint_selected") == []


def test_box_mode_survives_a_slip_and_ends_with_escape(
    canvas: VideoCanvas, heard: Heard, qtbot: QtBot
) -> None:
    canvas.set_box_mode(True)
    drag(canvas, (200, 150), (201, 151))
    assert heard.of("box_drawn", "joint_selected") == []
    qtbot.keyClick(canvas, Qt.Key.Key_Escape)
    assert heard.of("box_mode_changed")[-1] == ("box_mode_changed", False)


def test_v_asks_for_the_next_visibility_of_the_selected_joint(
    canvas: VideoCanvas, heard: Heard, qtbot: QtBot
) -> None:
    qtbot.keyClick(canvas, Qt.Key.Key_V)
    assert heard.all == []
    canvas.set_selection(Selection(1, KNEE))
    qtbot.keyClick(canvas, Qt.Key.Key_V)
    assert heard.all == [("visibility_cycled", 1, KNEE)]


def test_keys_can_be_remapped(canvas: VideoCanvas, heard: Heard, qtbot: QtBot) -> None:
    canvas.set_keys({"visibility": "Shift+B"})
    canvas.set_selection(Selection(1, KNEE))
    qtbot.keyClick(canvas, Qt.Key.Key_V)
    assert heard.all == []
    qtbot.keyClick(canvas, Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert heard.all == [("visibility_cycled", 1, KNEE)]


def test_a_missing_joint_is_placed_by_a_double_click(canvas: VideoCanvas, heard: Heard) -> None:
    ear = COCO.index("left ear")
    canvas.set_selection(Selection(0, ear))
    mouse(canvas, QEvent.Type.MouseButtonDblClick, at(canvas, 500, 60))
    assert heard.all == [("joint_moved", 0, ear, pytest.approx(500), pytest.approx(60))]


def test_a_double_click_moves_no_joint_that_has_a_place(canvas: VideoCanvas, heard: Heard) -> None:
    canvas.set_selection(Selection(0, WRIST))
    mouse(canvas, QEvent.Type.MouseButtonDblClick, at(canvas, 500, 60))
    release(canvas, 500, 60)
    assert heard.of("joint_moved") == []


def test_next_joint_goes_round(canvas: VideoCanvas) -> None:
    canvas.select_next_joint()
    assert canvas.selection == Selection(0, 0)
    canvas.select_next_joint(-1)
    assert canvas.selection == Selection(0, 16)


def test_the_menu_of_a_joint_offers_the_edits(canvas: VideoCanvas, heard: Heard) -> None:
    menu = canvas.open_menu(0, WRIST, QPoint(10, 10))
    texts = [action.text() for action in menu.actions() if action.text()]
    assert texts[0] == "left wrist"
    assert "Swap with right wrist" in texts
    for action in menu.actions()[2:]:
        action.trigger()
    assert sorted(str(entry[0]) for entry in heard.all) == [
        "copy_previous_requested",
        "interpolate_requested",
        "mirror_requested",
        "swap_requested",
        "track_requested",
        "track_requested",
        "visibility_cycled",
    ]
    menu.close()


def test_a_midline_joint_has_nothing_to_swap_with(canvas: VideoCanvas) -> None:
    menu = canvas.open_menu(0, NOSE, QPoint(10, 10))
    assert not any("Swap with" in action.text() for action in menu.actions())
    menu.close()


def test_a_selection_outside_a_new_skeleton_is_dropped(canvas: VideoCanvas) -> None:
    canvas.set_selection(Selection(0, 16))
    canvas.set_pose(np.zeros((1, 13, 3), np.float32), None, load_skeleton("penn13"))
    assert canvas.selection is None
    canvas.set_pose(None)
    canvas.grab()


def test_poses_that_do_not_fit_the_skeleton_are_refused(canvas: VideoCanvas) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        canvas.set_pose(np.zeros((1, 5, 3), np.float32), None, COCO)


def shot(canvas: VideoCanvas) -> np.ndarray:
    image = canvas.grab().toImage()
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1).copy()


def test_pose_boxes_ghost_and_messages_are_painted(canvas: VideoCanvas) -> None:
    canvas.set_chip(frame_line(7, 230, 0.233))
    seen = [shot(canvas)]
    canvas.set_selection(Selection(0, WRIST))
    seen.append(shot(canvas))
    canvas.set_boxes(np.array([[100, 50, 300, 400, 0.8], [np.nan] * 5], np.float32))
    seen.append(shot(canvas))
    canvas.set_ghost(np.random.default_rng(0).uniform(50, 400, (1, 17, 3)))
    seen.append(shot(canvas))
    canvas.set_message("2 frames could not be decoded", error=True)
    seen.append(shot(canvas))
    canvas.set_frame(np.full((480, 640, 3), 90, np.uint8), 6, exact=False)
    seen.append(shot(canvas))
    for before, after in pairwise(seen):
        assert (before != after).any()


def test_a_frame_is_shown_with_its_own_colours_and_in_its_place(canvas: VideoCanvas) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[10, 20] = 200, 30, 60
    canvas.set_frame(frame, 1)
    canvas.set_pose(None)
    image = canvas.grab().toImage()
    where = at(canvas, 20, 10)
    color = image.pixelColor(where.toPoint())
    assert (color.red(), color.green(), color.blue()) == (200, 30, 60)


def test_an_empty_canvas_says_how_to_begin(canvas: VideoCanvas) -> None:
    canvas.set_frame(None)
    empty = shot(canvas)
    canvas.set_message("walk.mp4 is missing", error=True)
    assert (shot(canvas) != empty).any()
    canvas.set_message("")
    assert (shot(canvas) == empty).all()
    assert "Ctrl+O" in EMPTY_HINT
