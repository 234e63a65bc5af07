"""What all takes say about one: where else its moments are, how it differs, and a map of them all."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from app.services.embed import embed_take, embeddings_of
from app.services.take_features import common_dimensions
from app.session import Session
from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.domain.skeleton import load_skeleton
from models.run.deviation import Deviation, WarpedTake, deviations, typicality
from models.run.embedding_map import Method, embedding_map
from models.run.moments import Match, find_moment
from models.run.pose_features import COMMON_SKELETON, common_pose
from storage.formats.atomic import replacing
from storage.videos import Video

if TYPE_CHECKING:
    from models.run.embed import Encoder

APART_S = 0.5  # two matches of one moment in a take are at least so far from each other


@dataclass(frozen=True, eq=False)
class Differences:
    """How takes differ from each other on the clock of a reference.

    found: one for each take that could be compared, the reference first. left_out: name -> why. seconds:
    float64 (R,) of the reference. take_frames: uid -> int64 (R,), the take's frame at each reference frame.
    """

    reference_uid: str
    found: tuple[Deviation, ...]
    left_out: dict[str, str]
    seconds: NDArray[np.float64]
    take_frames: dict[str, NDArray[np.int64]]
    joints: tuple[str, ...]

    @property
    def ranked(self) -> list[tuple[str, float, float]]:
        """(uid, total deviation in limb lengths, robust z), the most typical take first."""
        return typicality(self.found)


def embed_takes(session: Session, videos: Sequence[Video], model: str) -> Iterator[Progress]:
    """Embed the takes that are not embedded yet. For an encoder of poses those in which nobody was found are
    passed over. model: name or file of the encoder."""
    encoder, known = _embeddable(session, videos, model)
    with session.project.reading() as tx:
        dimensions = common_dimensions(tx, known)
    for done, video in enumerate(known):
        for step in embed_take(session, video, encoder, dimensions=dimensions):
            yield Progress(done, len(known), step.note)


def find_frame(
    session: Session, video: Video, frame: int, model: str, *, top: int = 3
) -> list[tuple[Video, Match]]:
    """Where the moment that `video` shows at `frame` is in every embedded take, in the order of the takes.

    Raises KnownError when that frame has no embedding: nobody was seen in it.
    """
    encoder, takes = _embeddable(session, session.videos(), model)
    vectors = embeddings_of(session, takes, encoder.name)
    moment = vectors.get(video.uid)
    if moment is None or frame >= len(moment) or not np.isfinite(moment[frame]).all():
        raise KnownError(
            f"Nothing is known of frame {frame} of take '{video.name}'.",
            hint="Find its poses first, or choose a frame in which the person is seen.",
        )
    apart = {v.uid: max(1, round(APART_S * v.info.times.fps)) for v in takes}
    found = find_moment(moment[frame], vectors, apart=apart, top=top)
    known = {v.uid: v for v in takes}
    return [(known[match.take_uid], match) for match in found]


def differences(session: Session, reference: Video) -> Differences:
    """Compare every take that is aligned to `reference`, and the reference itself, with the others.

    3D poses are compared when all of them have some, else 2D. Raises KnownError when fewer than two takes can
    be compared.
    """
    left_out: dict[str, str] = {}
    chosen: list[tuple[Video, object]] = []
    for video in (reference, *(v for v in session.videos() if v.uid != reference.uid)):
        warp = None if video.uid == reference.uid else session.alignment(reference.uid, video.uid)
        if warp is None and video.uid != reference.uid:
            left_out[video.name] = "not aligned"
        elif not _has_poses(session, video):
            left_out[video.name] = "no poses"
        else:
            chosen.append((video, warp))
    if len(chosen) < 2 or chosen[0][0].uid != reference.uid:
        raise KnownError(
            f"Fewer than two takes with poses are aligned to '{reference.name}'.",
            hint="Align the takes to it first.",
        )
    dimensions = 3 if all(_has_poses(session, video, 3) for video, _ in chosen) else 2
    takes = [
        WarpedTake(video.uid, _pose(session, video, dimensions), warp)  # type: ignore[arg-type]
        for video, warp in chosen
    ]
    times = reference.info.times
    clock = np.arange(len(times))
    found = deviations(takes, len(times), times.fps)
    frames = {
        take.uid: clock
        if take.warp is None
        else np.clip(np.floor(take.warp.map_indices(clock) + 0.5), 0, len(take.pose) - 1).astype(np.int64)
        for take in takes
    }
    seconds = (times.pts - times.pts[0]) * float(times.time_base)
    joints = load_skeleton(COMMON_SKELETON).joints
    return Differences(reference.uid, tuple(found), left_out, seconds, frames, joints)


def differences_csv(session: Session, result: Differences) -> str:
    """One row per take and reference frame: frames, seconds, the whole deviation and every joint's."""
    names = {video.uid: video.name for video in session.videos()}
    out = io.StringIO()
    table = csv.writer(out)
    joints = [f"{joint} (limb lengths)" for joint in result.joints]
    table.writerow(
        ["take", "reference_frame", "reference_s", "take_frame", "deviation (limb lengths)", *joints]
    )
    for one in result.found:
        curve, frames = one.curve, result.take_frames[one.uid]
        for at, row in enumerate(one.per_joint):
            numbers = ["" if not np.isfinite(v) else f"{v:.4f}" for v in (curve[at], *row)]
            table.writerow([names[one.uid], at, f"{result.seconds[at]:.6f}", int(frames[at]), *numbers])
    return out.getvalue()


def write_differences(session: Session, result: Differences, out: Path) -> None:
    """Write `differences_csv` to a file, whole or not at all."""
    with replacing(out) as file:
        file.write(differences_csv(session, result))


def map_takes(
    session: Session, videos: Sequence[Video], model: str, method: Method
) -> list[tuple[Video, NDArray[np.float32]]]:
    """Each embedded take's path on a plane, float32 (T, 2). Raises KnownError when none is embedded."""
    encoder, embedded = _embeddable(session, videos, model)
    vectors = embeddings_of(session, embedded, encoder.name)
    paths = embedding_map([vectors[video.uid] for video in embedded], method)
    return list(zip(embedded, paths, strict=True))


def _embeddable(session: Session, videos: Sequence[Video], model: str) -> tuple[Encoder, list[Video]]:
    """The encoder, and the takes that it can embed."""
    from models.run.embed import load_encoder

    encoder = load_encoder(model)
    return encoder, [v for v in videos if encoder.kind == "frames" or _has_poses(session, v)]


def _has_poses(session: Session, video: Video, dimensions: int = 2) -> bool:
    """Whether the main person is seen in a take."""
    found = session.track(video.uid, dimensions)
    return found is not None and found[1].shows(0)


def _pose(session: Session, video: Video, dimensions: int) -> NDArray[np.float32]:
    found = session.track(video.uid, dimensions)
    assert found is not None
    return common_pose(found[1].values[:, 0], found[1].skeleton)
