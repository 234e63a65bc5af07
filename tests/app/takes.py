"""Small takes for tests of the application: videos that carry their frame number, and people who are known.

The stand-ins for the networks read the frame number off the picture and answer with the people of that frame,
so that everything around the networks runs as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from app.services.media import add_videos
from app.session import Session
from models.domain.labels import new_uid
from models.domain.progress import Progress
from models.domain.skeleton import load_skeleton
from models.domain.track import Origin, boxes_of
from models.nets.videopose3d import TemporalModelStrided, VideoPose3DConfig
from models.run.detect import PersonFinder, overlaps
from models.run.lift import Lifter
from models.run.lift_features import FEATURES_IN, JOINTS_IN
from models.run.pose2d import PoseEstimator
from storage import tracks
from storage.tracks import TrackInfo
from storage.videos import Video, by_name
from tests.storage.video_files import (
    H264_FAST,
    HEIGHT_PX,
    WIDTH_PX,
    Recipe,
    coded_image,
    read_code,
    write_video,
)

COCO = load_skeleton("coco17")
Pose = NDArray[np.float32]
FPS = 25


def write_take(
    path: Path,
    frames: int = 30,
    first_number: int = 0,
    pts: Iterable[int] | None = None,
    size_px: tuple[int, int] = (WIDTH_PX, HEIGHT_PX),
) -> Path:
    """A video at 25 fps (or with the given pts in 1/25 s) whose frames carry first_number and so on."""
    images = [coded_image(first_number + i, *size_px) for i in range(frames)]
    times = range(frames) if pts is None else list(pts)
    write_video(path, Recipe(options=H264_FAST), times, Fraction(1, FPS), images)
    return path


def run(job: Iterable[Progress]) -> list[Progress]:
    """All steps of a job."""
    return list(job)


def add(session: Session, *paths: Path) -> list[Video]:
    """Add files and return them as takes, by the names of the files."""
    run(add_videos(session, paths))
    with session.project.reading() as tx:
        return [by_name(tx, path.stem) for path in paths]


def figure(phase: float, x: float = 300.0, y: float = 240.0, size: float = 100.0) -> Pose:
    """A person of COCO's joints, (17, 3) px, who raises both arms (phase 0 to 1), the knees bent between."""
    up = np.radians(-80 + 160 * phase)
    bend = 0.35 * np.sin(np.pi * phase)
    pose = np.ones((17, 3), dtype=np.float32)

    def put(name: str, dx: float, dy: float) -> None:
        pose[COCO.index(name), :2] = x + size * dx, y + size * dy

    for name, dx in (
        ("nose", 0),
        ("left eye", 0.05),
        ("right eye", -0.05),
        ("left ear", 0.1),
        ("right ear", -0.1),
    ):
        put(name, dx, -0.9)
    for side, sign in (("left", 1), ("right", -1)):
        put(f"{side} shoulder", 0.2 * sign, -0.6)
        put(f"{side} elbow", sign * (0.2 + 0.3 * np.cos(up)), -0.6 - 0.3 * np.sin(up))
        put(f"{side} wrist", sign * (0.2 + 0.6 * np.cos(up)), -0.6 - 0.6 * np.sin(up))
        put(f"{side} hip", 0.12 * sign, 0)
        put(f"{side} knee", sign * (0.12 + bend), 0.45 - 0.3 * bend)
        put(f"{side} ankle", 0.12 * sign, 0.9 - bend)
    return pose


class World:
    """Who is to be seen in the frame of each number. Counts the frames the networks were asked about."""

    def __init__(self, people: Callable[[int], list[Pose]]) -> None:
        self.people = people
        self.reverse_found = False
        self.searched: list[int] = []
        self.estimated: list[int] = []
        self.skeleton = COCO
        self.device = torch.device("cpu")

    def find(self, frame: NDArray[np.uint8]) -> Pose:
        number = read_code(frame)
        assert number is not None
        self.searched.append(number)
        rows = [np.append(boxes_of(pose, 0.05), 0.9) for pose in self.people(number)]
        found = np.array(rows, dtype=np.float32).reshape(-1, 5)
        return found[::-1] if self.reverse_found else found

    def predict(self, frame: NDArray[np.uint8], boxes: NDArray[np.floating]) -> Pose:
        number = read_code(frame)
        assert number is not None
        self.estimated.append(number)
        people = self.people(number)
        poses = np.full((len(boxes), 17, 3), 5.0, dtype=np.float32)
        poses[..., 2] = 0.02
        if people and len(boxes):
            truth = np.array([boxes_of(pose, 0.05) for pose in people])
            for row, share in enumerate(overlaps(np.asarray(boxes), truth)):
                if share.max() > 0.05:
                    poses[row] = people[int(share.argmax())]
                    poses[row, :, 2] = 0.9
        return poses


def use_world(monkeypatch: pytest.MonkeyPatch, people: Callable[[int], list[Pose]]) -> World:
    """Let finder and estimator be loaded as ones that know `people`."""
    world = World(people)
    monkeypatch.setattr(PersonFinder, "load", lambda *a, **k: world)
    monkeypatch.setattr(PoseEstimator, "load", lambda *a, **k: world)
    return world


def small_lifter() -> Lifter:
    """A lifter with random weights and a window of nine frames."""
    torch.manual_seed(0)
    config = VideoPose3DConfig((3, 3), 16, JOINTS_IN, FEATURES_IN)
    return Lifter.of(TemporalModelStrided(config), "cpu")


def put_track(
    session: Session, video: Video, values: Pose, *, dimensions: int = 2, skeleton: str = "coco17"
) -> TrackInfo:
    """Give a take an active track. values: (T, J, D + 1) of one person, or (T, P, J, D + 1)."""
    values = values[:, None] if values.ndim == 3 else values
    info = TrackInfo(
        new_uid(), video.uid, None, skeleton, dimensions, values.shape[1], len(values), active=True
    )
    origin = np.where(np.isfinite(values[..., 0]), Origin.MODEL, Origin.NONE).astype(np.uint8)
    with session.project.transaction() as tx:
        tracks.create(tx, info)
        tracks.write_frames(tx, info.uid, 0, values.astype(np.float32), origin)
    return info


def raising(frames: int, start: float = 0.1, stop: float = 0.9) -> NDArray[np.float32]:
    """Figures (frames, 17, 3) who raise the arms between the shares `start` and `stop` of the take."""
    share = np.linspace(0, 1, frames)
    phases = np.interp(share, [0, start, stop, 1], [0, 0, 1, 1])
    return np.stack([figure(float(phase)) for phase in phases])
