"""3D skeletons of a take out to files, in the room's axes or the camera's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.services.media import refuse_sources
from app.services.room import Room
from app.session import Session
from models.domain.errors import KnownError
from models.domain.optics import Optics
from models.domain.skeleton import load_skeleton
from storage import runs, tracks
from storage.formats.motion_format import WRITERS, Motion
from storage.videos import Video


@dataclass(frozen=True, slots=True)
class MotionFormat:
    """note: what a file of it holds, for people."""

    name: str
    title: str
    suffix: str
    note: str


MOTION_FORMATS = (
    MotionFormat("3d-csv", "Table (CSV)", ".csv", "One row per frame, person and joint."),
    MotionFormat(
        "3d-json", "JSON", ".json", "Everything in one object, with skeleton, axes and frame times."
    ),
    MotionFormat("3d-npz", "NumPy (NPZ)", ".npz", "Arrays positions, confidence, seconds, pts, joints."),
    MotionFormat(
        "trc",
        "Marker trajectories (TRC)",
        ".trc",
        "For OpenSim, Blender and Mokka: y up, one file per person.",
    ),
)


def motion_of(session: Session, video: Video, axes: str = "room") -> Motion:
    """The active 3D track of a take in "room" or "camera" axes.

    In the room frames without a known place are missing. Raises KnownError when the take has no 3D, or there
    is no room because nobody's place is known.
    """
    with session.project.reading() as tx:
        info = tracks.active(tx, video.uid, 3)
        if info is None:
            raise KnownError(f"Take '{video.name}' has no 3D yet.", hint="Run 'lift' on it first.")
        track = tracks.read(tx, info.uid)
        run = runs.get(tx, info.run_uid) if info.run_uid else None
    values = track.values
    about: dict[str, object] = {}
    room = Room.of(values, video.info.times.fps)
    positions = values[..., :3]
    if axes == "room":
        if room.floor is None:
            raise KnownError(
                f"It is not known where the people of '{video.name}' are.",
                hint="Run 'lift' again, or export with camera axes.",
            )
        positions = room.bodies(values)
        about["floor_confidence"] = round(room.floor.confidence, 3)
        about["camera_height_m"] = round(room.floor.camera_height_m, 4)
    if run is not None:
        size = video.info.width_px, video.info.height_px
        known = Optics.from_json(run.params)
        about |= {"model": run.model, "focal_px": round(known.focal_in(*size), 3)}
        about["body_height_m"] = known.body_height_m
    names = tuple(
        info.names[p] if p < len(info.names) and info.names[p] else f"person {p + 1}"
        for p in range(track.people)
    )
    return Motion(
        video.name,
        load_skeleton(track.skeleton),
        names,
        np.ascontiguousarray(positions, dtype=np.float32),
        np.ascontiguousarray(values[..., 3]),
        video.info.times,
        axes,
        about,
    )


def export_motion(session: Session, name: str, video: Video, path: Path, axes: str = "room") -> None:
    """Write the 3D of a take in the format `name`, see `MOTION_FORMATS`. Raises KnownError as `motion_of`,
    when there is no such format, and where `path` is the project itself or the file of a take.
    """
    if name not in WRITERS:
        raise KnownError(f"There is no 3D format '{name}'.", hint=f"Known: {', '.join(WRITERS)}.")
    refuse_sources(session, path)
    WRITERS[name](motion_of(session, video, axes), path)


def only_lifted(session: Session) -> Video:
    """The one take that has 3D. Raises KnownError naming them where there are none or several."""
    with session.project.reading() as tx:
        lifted = [video for video in session.videos() if tracks.active(tx, video.uid, 3) is not None]
    if len(lifted) != 1:
        names = ", ".join(video.name for video in lifted)
        raise KnownError(
            "Several takes have 3D." if lifted else "No take has 3D yet.",
            hint=f"Choose one with --video: {names}." if lifted else "Run 'lift' first.",
        )
    return lifted[0]
