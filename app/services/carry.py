"""Carry a joint that a person placed to the frames beside it, by following the picture around it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.commands import FillJoints
from app.services.media import open_take
from app.session import Session
from models.domain.errors import KnownError
from models.domain.joint_edit import JointEdit
from models.domain.progress import Progress
from models.domain.scores import torso_px
from models.domain.skeleton import load_skeleton
from models.domain.track import Origin
from models.run.flow import CONTRADICTIONS, JointFollower, Stop
from storage import tracks, videos
from storage.reader import VideoReader

BLOCK = 24  # frames that are read forwards and kept, to be followed backwards


@dataclass(frozen=True, slots=True)
class Carried:
    """How far a joint was carried: `frames` frames up to and with `last`, in which direction, and why not
    further."""

    video_uid: str
    person: int
    joint: int
    frames: int
    last: int
    stop: Stop
    backward: bool = False

    @property
    def diverged(self) -> bool:
        """Whether it was lost on the way: a person should look there."""
        return self.stop not in (Stop.END, Stop.KEYFRAME)


def carry_joint(
    session: Session,
    video_uid: str,
    *,
    frame: int,
    person: int,
    joint: int,
    backward: bool = False,
    done: Callable[[Carried], None] | None = None,
) -> Generator[Progress, None, None]:
    """Follow a joint of the active track from `frame` on (or back) until it is lost, the next frame in which
    a person decided about it, or the end; one undo step, origin `transferred`.

    Where the next keyframe is reached, what is left of the way there is spread over the frames in between, so
    that the joint arrives. Corrections by people stay, also those made meanwhile. Nothing is written before
    the end, so that cancelling leaves everything as it was. done: told how far it came. Raises KnownError
    when the joint has no position in `frame`.
    """
    with session.project.reading() as tx:
        video = videos.get(tx, video_uid)
        info = tracks.active(tx, video_uid, 2)
        track = tracks.read(tx, info.uid) if info else None
    if info is None or track is None or person >= track.people:
        raise KnownError("There is no pose here to start from.", hint="Find poses first.")
    skeleton = load_skeleton(track.skeleton)
    series, origin = track.values[:, person, joint], track.origin[:, person, joint]
    if not np.isfinite(series[frame, 0]):
        raise KnownError(f"The {skeleton.joints[joint]} has no position in frame {frame}.", hint="Place it.")
    step, end = (-1, -1) if backward else (1, track.frames)
    human = np.flatnonzero(origin == Origin.HUMAN)
    ahead = human[human < frame][::-1] if backward else human[human > frame]
    key = int(ahead[0]) if len(ahead) else None
    last = end - step if key is None else key
    todo = abs(last - frame)
    stop = Stop.END if key is None else Stop.KEYFRAME
    places: list[tuple[float, float, float]] = []
    torso = float(torso_px(track.values[frame, person], skeleton))
    note = f"following the {skeleton.joints[joint]} · {video.name}"
    with open_take(session, video) as reader:
        pictures = _pictures(reader, frame, last, step)
        x, y = (float(v) for v in series[frame, :2])
        follower = JointFollower(next(pictures), (x, y), torso, _model(series[frame], origin[frame]))
        for index, picture in zip(range(frame + step, last + step, step), pictures, strict=True):
            found = follower.step(picture, _model(series[index], origin[index]))
            if found.lost is not None:
                stop = found.lost
                if stop is Stop.MODEL:  # it has been elsewhere for some frames
                    places = places[: len(places) + 1 - CONTRADICTIONS]
                break
            places.append((*found.at, found.fit))
            yield Progress(abs(index - frame), todo + 1, note)
    values = np.array(places, np.float32).reshape(-1, 3)
    if stop is Stop.KEYFRAME and key is not None:
        values = _arriving(values, series[key])
    frames = frame + step * np.arange(1, len(values) + 1)
    if len(frames):
        edit = JointEdit.of(frames, person, joint, values, Origin.TRANSFERRED)
        way = "backward" if backward else "forward"
        text = f"track {skeleton.joints[joint]} {way} from frame {frame}"
        session.history.do(FillJoints(info.uid, edit.places, edit.values, edit.origin, text))
    last = frame + step * len(frames)
    carried = Carried(video_uid, person, joint, len(frames), last, stop, backward)
    if done is not None:
        done(carried)
    reached = f"{len(frames)} frames, up to {last}" if len(frames) else "no frame"
    yield Progress(todo + 1, todo + 1, f"{reached}: {stop}")


def _arriving(values: NDArray[np.float32], key: NDArray[np.float32]) -> NDArray[np.float32]:
    """The way without its last frame (the keyframe's), the rest of the way to the keyframe spread over it.

    A keyframe that says "absent" draws nothing towards it.
    """
    way = values[:-1].copy()
    if np.isfinite(key[0]) and len(values):
        share = np.arange(1, len(values), dtype=np.float32)[:, None] / len(values)
        way[:, :2] += share * (key[:2] - values[-1, :2])
    return way


def _model(value: NDArray[np.float32], origin: np.uint8) -> NDArray[np.float32] | None:
    """What the model says of a joint; None where the value is not the model's."""
    return value if origin == Origin.MODEL else None


def _pictures(reader: VideoReader, first: int, last: int, step: int) -> Iterator[NDArray[np.uint8]]:
    """Pictures of the frames from `first` to `last`, both included; backwards they are read in blocks."""
    if step > 0:
        yield from reader.frames(first, last + 1)
        return
    for stop in range(first + 1, last, -BLOCK):
        yield from reversed(list(reader.frames(max(last, stop - BLOCK), stop)))
