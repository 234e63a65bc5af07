"""3D skeletons from the 2D track of a take, and the live update after an edit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import new_uid
from models.domain.progress import Progress
from models.domain.track import KeypointTrack, Origin
from models.run.lift import Lifter
from models.run.weights import default_model
from storage import runs, tracks, videos
from storage.runs import new_run
from storage.tracks import TrackInfo


def lift_take(
    session: Session, video_uid: str, *, model: str | None = None, device: str = "auto"
) -> Iterator[Progress]:
    """Lift every person of the active 2D track to 3D (Human3.6M joints, metres, root-relative).

    Raises KnownError when the take has no 2D poses.
    """
    lifter = Lifter.load(model, device)
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
        source = tracks.active(tx, video_uid, 2)
        if source is None:
            raise KnownError(f"Take '{video.name}' has no 2D poses yet.", hint="Run 'pose' on it first.")
        poses = tracks.read(tx, source.uid)
    info = video.info
    yield Progress(0, poses.people, f"3D · {video.name}")
    lifted = []
    for person in range(poses.people):
        lifted.append(
            lifter.lift(
                poses.values[:, person], poses.skeleton, info.width_px, info.height_px, info.times.fps
            )
        )
        yield Progress(person + 1, poses.people, f"3D · {video.name}")
    values = _only_where_seen(np.stack(lifted, axis=1), poses)
    origin = np.where(np.isfinite(values[..., 0]), np.uint8(Origin.MODEL), np.uint8(Origin.NONE))
    run = new_run("lift", model or default_model("lift3d").name, video_uid, {"source": source.uid})
    track = TrackInfo(new_uid(), video_uid, run.uid, "h36m17", 3, poses.people, poses.frames, False)
    with session.project.transaction() as tx:
        runs.start(tx, run)
        tracks.create(tx, track)
        tracks.write_frames(tx, track.uid, 0, values, origin)
        tracks.activate(tx, track.uid)
        runs.finish(tx, run.uid)
    session.announce({video_uid}, {"tracks", "runs"})


def relift_frames(
    session: Session, lifter: Lifter, video_uid: str, person: int, start: int, stop: int
) -> tuple[int, int] | None:
    """Renew the 3D frames that an edit of the 2D frames [start, stop) touches: its receptive field only.

    The 3D track is derived from the 2D one, so it is no undo step of its own: undoing the 2D edit calls
    this again. Returns the renewed range of frames, or None when the take has no 3D track.
    """
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
        source, target = tracks.active(tx, video_uid, 2), tracks.active(tx, video_uid, 3)
        if source is None or target is None or person >= target.people:
            return None
        reach = lifter.reach(video.info.times.fps)
        first, last = max(0, start - reach), min(source.frames, stop + reach)
        poses = tracks.read(tx, source.uid)
        values = tracks.read_frames(tx, target.uid, first, last)
    info = video.info
    renewed = values.values.copy()
    renewed[:, person] = lifter.lift_range(
        poses.values[:, person], first, last, poses.skeleton, info.width_px, info.height_px, info.times.fps
    )
    part = KeypointTrack(poses.skeleton, poses.values[first:last], poses.origin[first:last])
    renewed = _only_where_seen(renewed, part)
    origin = np.where(np.isfinite(renewed[..., 0]), np.uint8(Origin.MODEL), np.uint8(Origin.NONE))
    with session.project.transaction() as tx:
        tracks.write_frames(tx, target.uid, first, renewed, origin)
    return first, last


def _only_where_seen(values: NDArray[np.float32], poses: KeypointTrack) -> NDArray[np.float32]:
    """3D (T, P, 17, 4) without frames in which the person is not seen in 2D: what nobody saw is not shown."""
    unseen = ~poses.seen[:, : values.shape[1]].any(axis=2)
    values[unseen] = np.nan
    values[..., 3][unseen] = 0
    return values
