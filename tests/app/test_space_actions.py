"""What the 3D view can do by key, menu and dialog, in the real window."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QMenu

from app.qt.comparison import turned_like
from app.services.align import align_takes
from app.services.lift import lift_take
from app.session import Session
from models.run.lift import Lifter
from storage import optics, tracks
from storage.reader import open_video
from tests.app.conftest import FRAMES, Desk
from tests.app.takes import put_track, run, small_lifter
from tests.app.test_room import walker
from widgets.job_panel import JobState
from widgets.orbit_camera import PRESETS
from widgets.space_dialogs import OpticsDialog, ShotDialog, SpaceExportDialog, TurntableDialog

Key, Mod = Qt.Key, Qt.KeyboardModifier


@pytest.fixture
def walked(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both takes have 3D: `a` somebody who walks in a room, `b` what a lifter made of it."""
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    with Session.open(project) as session:
        a, b = session.videos()
        put_track(session, a, walker(10.0, FRAMES), dimensions=3, skeleton="h36m17")
        run(lift_take(session, b.uid, model="m"))
        run(align_takes(session, a, [b]))
    return project


def menu_texts(menu: QMenu) -> list[str]:
    return [action.text() for action in menu.actions() if action.text()]


def compare_menu(desk: Desk) -> QMenu:
    menu = next(m for m in desk.window.menuBar().findChildren(QMenu) if m.title() == "Compare with")
    menu.aboutToShow.emit()
    return menu


def test_keys_choose_the_direction(desk: Desk, walked: Path) -> None:
    desk.open(walked)
    for key, name in zip((Key.Key_1, Key.Key_2, Key.Key_3, Key.Key_4), PRESETS, strict=True):
        desk.key(key, Mod.ControlModifier)
        camera = desk.window.view_3d.camera
        assert (camera.azimuth_deg, camera.elevation_deg) == PRESETS[name]


def test_people_walk_in_the_room_with_the_camera_in_it(desk: Desk, walked: Path) -> None:
    desk.open(walked)
    view = desk.window.view_3d
    standing = view.scene.positions[0]
    assert np.abs(standing[0, :2]).max() < 0.01 and standing[:, 2].min() == pytest.approx(0)
    assert view.scene.frustum is None
    desk.key(Key.Key_5, Mod.ControlModifier)
    assert desk.window.space.walking
    assert view.scene.frustum[0, 2] == pytest.approx(1.5, abs=0.15), "the eye is where it filmed from"
    first = view.scene.positions[0, 0].copy()
    desk.go_to(30)
    assert np.linalg.norm(view.scene.positions[0, 0] - first) > 0.5
    (way,) = view.scene.paths
    assert len(way) == FRAMES and np.linalg.norm(way[30] - view.scene.positions[0, 0]) < 0.2
    desk.key(Key.Key_5, Mod.ControlModifier)
    assert view.scene.frustum is None and np.abs(view.scene.positions[0, 0, :2]).max() < 0.01


def test_a_take_without_places_says_so_and_stays(desk: Desk, walked: Path) -> None:
    with Session.open(walked) as session:
        values = walker(0.0, FRAMES)
        values[..., :3] -= values[:, :, :1, :3].copy()
        put_track(session, session.videos()[0], values, dimensions=3, skeleton="h36m17")
    desk.open(walked)
    desk.key(Key.Key_5, Mod.ControlModifier)
    assert not desk.window.space.walking
    assert "not known where" in desk.window.statusBar().currentMessage()


def test_another_take_stands_beside_at_the_aligned_frame(desk: Desk, walked: Path) -> None:
    desk.open(walked)
    desk.go_to(12)
    menu = compare_menu(desk)
    assert menu_texts(menu) == ["nobody", "take b"]
    menu.actions()[1].trigger()
    other = desk.window.view_3d.scene.compared
    assert other.shape == (1, 17, 3)
    np.testing.assert_allclose(other[0, 0, :2], desk.window.view_3d.scene.positions[0, 0, :2], atol=1e-5)
    warp = desk.session.alignment(desk.video_uid("a"), desk.video_uid("b"))
    assert f"frame {warp.map_index(12)}" in desk.window.view_3d.legend  # type: ignore[union-attr]
    compare_menu(desk).actions()[0].trigger()
    assert desk.window.view_3d.scene.compared is None


def test_another_model_of_the_take_can_be_compared_and_its_removal_ends_that(
    desk: Desk, walked: Path
) -> None:
    with Session.open(walked) as session:
        run(lift_take(session, session.videos()[0].uid, model="second"))
    desk.open(walked)
    menu = compare_menu(desk)
    assert menu_texts(menu)[-1] == "a track by hand"
    menu.actions()[-1].trigger()
    assert desk.window.view_3d.scene.compared is not None
    uid = desk.window.space.comparison.choice.track_uid  # type: ignore[union-attr]
    with desk.session.project.transaction() as tx:
        tracks.remove(tx, uid)
    desk.session.announce({desk.video_uid("a")}, {"tracks"})
    desk.until(lambda: desk.window.view_3d.scene.compared is None)


def test_bodies_are_turned_to_face_the_same_way() -> None:
    body = walker(0.0, 1)[0, 0, :, [0, 2, 1]].T
    body = body - body[0]
    turn = np.radians(70)
    around = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    np.testing.assert_allclose(turned_like((body @ around).astype(np.float32), body), body, atol=1e-5)


def test_a_picture_of_any_size_is_saved(desk: Desk, walked: Path, monkeypatch, tmp_path: Path) -> None:
    desk.open(walked)
    monkeypatch.setattr(ShotDialog, "exec", lambda dialog: dialog._transparent.setChecked(True) or 1)
    desk.window.space_actions.save_picture()
    image = QImage(str(walked.with_name("a_3d.png")))
    assert (image.width(), image.height()) == (1600, 1200)
    assert image.pixelColor(2, 2).alpha() == 0
    inks = {image.pixelColor(x, y).rgba() for x in range(300, 1300, 7) for y in range(100, 1100, 7)}
    assert len(inks) > 30, "somebody is in it"


def test_a_turntable_is_a_loop_written_by_a_job(desk: Desk, walked: Path, monkeypatch) -> None:
    desk.open(walked)
    monkeypatch.setattr(TurntableDialog, "exec", lambda dialog: dialog._seconds.setValue(1.0) or 1)
    desk.window.space_actions.save_turntable()
    out = walked.with_name("a_turntable.mp4")
    desk.until(lambda: not desk.window.tasks.busy)
    with open_video(out) as reader:
        assert reader.info.frame_count == 30 and (reader.info.width_px, reader.info.height_px) == (960, 720)
        frames = [reader.frame(i).astype(float) for i in (0, 1, 15, 29)]
    off = [np.abs(frame - frames[0]).mean() for frame in frames]
    assert 0.5 < off[3] / off[1] < 2, "the last frame is one step before the first"
    assert off[2] > off[1]


def test_a_turntable_that_is_cancelled_leaves_nothing(desk: Desk, walked: Path) -> None:
    desk.open(walked)
    out = walked.with_name("long.mp4")
    desk.window.space_actions.write_turntable(out, (640, 480), 60.0)
    job = max(desk.window.tasks._jobs)
    desk.until(lambda: desk.window.tasks._jobs[job].state == JobState.RUNNING)
    desk.window.runner.cancel(job)
    desk.until(lambda: desk.window.tasks._jobs[job].state == JobState.CANCELLED)
    assert not list(walked.parent.glob("long*"))


def test_what_is_known_of_the_camera_is_kept_and_lifts_again(desk: Desk, walked: Path, monkeypatch) -> None:
    desk.open(walked)

    def answer(dialog: OpticsDialog) -> int:
        dialog._lens_known.setChecked(True)
        dialog._view.setValue(90.0)
        dialog._height_known.setChecked(True)
        dialog._height.setValue(1.62)
        return 1

    monkeypatch.setattr(OpticsDialog, "exec", answer)
    desk.window.space_actions.ask_optics()
    desk.until(lambda: not desk.window.tasks.busy)
    uid, width = desk.video_uid("a"), desk.window.workspace.take.info.width_px  # type: ignore[union-attr]
    with desk.session.project.reading() as tx:
        known = optics.get(tx, uid)
    assert known.focal_px == pytest.approx(width / 2, abs=0.1) and known.body_height_m == pytest.approx(1.62)
    desk.until(lambda: desk.window.posing.info_3d.run_uid is not None)  # type: ignore[union-attr]


def test_3d_is_exported_from_the_window(desk: Desk, walked: Path, monkeypatch) -> None:
    desk.open(walked)
    monkeypatch.setattr(SpaceExportDialog, "exec", lambda dialog: dialog.choose_format("trc") or 1)
    desk.window.space_actions.export()
    assert walked.with_name("a_3d.trc").read_text("utf-8").startswith("PathFileType")
    assert desk.told == []
