"""Smoothing a take: chosen in one step, always of the poses as they are now, carried along and exported."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from app import cli
from app.commands import SetJoints, SetSmoothing
from app.services.exchange import export_file, import_file
from app.services.lift import Lifters, lift_frame, lift_take, relift_frames
from app.services.pose import estimate_poses
from app.services.smooth import smooth_take, smoothed_poses
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.smoothing import Smoothing
from models.domain.track import Origin
from models.run.lift import Lifter
from storage import tracks
from storage.videos import Video
from tests.app.takes import add, figure, put_track, raising, run, small_lifter, use_world, write_take

FRAMES = 60
SOFT = Smoothing("savgol", window_s=0.4)


@pytest.fixture
def session(tmp_path: Path):
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    (video,) = add(session, write_take(tmp_path / "take.mp4", FRAMES))
    values = raising(FRAMES)
    values[..., :2] += np.random.default_rng(0).normal(0, 3, values[..., :2].shape)
    put_track(session, video, values)
    return video


def raw(session: Session, take: Video):
    found = session.track(take.uid, 2)
    assert found is not None
    return found


def test_the_raw_poses_stay_and_the_smoothed_ones_are_calmer(session: Session, take: Video) -> None:
    before = raw(session, take)[1].values.copy()
    effect = smooth_take(session, take.uid, SOFT)
    assert effect is not None and effect.jitter_px < 0.3 * effect.jitter_raw_px
    assert 0.5 < effect.moved_px < 6 and effect.kept == 0
    info, track = raw(session, take)
    np.testing.assert_array_equal(track.values, before)
    assert info.smoothing == SOFT
    assert session.history.undo_text == "smooth poses"
    session.history.undo()
    assert raw(session, take)[0].smoothing is None and smoothed_poses(session, take.uid) is None
    session.history.redo()
    assert raw(session, take)[0].smoothing == SOFT


def test_after_an_edit_the_smoothed_poses_are_those_of_the_edited_ones(session: Session, take: Video) -> None:
    smooth_take(session, take.uid, SOFT)
    before = smoothed_poses(session, take.uid)
    place, value = np.array([[30, 0, 9]]), np.array([[400, 80, 1]], np.float32)
    session.history.do(SetJoints(raw(session, take)[0].uid, place, value, np.array([Origin.HUMAN], np.uint8)))
    after = smoothed_poses(session, take.uid)
    assert before is not None and after is not None
    np.testing.assert_array_equal(after.values[30, 0, 9], value[0])
    assert not np.array_equal(after.values[32, 0, 9], before.values[32, 0, 9])
    np.testing.assert_array_equal(after.values[:, 0, 10], before.values[:, 0, 10])


def test_new_poses_are_smoothed_alike_and_keep_the_names(
    session: Session, take: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, _ = raw(session, take)
    with session.project.transaction() as tx:
        tracks.set_names(tx, info.uid, ("Ann",))
    smooth_take(session, take.uid, SOFT)
    use_world(monkeypatch, lambda n: [figure(n / FRAMES, 300), figure(n / FRAMES, 520)])
    run(estimate_poses(session, take.uid, model="m"))
    info, track = raw(session, take)
    assert info.smoothing == SOFT
    boxes = track.values[0, :, :, 0].mean(axis=1)
    assert info.name(int(np.argmin(np.abs(boxes - 300)))) == "Ann"
    assert info.name(int(np.argmin(np.abs(boxes - 520)))) == ""


def test_a_take_without_poses_says_what_to_do(session: Session, tmp_path: Path) -> None:
    (video,) = add(session, write_take(tmp_path / "bare.mp4", 5, 70))
    with pytest.raises(KnownError, match="bare") as told:
        smooth_take(session, video.uid, SOFT)
    assert "pose" in told.value.hint


def lifted(session: Session, take: Video) -> np.ndarray:
    found = session.track(take.uid, 3)
    assert found is not None
    return found[1].values.copy()


def test_the_3d_can_follow_the_smoothed_poses(
    session: Session, take: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifter = small_lifter()
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: lifter)
    with pytest.raises(KnownError, match="not smoothed"):
        run(lift_take(session, take.uid, smoothed=True))
    smooth_take(session, take.uid, SOFT)
    run(lift_take(session, take.uid))
    from_raw = lifted(session, take)
    run(lift_take(session, take.uid, smoothed=True))
    soft, info = smoothed_poses(session, take.uid), take.info
    assert soft is not None
    size = (info.width_px, info.height_px)
    expected = lifter.lift(soft.values[:, 0], soft.skeleton, *size, info.times.fps)
    got = lifted(session, take)[:, 0]
    got[..., :3] -= got[:, :1, :3].copy()
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert not np.allclose(lifted(session, take), from_raw, atol=1e-3)
    place, value = np.array([[30, 0, 9]]), np.array([[400, 80, 1]], np.float32)
    session.history.do(SetJoints(raw(session, take)[0].uid, place, value, np.array([Origin.HUMAN], np.uint8)))
    relift_frames(session, Lifters(), take.uid, 0, 30, 31)
    after_edit = lifted(session, take)
    glimpse = lift_frame(session, Lifters(), take.uid, raw(session, take)[1], 0, 30)
    run(lift_take(session, take.uid))
    np.testing.assert_allclose(lifted(session, take), after_edit, atol=1e-5, err_msg="as the last time")
    np.testing.assert_allclose(glimpse, after_edit[30, 0], atol=1e-4)
    run(lift_take(session, take.uid, smoothed=False))
    assert not np.allclose(lifted(session, take), after_edit, atol=1e-3)


def test_raw_and_smoothed_keypoints_go_into_one_table(session: Session, take: Video, tmp_path: Path) -> None:
    info, track = raw(session, take)
    absent = np.array([[np.nan, np.nan, 0]], np.float32)
    session.history.do(SetJoints(info.uid, np.array([[2, 0, 5]]), absent, np.array([Origin.HUMAN], np.uint8)))
    export_file(session, "keypoints", tmp_path / "raw.csv")
    smooth_take(session, take.uid, SOFT)
    export_file(session, "keypoints", tmp_path / "both.csv")
    soft = smoothed_poses(session, take.uid)
    assert soft is not None
    for name in ("raw", "both"):
        with (tmp_path / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == FRAMES * 17
        row = rows[40 * 17 + 9]
        assert (row["video"], row["frame"], row["person"], row["joint"]) == ("take", "40", "1", "left wrist")
        assert float(row["seconds"]) == 40 / 25
        assert float(row["x_px"]) == pytest.approx(track.values[40, 0, 9, 0], abs=1e-3)
        gone = rows[2 * 17 + 5]
        assert (gone["x_px"], gone["origin"]) == ("", "human")
        assert row["smooth_x_px"] == (f"{soft.values[40, 0, 9, 0]:.3f}" if name == "both" else "")
    with pytest.raises(KnownError, match="no table of labels"):
        import_file(session, tmp_path / "both.csv")


def test_json_takes_settings_and_names_along(session: Session, take: Video, tmp_path: Path) -> None:
    info, _ = raw(session, take)
    with session.project.transaction() as tx:
        tracks.set_names(tx, info.uid, ("Ann",))
    smooth_take(session, take.uid, SOFT)
    export_file(session, "json", tmp_path / "all.json")
    with Session.create(tmp_path / "q.keyphase", load_ontology("pouring")) as other:
        add(other, tmp_path / "take.mp4")
        import_file(other, tmp_path / "all.json")
        found = other.track(other.videos()[0].uid, 2)
        assert found is not None and (found[0].names, found[0].smoothing) == (("Ann",), SOFT)
    data = json.loads((tmp_path / "all.json").read_text("utf-8"))
    data["tracks"][0]["smoothing"] = {"method": "savgol", "window_s": "long"}
    (tmp_path / "bad.json").write_text(json.dumps(data), "utf-8")
    with Session.create(tmp_path / "r.keyphase", load_ontology("pouring")) as other:
        add(other, tmp_path / "take.mp4")
        with pytest.raises(KnownError, match="'smoothing' holds no settings"):
            import_file(other, tmp_path / "bad.json")


def test_the_command_line_smooths_and_stops_smoothing(
    session: Session, take: Video, capsys: pytest.CaptureFixture[str]
) -> None:
    path = session.project.path
    session.close()
    arguments = ["smooth", str(path), "--method", "one-euro", "--min-cutoff-hz", "0.8", "--json"]
    assert cli.run(arguments) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told["take"] == "take" and told["smoothing"]["min_cutoff_hz"] == 0.8
    assert told["effect"]["jitter_px"] < 0.5 * told["effect"]["jitter_raw_px"]
    assert cli.run(["smooth", str(path), "--window-s", "0"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert cli.run(["smooth", str(path), "--video", "take", "--off"]) == 0
    with Session.open(path) as again:
        assert raw(again, take)[0].smoothing is None


def test_settings_that_are_gone_are_a_clear_message(session: Session) -> None:
    with pytest.raises(KnownError):
        session.history.do(SetSmoothing("none", SOFT))
