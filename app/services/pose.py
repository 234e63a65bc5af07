"""2D poses of the people in a take: detect, estimate, track, and keep what a person corrected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from app.services.lift import lift_take
from app.services.media import open_take
from app.services.people import Columns, check_boxes, in_columns_of, names_in, one_block, without_ghosts
from app.session import Session
from models.domain.labels import new_uid
from models.domain.progress import Progress
from models.domain.track import Origin
from models.run.detect import PersonFinder
from models.run.pose2d import PoseEstimator
from models.run.track import PersonTracker
from models.run.weights import default_model
from storage import runs, tracks, videos
from storage.read_ahead import frames_ahead
from storage.runs import Run, new_run
from storage.tracks import TrackInfo

# Frames between two commits: a killed job loses at most this much.
COMMIT_FRAMES = 32


def estimate_poses(
    session: Session,
    video_uid: str,
    *,
    model: str | None = None,
    device: str = "auto",
    max_people: int = 2,
    decoder: str | None = None,
    user_boxes: Mapping[int, NDArray[np.float32]] | None = None,
) -> Iterator[Progress]:
    """Estimate the 2D poses of up to `max_people` people at a time in every frame of a take.

    model: a bundled network or the path of a checkpoint; None takes the default one.
    decoder: how heatmaps become positions (`models.run.pose2d.DECODERS`); None takes the network's own.
    user_boxes: frame index → (P, 4) x1, y1, x2, y2 px drawn by a person; they stand above the detector.
    Every yield follows a commit; a run that was stopped goes on where it was. The result becomes the
    take's active track; joints a person corrected on the earlier one are laid over it. 3D skeletons that the
    take had are lifted again.
    """
    estimator = PoseEstimator.load(model, device, decoder=decoder)
    finder = PersonFinder.load(device, proposals=True)
    skeleton = estimator.skeleton
    model = model or default_model("pose2d").name
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
        run = None if user_boxes else runs.unfinished(tx, "pose", video_uid, model)
        if run is not None and (run.params.get("decoder"), run.params.get("people")) != (decoder, max_people):
            run = None
        track = next((t for t in tracks.of_run(tx, run.uid)), None) if run else None
    for boxes in (user_boxes or {}).values():
        check_boxes(boxes, video.info)
    tracker = PersonTracker(finder, estimator, max_people=max_people, fps=video.info.times.fps)
    frames = video.info.frame_count
    with open_take(session, video) as reader:
        if run is None or track is None:
            params = {"device": str(estimator.device), "decoder": decoder, "people": max_people}
            run = new_run("pose", model, video_uid, params)
            track = TrackInfo(new_uid(), video_uid, run.uid, skeleton.name, 2, max_people, frames, False)
            with session.project.transaction() as tx:
                runs.start(tx, run)
                tracks.create(tx, track)
        with session.project.reading() as tx:
            start = tracks.frames_written(tx, track.uid)
            columns = Columns(tracks.read_frames(tx, track.uid, start - COMMIT_FRAMES, start).values)
        yield Progress(start, frames, f"poses · {video.name}")
        batch: list[NDArray[np.float32]] = []
        with frames_ahead(reader, start, frames) as pictures:
            for index, frame in enumerate(pictures, start=start):
                values, _ = tracker.step(frame, user_boxes=user_boxes.get(index) if user_boxes else None)
                batch.append(columns.place(values))
                if len(batch) == COMMIT_FRAMES or index == frames - 1:
                    block = one_block(batch)
                    with session.project.transaction() as tx:
                        tracks.write_frames(tx, track.uid, index + 1 - len(batch), block, _origin_of(block))
                    batch = []
                    yield Progress(index + 1, frames, f"poses · {video.name}")
    if _finish(session, run, track):
        yield from lift_take(session, video_uid, device=device)


def _finish(session: Session, run: Run, track: TrackInfo) -> bool:
    """Drop ghosts, keep corrections of the earlier track, make the new one active: one transaction.

    Returns whether the take showed a 3D track, which was lifted from the earlier poses.
    """
    with session.project.transaction() as tx:
        result = found = without_ghosts(tracks.read(tx, track.uid))
        had_3d = tracks.active(tx, track.video_uid, 3) is not None
        earlier = tracks.active(tx, track.video_uid, 2)
        track = replace(track, people=result.people)
        if earlier is not None and earlier.uid != track.uid:
            before = tracks.read(tx, earlier.uid)
            names = names_in(result, before, earlier.names)
            result = result.keeping_corrections_of(in_columns_of(result, before))
            track = replace(track, people=result.people, names=names, smoothing=earlier.smoothing)
        tracks.remove(tx, track.uid)
        tracks.create(tx, track)
        tracks.write_frames(tx, track.uid, 0, found.values, found.origin)
        corrected = np.argwhere(result.origin == Origin.HUMAN)
        if len(corrected):  # laid over, so that what this model said of them is kept, too
            at = tuple(corrected.T)
            tracks.put_joints(tx, track.uid, corrected, result.values[at], result.origin[at])
        tracks.activate(tx, track.uid)
        runs.finish(tx, run.uid)
    session.announce({track.video_uid}, {"tracks", "runs"})
    return had_3d


def _origin_of(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    seen = np.isfinite(values[..., 0])
    return np.where(seen, np.uint8(Origin.MODEL), np.uint8(Origin.NONE))
