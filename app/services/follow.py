"""Follow one person through a take from a box or a pose that a person gave: for what the detector missed."""

from __future__ import annotations

from collections.abc import Generator

import numpy as np
from numpy.typing import NDArray

from app.commands import AddTrack, FillJoints, Together
from app.services.media import open_take
from app.services.people import check_boxes
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import new_uid
from models.domain.progress import Progress
from models.domain.track import Origin, boxes_of
from models.run.pose2d import PoseEstimator
from storage import tracks, videos
from storage.read_ahead import frames_ahead
from storage.tracks import TrackInfo

# The person counts as lost after so many frames in a row below this mean confidence.
LOST_FRAMES, LOST_CONFIDENCE = 8, 0.12


def follow_person(
    session: Session,
    video_uid: str,
    *,
    start: int,
    box: NDArray[np.float32] | None = None,
    person: int | None = None,
    model: str | None = None,
    device: str = "auto",
) -> Generator[Progress, None, None]:
    """Estimate one person's pose from frame `start` on, each box from the pose before; one undo step in all.

    box: x1, y1, x2, y2 px in frame `start`; None takes the pose of `person` there. person: whom of the active
    track it is; None adds a person. Corrections by people are kept, also those made meanwhile, and guide the
    following frames. Stops where the person is lost. Raises KnownError when there is nothing to start from.
    """
    estimator = PoseEstimator.load(model, device)
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
        info = tracks.active(tx, video_uid, 2)
        track = tracks.read(tx, info.uid) if info else None
    joints = len(estimator.skeleton)
    if track is not None and track.skeleton != estimator.skeleton.name:
        raise KnownError(
            f"The poses of '{video.name}' have other joints ({track.skeleton}) than this model gives.",
            hint="Choose the model they were made with.",
        )
    if box is not None:
        check_boxes(box, video.info)
    else:
        if track is None or person is None or person >= track.people:
            raise KnownError(
                "There is no pose here to start from.", hint="Draw a box around the person instead."
            )
        box = boxes_of(track.values[start, person])
    if not np.isfinite(box).all():
        raise KnownError("This person is not seen in this frame.", hint="Draw a box around them instead.")
    who = person if person is not None else (track.people if track is not None else 0)
    places: list[tuple[int, int, int]] = []
    values: list[NDArray[np.float32]] = []
    lost = 0
    count = video.info.frame_count
    with open_take(session, video) as reader, frames_ahead(reader, start, count) as pictures:
        for index, frame in enumerate(pictures, start=start):
            pose = estimator.predict(frame, np.asarray(box, np.float32)[None])[0]
            lost = lost + 1 if float(pose[:, 2].mean()) < LOST_CONFIDENCE else 0
            if lost >= LOST_FRAMES:
                seen = sum(frame <= index - LOST_FRAMES for frame, _, _ in places)
                places, values = places[:seen], values[:seen]
                break
            own = track is not None and who < track.people
            for joint in range(joints):
                if own and track is not None and track.origin[index, who, joint] == Origin.HUMAN:
                    pose[joint] = track.values[index, who, joint]
                else:
                    places.append((index, who, joint))
                    values.append(pose[joint].copy())
            following = boxes_of(pose)
            if np.isfinite(following).all():
                box = following
            yield Progress(index + 1 - start, count - start, f"following · {video.name}")
    if not places:
        return
    place_array, value_array = np.array(places, dtype=np.int64), np.array(values, dtype=np.float32)
    origin = np.full(len(places), Origin.MODEL, dtype=np.uint8)
    if info is not None:
        session.history.do(FillJoints(info.uid, place_array, value_array, origin, "follow person"))
        return
    fresh = TrackInfo(new_uid(), video_uid, None, estimator.skeleton.name, 2, 1, count, True)
    fill = FillJoints(fresh.uid, place_array, value_array, origin)
    session.history.do(Together("follow person", (AddTrack(fresh), fill)))
