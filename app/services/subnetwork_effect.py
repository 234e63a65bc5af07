"""What a network does with a share of its weights, on the frame at the playhead, beside the whole network.

A pose network finds the joints of the person in the frame, a detector the people in it, a lifter lifts the
clip around it, a pose encoder embeds the take. The whole network is the one as it was trained: of a supermask
that is its subnetwork.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from app.services.media import open_take
from app.session import Session
from models.domain.errors import KnownError
from models.domain.subnetwork import BodyChange, BoxChange, DistanceChange, Effect, NoEffect, PoseChange
from models.domain.track import KeypointTrack
from models.domain.upright import to_world_up
from models.run.association import joint_box
from models.run.detect import PersonFinder, overlaps
from models.run.embed import build_encoder, embed_poses
from models.run.library import ModelEntry
from models.run.lift import Lifter
from models.run.pose2d import PoseEstimator
from models.run.thinned import Thinnable
from models.run.threads import one_thread
from storage import optics
from storage.reader import VideoReader
from storage.videos import Video

CLIP_S = 2.0  # of a lifter, around the playhead
LONGEST_S = 60.0  # of a take that an encoder embeds, around the playhead
MOST_FRAMES = 160  # of those that are compared with each other
SAME_BOX = 0.5  # intersection over union from which two boxes are one
APART_S, SAME_S = 0.5, 0.1  # a nearest frame is at least so far away; how near counts as the same
CONTEXT = 0.25  # of the person's longer side, shown around it
NO_TAKE = "No video is open. Add one to see what this model makes of it."
NO_POSES = "This take has no poses yet. Find them first (Pose menu), then they can be {done}."

Floats = NDArray[np.float32]


class Effects:
    """Runs one network, whole and thinned. Its methods belong to one background thread."""

    def __init__(self, model: Thinnable) -> None:
        self.model = model
        self._reader: tuple[str, VideoReader] | None = None
        self._finder: PersonFinder | None = None
        self._nets: dict[int, Any] = {}  # sixteenths -> network ready to run; the whole one, and one more
        self._boxes: dict[tuple[str, int, int], NDArray[np.float64] | None] = {}

    def of(self, session: Session, video: Video | None, frame: int, person: int, sixteenths: int) -> Effect:
        """What changes at a share. person: column of the take's poses that is meant."""
        kind = self.model.entry.kind
        if kind not in ("pose2d", "lift3d", "pose-encoder", "detector"):
            return NoEffect("What this kind of model does is not shown here; its layers and masks are.")
        if video is None:
            return NoEffect(NO_TAKE)
        try:
            with one_thread():
                if kind == "pose2d":
                    return self._pose(session, video, frame, person, sixteenths)
                if kind == "detector":
                    return self._boxes_of(session, video, frame, sixteenths)
                found = session.track(video.uid, 2)
                if found is None:
                    done = "lifted" if kind == "lift3d" else "compared"
                    return NoEffect(NO_POSES.format(done=done))
                if kind == "lift3d":
                    return self._body(session, video, found[1], frame, person, sixteenths)
                return self._distances(session, video, found[1], frame, person, sixteenths)
        except KnownError as error:
            return NoEffect(f"{error.message} {error.hint or ''}".strip())

    def close(self) -> None:
        """Let go of the video."""
        if self._reader is not None:
            self._reader[1].close()
            self._reader = None

    def _net(self, sixteenths: int) -> Any:
        """The network with a share of its weights, ready to run; made anew for another share."""
        if sixteenths not in self._nets:
            whole = self.model.trained_sixteenths
            self._nets = {share: net for share, net in self._nets.items() if share == whole}
            self._nets[sixteenths] = _ready(self.model.entry, self.model.at(sixteenths))
        return self._nets[sixteenths]

    # ---- a pose network

    def _pose(self, session: Session, video: Video, frame: int, person: int, sixteenths: int) -> Effect:
        picture = self._open(session, video).frame(frame)
        box = self._box(session, video, frame, person, picture)
        if box is None:
            return NoEffect("Nobody is found in this frame. Go to a frame with a person.")
        whole = self._net(self.model.trained_sixteenths).predict(picture, box[None])[0]
        thinned = self._net(sixteenths).predict(picture, box[None])[0]
        size = max(float((box[2:4] - box[:2]).max()), 1.0)
        moved = np.linalg.norm(whole[:, :2] - thinned[:, :2], axis=1)
        x1, y1, x2, y2 = _crop(box, size, video)
        corner = np.array([x1, y1, 0], np.float32)
        return PoseChange(
            np.ascontiguousarray(picture[y1:y2, x1:x2]),
            whole - corner,
            thinned - corner,
            self._net(self.model.trained_sixteenths).skeleton.name,
            100 * float(moved.mean()) / size,
        )

    def _box(
        self, session: Session, video: Video, frame: int, person: int, picture: NDArray[np.uint8]
    ) -> NDArray[np.float64] | None:
        """Where the person is: by the take's poses, else by the detector."""
        found = session.track(video.uid, 2)
        if found is not None:
            poses = found[1].values[frame]
            order = [person, *(other for other in range(len(poses)) if other != person)]
            for one in (poses[other] for other in order if other < len(poses)):
                box = joint_box(one)
                if np.isfinite(box).all():
                    return box
        key = (video.uid, frame, person)
        if key not in self._boxes:
            if self._finder is None:
                self._finder = PersonFinder.load("cpu")
            boxes = self._finder.find(picture)
            best = boxes[int(boxes[:, 4].argmax()), :4].astype(np.float64) if len(boxes) else None
            self._boxes = {key: best}
        return self._boxes[key]

    def _open(self, session: Session, video: Video) -> VideoReader:
        if self._reader is None or self._reader[0] != video.uid:
            self.close()
            self._reader = (video.uid, open_take(session, video))
        return self._reader[1]

    # ---- a detector of people

    def _boxes_of(self, session: Session, video: Video, frame: int, sixteenths: int) -> Effect:
        picture = self._open(session, video).frame(frame)
        whole, thinned = (
            self._net(share).find(picture) for share in (self.model.trained_sixteenths, sixteenths)
        )
        found = overlaps(whole, thinned)
        same = int((found.max(axis=1) >= SAME_BOX).sum()) if found.size else 0
        return BoxChange(picture, whole, thinned, same)

    # ---- a lifter

    def _body(
        self, session: Session, video: Video, poses: KeypointTrack, frame: int, person: int, sixteenths: int
    ) -> Effect:
        info, person = video.info, _whom(poses, person, frame)
        fps = info.times.fps
        first = max(0, frame - round(CLIP_S / 2 * fps))
        stop = min(poses.frames, frame + round(CLIP_S / 2 * fps) + 1)
        with session.project.reading() as tx:
            focal_px = optics.get(tx, video.uid).focal_px
        bodies = []
        for share in (self.model.trained_sixteenths, sixteenths):
            lifted = self._net(share).lift_range(
                poses.values[:, person],
                first,
                stop,
                poses.skeleton,
                info.width_px,
                info.height_px,
                fps,
                focal_px=focal_px,
            )
            bodies.append(lifted[..., :3])
        whole, thinned = bodies
        moved_mm = 1000 * np.linalg.norm(whole - thinned, axis=-1).mean(axis=-1)
        if not np.isfinite(moved_mm[frame - first]):
            return NoEffect("Nobody is seen around this frame. Go to a frame with a person.")
        at = frame - first
        return BodyChange(
            to_world_up(whole[at]),
            to_world_up(thinned[at]),
            "h36m17",
            float(moved_mm[at]),
            float(np.nanmean(moved_mm)),
            (stop - first) / fps,
        )

    # ---- a pose encoder

    def _distances(
        self, session: Session, video: Video, poses: KeypointTrack, frame: int, person: int, sixteenths: int
    ) -> Effect:
        fps, values, skeleton = video.info.times.fps, poses.values, poses.skeleton
        solid = session.track(video.uid, 3)
        if solid is not None:
            values, skeleton = solid[1].values, solid[1].skeleton
        person = min(_whom(poses, person, frame), values.shape[1] - 1)
        reach = round(LONGEST_S / 2 * fps)
        first, stop = max(0, frame - reach), min(len(values), frame + reach)
        matrices = []
        for share in (self.model.trained_sixteenths, sixteenths):
            vectors = embed_poses(self._net(share), values[first:stop, person], skeleton, fps)
            seen = np.flatnonzero(np.isfinite(vectors).all(axis=1))
            if len(seen) < 3:
                return NoEffect("Nobody is seen long enough in this take to compare its frames.")
            chosen = seen[np.unique(np.linspace(0, len(seen) - 1, min(len(seen), MOST_FRAMES)).astype(int))]
            matrices.append(_apart(vectors[chosen]))
        whole, thinned = matrices
        return DistanceChange(
            whole, thinned, chosen + first, _correlation(whole, thinned), _same(whole, thinned, chosen, fps)
        )


def _ready(entry: ModelEntry, tensors: Mapping[str, Tensor]) -> Any:
    """The network of an entry with these tensors, as its kind is run."""
    if entry.kind == "lift3d":
        return Lifter.from_entry(entry, tensors, "cpu")
    if entry.kind == "pose-encoder":
        return build_encoder(entry.name, tensors, {"kind": entry.kind, **entry.config})
    if entry.kind == "detector":
        return PersonFinder.from_entry(entry, tensors, "cpu")
    # in plain torch: to make the fastest form of a network takes longer than one frame
    return PoseEstimator.from_entry(entry, tensors, "cpu", fast=False)


def _crop(box: NDArray[np.float64], size: float, video: Video) -> tuple[int, int, int, int]:
    """The part of the frame that is shown: the person with some context, never empty."""
    pad, info = CONTEXT * size, video.info
    x1, y1 = (max(0, int(edge - pad)) for edge in box[:2])
    x2, y2 = min(info.width_px, int(box[2] + pad) + 1), min(info.height_px, int(box[3] + pad) + 1)
    x1, y1 = min(x1, info.width_px - 1), min(y1, info.height_px - 1)
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


def _whom(poses: KeypointTrack, person: int, frame: int) -> int:
    """The person that is meant, if it is in the frame; else whoever is."""
    here = np.flatnonzero(poses.seen[frame].any(axis=1)) if frame < poses.frames else np.zeros(0, int)
    return person if person in here or not len(here) else int(here[0])


def _apart(vectors: Floats) -> Floats:
    """Distances (n, n) of vectors (n, D)."""
    x = vectors.astype(np.float64)
    squares = (x**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * x @ x.T, 0))
    return np.asarray(distances, np.float32)


def _correlation(whole: Floats, thinned: Floats) -> float:
    upper = np.triu_indices(len(whole), 1)
    a, b = whole[upper].astype(np.float64), thinned[upper].astype(np.float64)
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 1e-12 else 1.0


def _same(whole: Floats, thinned: Floats, frames: NDArray[np.int64], fps: float) -> float | None:
    """Share of frames whose nearest other frame stays the same."""
    seconds = frames / fps
    far = np.abs(seconds[:, None] - seconds[None]) >= APART_S
    rows = far.any(axis=1)
    if not rows.any():
        return None
    nearest = [np.where(far, matrix, np.inf).argmin(axis=1)[rows] for matrix in (whole, thinned)]
    return float(np.mean(np.abs(seconds[nearest[0]] - seconds[nearest[1]]) <= SAME_S))
