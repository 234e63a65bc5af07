"""People in a room: where the camera stands, what is up, and what goes out to files of other programs."""

from __future__ import annotations

import csv
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from app.services.lift import Lifters, lift_take, relift_frames, set_optics, tell_optics
from app.services.motion_export import export_motion, motion_of, only_lifted
from app.services.room import Room
from app.session import Session
from models.domain.errors import KnownError
from models.domain.ontology import load_ontology
from models.domain.optics import Optics
from models.domain.skeleton import load_skeleton
from models.domain.track import roots_of
from models.run.lift import Lifter
from storage import optics
from storage.videos import Video
from tests.app.takes import add, put_track, raising, run, small_lifter, write_take

H36M = load_skeleton("h36m17")
FRAMES, FPS, EYE_M = 90, 25.0, 1.5


def walker(pitch_deg: float, frames: int = FRAMES) -> np.ndarray:
    """Somebody who walks to and fro before a camera EYE_M above the floor that looks down: (T, 1, 17, 4)."""
    heights = {"ankle": 0.08, "knee": 0.5, "hip": 0.92, "pelvis": 0.92, "spine": 1.15, "thorax": 1.42}
    heights |= {"neck": 1.52, "top": 1.7, "shoulder": 1.42, "elbow": 1.12, "wrist": 0.88}
    room = np.zeros((frames, 17, 3))
    steps = np.arange(frames) / FPS
    for joint, name in enumerate(H36M.joints):
        side = {"left": -1.0, "right": 1.0}.get(name.split()[0], 0.0)
        room[:, joint, 2] = heights[name.split()[-1]]
        room[:, joint, 0] = 0.8 * np.sin(steps) + side * 0.12
        room[:, joint, 1] = 4.5 + 1.2 * np.cos(steps)
    for phase, leg in enumerate(((1, 2, 3), (4, 5, 6))):  # a foot rests while the other one swings
        stride = np.round(2 * (steps + 0.5 * phase)) / 2 - 0.5 * phase
        room[:, leg[2], 0] = 0.8 * np.sin(stride) + (0.12, -0.12)[phase]
        room[:, leg[2], 1] = 4.5 + 1.2 * np.cos(stride)
    tilt = np.radians(pitch_deg)
    away, up = room[..., 1], room[..., 2] - EYE_M
    camera = np.stack(
        [room[..., 0], -np.cos(tilt) * up - np.sin(tilt) * away, np.cos(tilt) * away - np.sin(tilt) * up], -1
    )
    return np.concatenate([camera, np.ones((frames, 17, 1))], -1)[:, None].astype(np.float32)


@pytest.mark.parametrize("pitch_deg", [-8.0, 0.0, 15.0])
def test_the_camera_and_the_floor_are_found(pitch_deg: float) -> None:
    values = walker(pitch_deg)
    room = Room.of(values, FPS)
    assert room.floor is not None and room.floor.confidence > 0.5
    assert room.floor.pitch_deg == pytest.approx(pitch_deg, abs=2.5)
    assert room.floor.roll_deg == pytest.approx(0, abs=2)
    assert room.floor.camera_height_m == pytest.approx(EYE_M, abs=0.12)
    bodies = room.bodies(values)[:, 0]
    assert np.median(bodies[:, H36M.index("head top"), 2]) == pytest.approx(1.7, abs=0.1)
    assert np.median(bodies[:, (3, 6), 2]) == pytest.approx(0.08, abs=0.06)
    eye = room.frustum(1280, 720, 1000.0)[0]
    assert eye[2] == pytest.approx(EYE_M, abs=0.12) and eye[1] < bodies[..., 1].min(), "it looks at them"
    way = room.way(values[:, 0], FPS)
    np.testing.assert_allclose(way[5:-5], bodies[5:-5, 0], atol=0.05)


def test_a_body_elsewhere_is_missing_in_the_room_but_can_be_turned() -> None:
    values = walker(0.0, 10)
    values[4, 0, :, :3] -= values[4, 0, :1, :3].copy()
    assert np.isnan(roots_of(values)[4]).all() and np.isfinite(roots_of(values)[3]).all()
    room = Room.of(values, FPS)
    assert np.isnan(room.bodies(values)[4]).all() and np.isfinite(room.turned(values)[4]).all()
    nowhere = values - values[:, :, :1] * np.array([1, 1, 1, 0], np.float32)
    assert not Room.of(nowhere, FPS).known


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Lifter, "load", lambda *a, **k: small_lifter())
    with Session.create(tmp_path / "p.keyphase", load_ontology("pouring")) as made:
        yield made


@pytest.fixture
def take(session: Session, tmp_path: Path) -> Video:
    (video,) = add(session, write_take(tmp_path / "take.mp4", 20))
    put_track(session, video, raising(20))
    return video


def put_walker(session: Session, take: Video) -> np.ndarray:
    values = walker(10.0, 20)
    put_track(session, take, values, dimensions=3, skeleton="h36m17")
    return values


def test_a_lift_says_where_people_are_by_what_is_known_of_the_lens(session: Session, take: Video) -> None:
    run(lift_take(session, take.uid, model="m"))
    usual = session.track(take.uid, 3)[1].values  # type: ignore[index]
    set_optics(session, take.uid, Optics(focal_px=400.0, body_height_m=1.2))
    run(lift_take(session, take.uid, model="m"))
    known = session.track(take.uid, 3)[1].values.copy()  # type: ignore[index]
    assert not np.allclose(known, usual)
    from models.run.root import body_height_m

    assert body_height_m(known[:, 0] - known[:, 0, :1]) == pytest.approx(1.2, rel=0.01)
    relift_frames(session, Lifters(), take.uid, 0, 7, 8)
    again = session.track(take.uid, 3)[1].values  # type: ignore[index]
    np.testing.assert_allclose(again, known, atol=1e-4, err_msg="lifted again with the same lens and size")


def test_what_is_told_on_the_command_line_is_kept(session: Session, take: Video) -> None:
    tell_optics(session, take, 90.0, None)
    tell_optics(session, take, None, 1.62)
    tell_optics(session, take, None, None)
    with session.project.reading() as tx:
        known = optics.get(tx, take.uid)
    assert known.focal_px == pytest.approx(take.info.width_px / 2) and known.body_height_m == 1.62
    with pytest.raises(KnownError, match="field of view"):
        tell_optics(session, take, 200.0, None)
    tell_optics(session, take, focal_px=900.0)
    with session.project.reading() as tx:
        assert optics.get(tx, take.uid).focal_px == 900
    with pytest.raises(KnownError, match="say the same"):
        tell_optics(session, take, 60.0, focal_px=900.0)
    with pytest.raises(KnownError, match="0 m cannot be"):
        tell_optics(session, take, body_height_m=0.0)


def test_what_cannot_be_known_of_a_lens_is_refused() -> None:
    for wrong in (dict(focal_px=-1.0), dict(body_height_m=17.5), dict(focal_px=float("nan"))):
        with pytest.raises(KnownError, match="cannot be"):
            Optics(**wrong)
    assert Optics.from_json(Optics(900.0, 1.8).as_json()) == Optics(900.0, 1.8)
    assert Optics.from_json({"focal_px": "x"}) == Optics()


@pytest.mark.parametrize("axes", ["room", "camera"])
def test_every_3d_format_gives_back_the_same_metres(
    session: Session, take: Video, tmp_path: Path, axes: str
) -> None:
    values = put_walker(session, take)
    motion = motion_of(session, take, axes)
    expected = motion.positions[:, 0]
    if axes == "camera":
        np.testing.assert_array_equal(expected, values[:, 0, :, :3])
    else:
        assert np.median(expected[:, 10, 2]) == pytest.approx(1.7, abs=0.15)
    paths = {name: tmp_path / f"out_{axes}.{name}" for name in ("3d-csv", "3d-json", "3d-npz", "trc")}
    for name, path in paths.items():
        export_motion(session, name, take, path, axes)

    rows = list(csv.DictReader(paths["3d-csv"].open(encoding="utf-8")))
    assert len(rows) == 20 * 17 and rows[17]["seconds"] == "0.040000" and rows[0]["axes"] == axes
    got = np.array([[float(r[f"{a}_m"]) for a in "xyz"] for r in rows]).reshape(20, 17, 3)
    np.testing.assert_allclose(got, expected, atol=1e-5)

    record = json.loads(paths["3d-json"].read_text("utf-8"))
    assert (record["unit"], record["axes"], record["joints"][10]) == ("m", axes, "head top")
    assert record["pts"] == take.info.times.pts.tolist()
    np.testing.assert_allclose(record["people"][0]["positions"], expected, atol=1e-5)

    with np.load(paths["3d-npz"], allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["positions"][:, 0], expected)
        assert arrays["seconds"][1] == pytest.approx(float(Fraction(1, 25)))
        assert json.loads(str(arrays["facts"]))["axes"] == axes

    lines = paths["trc"].read_text("utf-8").split("\n")
    assert lines[0].startswith("PathFileType\t4\t(X/Y/Z)") and lines[2].split("\t")[2:5] == ["20", "17", "m"]
    first = np.array([float(cell) for cell in lines[6].split("\t")[2:]]).reshape(17, 3)
    assert first[10, 1] > first[3, 1], "y is up"
    assert len(lines[6].split("\t")) == 2 + 3 * 17 and lines[6].startswith("1\t0.000000")


def test_unseen_joints_are_empty_in_every_format(session: Session, take: Video, tmp_path: Path) -> None:
    values = walker(0.0, 20)
    values[3, 0, 5] = np.nan
    put_track(session, take, values, dimensions=3, skeleton="h36m17")
    for name in ("3d-csv", "3d-json", "trc"):
        export_motion(session, name, take, tmp_path / name, "camera")
    assert len(list(csv.DictReader((tmp_path / "3d-csv").open(encoding="utf-8")))) == 20 * 17 - 1
    record = json.loads((tmp_path / "3d-json").read_text("utf-8"))
    assert record["people"][0]["positions"][3][5] is None
    cells = (tmp_path / "trc").read_text("utf-8").split("\n")[6 + 3].split("\t")
    assert cells[2 + 15 : 2 + 18] == ["", "", ""]


def test_exports_say_what_is_missing(session: Session, take: Video, tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="no 3D"):
        export_motion(session, "trc", take, tmp_path / "x.trc")
    with pytest.raises(KnownError, match="No take has 3D"):
        only_lifted(session)
    values = walker(0.0, 20)
    values[..., :3] -= values[:, :, :1, :3].copy()
    put_track(session, take, values, dimensions=3, skeleton="h36m17")
    assert only_lifted(session).uid == take.uid
    with pytest.raises(KnownError, match="not known where") as told:
        export_motion(session, "trc", take, tmp_path / "x.trc")
    assert "camera" in told.value.hint
    with pytest.raises(KnownError, match="cannot be written"):
        export_motion(session, "3d-npz", take, tmp_path / "no" / "x.npz", "camera")
    with pytest.raises(KnownError):
        export_motion(session, "3d-csv", take, session.project.path, "camera")
    assert not list(tmp_path.glob("*.trc"))
