"""3D skeletons from the 2D track of a take, and the live update after an edit.

A 3D track is derived from a 2D one. Its run keeps what it was made with (model, source, focal length, the
size of each person, smoothing), so that frames lifted again after an edit are lifted as their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import new_uid
from models.domain.optics import Optics, focal_from_view_angle
from models.domain.progress import Progress
from models.domain.smoothing import Smoothing
from models.domain.track import KeypointTrack, Origin
from models.domain.video import VideoInfo
from models.run.lift import Lifter, height_scale
from models.run.smooth import frames_in_reach, smooth_frames
from models.run.weights import default_model
from storage import optics, runs, tracks, videos
from storage.runs import Run, new_run
from storage.tracks import TrackInfo
from storage.videos import Video

Array = NDArray[np.float32]


def lift_take(
    session: Session,
    video_uid: str,
    *,
    model: str | None = None,
    device: str = "auto",
    smoothed: bool | None = None,
) -> Iterator[Progress]:
    """Lift every person of the active 2D track to 3D (Human3.6M joints, metres, in the camera's axes).

    Focal length and body height are those that `set_optics` was told. Joints that are edited while this runs
    are lifted again before the result is kept. smoothed: whether from the smoothed poses; None = as the last
    time, where they are smoothed. Raises KnownError when the take has no 2D poses, or none that are smoothed.
    """
    lifter = Lifter.load(model, device)
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
        source = tracks.active(tx, video_uid, 2)
        if source is None:
            raise KnownError(f"Take '{video.name}' has no 2D poses yet.", hint="Run 'pose' on it first.")
        poses = tracks.read(tx, source.uid)
        known = optics.get(tx, video_uid)
        if smoothed is None:
            before = [run for run in runs.all_runs(tx, video_uid) if run.kind == "lift"]
            smoothed = bool(before and _smoothing(before[-1]) and source.smoothing)
    if smoothed and source.smoothing is None:
        hint = "Run 'smooth' on it first, or lift the raw ones."
        raise KnownError(f"The poses of take '{video.name}' are not smoothed.", hint=hint)
    how = _How(lifter, video.info, known.focal_px, smoothing=source.smoothing if smoothed else None)
    yield Progress(0, poses.people, f"3D · {video.name}")
    values = _nobody(poses)
    for person in range(poses.people):
        values[:, person] = how.lift_sized(poses, person, known.body_height_m)
        yield Progress(person + 1, poses.people, f"3D · {video.name}")
    run = new_run("lift", model or default_model("lift3d").name, video_uid, {"source": source.uid})
    run.params.update(known.as_json())
    if how.smoothing is not None:
        run.params["smoothing"] = how.smoothing.as_dict()
    while not _keep(session, how.noted(run), source, poses, _only_where_seen(values, poses)):
        with session.project.reading() as tx:
            now = tracks.read(tx, source.uid)
        if now.people != poses.people:
            values = _nobody(now)
        for person, first, stop in _edited(poses, now):
            if now.people != poses.people:
                values[:, person] = how.lift_sized(now, person, known.body_height_m)
            else:
                a, b = how.touched(first, stop, now.frames)
                values[a:b, person] = how.lift(now, person, a, b)
        poses = now
    session.announce({video_uid}, {"tracks", "runs"})


def _keep(session: Session, run: Run, source: TrackInfo, poses: KeypointTrack, values: Array) -> bool:
    """Write the result of a run as the active 3D track, unless the 2D poses are others by now."""
    track = TrackInfo(
        new_uid(), run.video_uid, run.uid, "h36m17", 3, poses.people, poses.frames, active=False
    )
    with session.project.transaction() as tx:
        if _edited(poses, tracks.read(tx, source.uid)):
            return False
        runs.start(tx, run)
        tracks.create(tx, track)
        tracks.write_frames(tx, track.uid, 0, values, _origin_of(values))
        shown = tracks.active(tx, run.video_uid, 2)
        if shown is not None and shown.uid == source.uid:
            tracks.activate(tx, track.uid)
        runs.finish(tx, run.uid)
    return True


class Lifters:
    """Lifters by the name of their model, each loaded once."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device
        self._loaded: dict[str, Lifter] = {}

    def get(self, model: str | None) -> Lifter:
        """The lifter of a run. Raises KnownError when its file is gone."""
        name = model or default_model("lift3d").name
        if name not in self._loaded:
            self._loaded[name] = Lifter.load(name, self._device)
        return self._loaded[name]


def relift_frames(
    session: Session, lifters: Lifters, video_uid: str, person: int, start: int, stop: int
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
        made = runs.get(tx, target.run_uid) if target.run_uid else None
        poses = tracks.read(tx, source.uid)
    how = _How.of(lifters, made, video.info)
    first, last = how.touched(start, stop, source.frames)
    lifted = how.lift(poses, person, first, last)
    with session.project.transaction() as tx:
        renewed = tracks.read_frames(tx, target.uid, first, last).values
        renewed[:, person] = lifted
        renewed = _only_where_seen(renewed, _part(poses, first, last))
        tracks.write_frames(tx, target.uid, first, renewed, _origin_of(renewed))
    return first, last


def lift_frame(
    session: Session,
    lifters: Lifters,
    video_uid: str,
    poses: KeypointTrack,
    person: int,
    frame: int,
    pose: Array | None = None,
) -> Array | None:
    """3D pose (17, 4) of one frame of `poses`, as `relift_frames` would give it; nothing is stored.

    pose: 2D joints (J, 3) that the person is to have in that frame. None when the take has no 3D track or the
    person is not in it. Takes the same time for a long take as for a short one.
    """
    with session.project.reading() as tx:
        info = videos.get(tx, video_uid).info
        target = tracks.active(tx, video_uid, 3)
        if target is None or person >= target.people:
            return None
        made = runs.get(tx, target.run_uid) if target.run_uid else None
    how = _How.of(lifters, made, info)
    first, stop = how.touched(frame, frame + 1, poses.frames)
    around = _part(poses, first, stop, person)
    at = frame - first
    if pose is not None:
        around = KeypointTrack(poses.skeleton, around.values.copy(), around.origin)
        around.values[at, 0] = pose
    lifted = how.lift(around, 0, at, at + 1, size_of=person, begin=first)[:, None]
    return np.asarray(_only_where_seen(lifted, _part(around, at, at + 1))[0, 0])


@dataclass(slots=True)
class _How:
    """A lifter, the video it is used on, and what makes the sizes: focal length, and for each person how much
    larger than an average body it is."""

    lifter: Lifter
    info: VideoInfo
    focal_px: float | None = None
    sizes: dict[int, float] = field(default_factory=dict)
    smoothing: Smoothing | None = None  # of the poses, before they are lifted

    @classmethod
    def of(cls, lifters: Lifters, made: Run | None, info: VideoInfo) -> _How:
        """As the run `made` did it."""
        known = made.params if made is not None else {}
        sizes = {person: float(size) for person, size in enumerate(known.get("sizes", []))}
        lifter = lifters.get(made.model if made else None)
        return cls(lifter, info, known.get("focal_px"), sizes, _smoothing(made))

    def noted(self, run: Run) -> Run:
        """The run with the sizes of its people."""
        sizes = [self.sizes[person] for person in sorted(self.sizes)]
        return replace(run, params=run.params | {"sizes": sizes})

    def lift(
        self,
        poses: KeypointTrack,
        person: int,
        first: int,
        stop: int,
        *,
        size_of: int | None = None,
        begin: int = 0,
    ) -> Array:
        """Frames [first, stop) of a person in 3D, (stop - first, 17, 4): at its place where that is known.

        size_of: whose size it has, where `poses` do not have all people. begin: frame of the video at which
        `poses` begin.
        """
        info = self.info
        lifted, root = self.lifter.lift_range_global(
            self._poses(poses, person, first, stop, begin),
            first,
            stop,
            poses.skeleton,
            info.width_px,
            info.height_px,
            info.times.fps,
            focal_px=self.focal_px,
        )
        size = np.float32(self.sizes.get(person if size_of is None else size_of, 1.0))
        lifted[..., :3] += np.nan_to_num(root)[:, None]
        lifted[..., :3] *= size
        return lifted

    def lift_sized(self, poses: KeypointTrack, person: int, height_m: float | None) -> Array:
        """All frames of a person, scaled to a body height; the size is kept for frames lifted later."""
        self.sizes[person] = 1.0
        lifted = self.lift(poses, person, 0, poses.frames)
        self.sizes[person] = height_scale(lifted, height_m)
        lifted[..., :3] *= np.float32(self.sizes[person])
        return lifted

    def _poses(self, poses: KeypointTrack, person: int, first: int, stop: int, begin: int) -> Array:
        """2D poses (T, J, 3) of a person, smoothed as far as frames [first, stop) depend on them."""
        if self.smoothing is None:
            return poses.values[:, person]
        reach = self.lifter.reach(self.info.times.fps)
        a, b = max(0, first - reach), min(poses.frames, stop + reach)
        seconds = self.info.times.seconds[begin : begin + poses.frames]
        xyc = poses.values[:, person].copy()
        one = _part(poses, 0, poses.frames, person)
        xyc[a:b] = smooth_frames(one, seconds, self.smoothing, a, b).values[:, 0]
        return xyc

    def touched(self, start: int, stop: int, frames: int) -> tuple[int, int]:
        """The 3D frames that depend on the 2D frames [start, stop)."""
        reach = self.lifter.reach(self.info.times.fps)
        if self.smoothing is not None:
            start, stop = frames_in_reach(self.info.times.seconds, self.smoothing, start, stop)
        return max(0, start - reach), min(frames, stop + reach)


def tell_optics(
    session: Session,
    video: Video,
    view_deg: float | None = None,
    body_height_m: float | None = None,
    focal_px: float | None = None,
) -> None:
    """Keep what the camera sees across the picture (as an angle or a focal length) and the body height.

    None = as it was known. Raises KnownError when both say how the camera sees, or a value cannot be.
    """
    if view_deg is None and body_height_m is None and focal_px is None:
        return
    if view_deg is not None and focal_px is not None:
        raise KnownError("Angle of view and focal length say the same.", hint="Give one of them.")
    with session.project.reading() as tx:
        known = optics.get(tx, video.uid)
    if view_deg is not None:
        focal_px = focal_from_view_angle(view_deg, video.info.width_px)
    focal_px = known.focal_px if focal_px is None else focal_px
    height_m = known.body_height_m if body_height_m is None else body_height_m
    set_optics(session, video.uid, Optics(focal_px, height_m))


def _smoothing(run: Run | None) -> Smoothing | None:
    """How the poses were smoothed that a run lifted."""
    settings = run.params.get("smoothing") if run else None
    return Smoothing.from_dict(settings) if settings else None


def set_optics(session: Session, video_uid: str, known: Optics) -> None:
    """Keep what is known of a video's camera and people; its 3D has to be lifted again to use it."""
    with session.project.transaction() as tx:
        videos.get(tx, video_uid)
        optics.put(tx, video_uid, known)


def _nobody(poses: KeypointTrack) -> Array:
    return KeypointTrack.empty("h36m17", poses.frames, poses.people, 17, 3).values


def _part(poses: KeypointTrack, first: int, stop: int, person: int | None = None) -> KeypointTrack:
    people = slice(None) if person is None else slice(person, person + 1)
    return KeypointTrack(poses.skeleton, poses.values[first:stop, people], poses.origin[first:stop, people])


def _edited(before: KeypointTrack, now: KeypointTrack) -> list[tuple[int, int, int]]:
    """Person and range of frames [first, stop) of what differs between two states of a track."""
    if before.people != now.people:
        return [(person, 0, now.frames) for person in range(now.people)]
    same = (before.values == now.values) | (np.isnan(before.values) & np.isnan(now.values))
    changed = ~same.all(axis=(2, 3))
    spans = []
    for person in np.flatnonzero(changed.any(axis=0)).tolist():
        frames = np.flatnonzero(changed[:, person])
        spans.append((person, int(frames[0]), int(frames[-1]) + 1))
    return spans


def _origin_of(values: Array) -> NDArray[np.uint8]:
    return np.where(np.isfinite(values[..., 0]), np.uint8(Origin.MODEL), np.uint8(Origin.NONE))


def _only_where_seen(values: Array, poses: KeypointTrack) -> Array:
    """3D (T, P, 17, 4) without frames in which the person is not seen in 2D: what nobody saw is not shown."""
    unseen = ~poses.seen[:, : values.shape[1]].any(axis=2)
    values[unseen] = np.nan
    values[..., 3][unseen] = 0
    return values
