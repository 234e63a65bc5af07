"""Align takes of the same action by what happens in them: to one, to the best, or through an average.

How each warp was made is kept with it, so that it can be drawn anew through anchors, and be known to be out
of date when its poses were estimated anew, or corrected.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Literal

from app.services.align_state import doubts
from app.services.rewarp import anchor_frames
from app.services.take_features import (
    TakeFeatures,
    align_pair,
    common_dimensions,
    model_name,
    read_poses,
    read_vectors,
)
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.progress import Progress
from models.run.align import PRICES_2D, PRICES_3D, mirrors, refuse_few
from models.run.anchors import bend
from models.run.embedding_align import PRICES
from models.run.matching import Matcher, Matching, Prices
from models.run.multi_align import (
    TakeSequence,
    align_through,
    barycentre,
    embedded_sequence,
    medoid,
    pair_cost,
    pair_costs,
)
from models.run.pose_features import common_pose, pose_features, shared_joints
from storage import alignments, runs
from storage.alignments import Provenance
from storage.runs import new_run
from storage.videos import Video

ReferenceMode = Literal["given", "best", "barycentre"]
Ends = Literal["open", "closed"]


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How takes are aligned. model: an encoder by name or file; None = the poses themselves.

    ends: "open" = takes may begin and end at different moments. reference: "given" = the take that is named;
    "best" = the one to which all others cost least; "barycentre" = that one's clock, through an average take.
    """

    model: str | None = None
    matcher: Matcher = "dtw"
    ends: Ends = "open"
    reference: ReferenceMode = "given"

    def __post_init__(self) -> None:
        Matching(self.matcher)
        if self.reference == "barycentre" and (self.matcher != "dtw" or self.ends != "open"):
            raise KnownError(
                "Aligning through a barycentre is by DTW with open ends.",
                hint="Leave matcher and ends alone.",
            )


def align_takes(
    session: Session,
    reference: Video | None,
    takes: Sequence[Video],
    options: AlignOptions = AlignOptions(),
) -> Generator[Progress, None, Video]:
    """Align takes to a reference, and return that; every yield follows a commit.

    reference: None = it is found among the takes (`options.reference`). A take that cannot be aligned is
    left out, and the last progress says so. Raises KnownError when the reference cannot be used or no other
    take is left.
    """
    todo = _distinct([*([reference] if reference else []), *takes])
    usable, left_out = yield from _usable(session, reference, todo, options)
    if reference is None and options.reference == "given":
        raise KnownError("Aligning needs a reference.", hint="Name a take, or choose the best one.")
    if options.reference == "given":
        assert reference is not None
        aligned = yield from _to_reference(session, reference, usable, options, left_out)
    else:
        reference, aligned = yield from _to_found(session, reference, usable, options, left_out)
    note = f"{len(aligned)} aligned to {reference.name}"
    note = "; ".join((note, *doubts(aligned), *left_out))
    session.announce({video.uid for video in usable}, {"alignments", "runs"})
    yield Progress(len(aligned), len(aligned), note)
    return reference


# --- which takes


def _distinct(takes: Sequence[Video]) -> list[Video]:
    return list({video.uid: video for video in takes}.values())


def _usable(
    session: Session, reference: Video | None, takes: Sequence[Video], options: AlignOptions
) -> Generator[Progress, None, tuple[list[Video], list[str]]]:
    """The takes that can be aligned, embedded where needed, and why others cannot.

    Raises KnownError when the reference is none of them, or it alone is left.
    """
    usable: list[Video] = []
    errors: list[KnownError] = []
    encoder = None
    if options.model is not None:
        from models.run.embed import load_encoder

        encoder = load_encoder(options.model)
    for video in takes:
        try:
            session.video(video.uid)  # removed in the meantime?
            if encoder is None or encoder.kind == "poses":
                with session.project.reading() as tx:
                    read_poses(tx, video, common_dimensions(tx, [video]))
            usable.append(video)
        except KnownError as error:
            if reference is not None and video.uid == reference.uid:
                raise
            errors.append(error)
    if len(usable) < 2 and errors:
        raise errors[0]
    if len(usable) < 2:
        raise KnownError("Aligning needs at least two takes.", hint="Add another take of the same action.")
    if encoder is not None:
        from app.services.embed import embed_take

        with session.project.reading() as tx:
            dimensions = common_dimensions(tx, usable)
        for done, video in enumerate(usable):
            yield Progress(done, len(usable), f"embedding {video.name}")
            for step in embed_take(session, video, encoder, dimensions=dimensions):
                if encoder.kind == "frames":
                    yield step
    return usable, [f"left out: {error.message}" for error in errors]


def _features(session: Session, takes: Sequence[Video], options: AlignOptions) -> list[TakeFeatures]:
    with session.project.reading() as tx:
        dimensions = common_dimensions(tx, takes)
        if options.model is None:
            return [read_poses(tx, video, dimensions) for video in takes]
        name = model_name(options.model)
        return [read_vectors(tx, video, name, dimensions) for video in takes]


# --- to which take


def _to_reference(
    session: Session, reference: Video, takes: Sequence[Video], options: AlignOptions, left_out: list[str]
) -> Generator[Progress, None, dict[str, float]]:
    """The cost of each take that was aligned; what cannot be is added to `left_out`.

    Raises KnownError when none can be.
    """
    todo = [video for video in takes if video.uid != reference.uid]
    together = _features(session, takes, options) if options.model is not None else []
    by_uid = {take.video.uid: take for take in together}
    costs: dict[str, float] = {}
    for done, query in enumerate(todo):
        yield Progress(done, len(todo), f"aligning {query.name}")
        try:
            if not together:  # each pair by the best poses that both have
                by_uid = {t.video.uid: t for t in _features(session, (reference, query), options)}
            one, other = by_uid[reference.uid], by_uid[query.uid]
            with session.project.reading() as tx:
                pinned = anchor_frames(tx, reference, query)
            warp = align_pair(one, other, matcher=options.matcher, ends=options.ends, anchors=pinned)
        except KnownError as error:  # such as: too few joints in common
            if not costs and done == len(todo) - 1:
                raise  # the last hope
            left_out.append(f"left out: {query.name}: {error.message}")
            continue
        costs[query.name] = _keep(session, warp, one, other, options)
    return costs


def _to_found(
    session: Session,
    reference: Video | None,
    takes: Sequence[Video],
    options: AlignOptions,
    left_out: list[str],
) -> Generator[Progress, None, tuple[Video, dict[str, float]]]:
    """Align to the best reference, or through the average on its (or the given take's) clock."""
    features = _features(session, takes, options)
    how = partial(align_pair, matcher=options.matcher, ends=options.ends)
    if reference is None:
        lengths = [video.info.frame_count for video in takes]
        costs = yield from pair_costs(lengths, lambda i, j: how(features[i], features[j]))
        reference = takes[medoid(costs)]
    if options.reference == "best":
        aligned = yield from _to_reference(session, reference, takes, options, left_out)
        return reference, aligned
    at = [video.uid for video in takes].index(reference.uid)
    sequences, prices = _sequences(features)
    average = yield from barycentre(sequences, at, prices=prices)
    name = "pose" if options.model is None else "embedding"
    kept: dict[str, float] = {}
    for done, (video, sequence) in enumerate(zip(takes, sequences, strict=True)):
        if video.uid == reference.uid:
            continue
        yield Progress(done, len(takes), f"aligning {video.name}")
        warp = align_through(
            average,
            sequences[at],
            sequence,
            reference_uid=reference.uid,
            query_uid=video.uid,
            prices=prices,
            name=name,
        )
        with session.project.reading() as tx:
            warp = bend(warp, anchor_frames(tx, reference, video), video.info.frame_count)
        kept[video.name] = _keep(session, warp, features[at], features[takes.index(video)], options)
    return reference, kept


def _sequences(features: Sequence[TakeFeatures]) -> tuple[list[TakeSequence], Prices]:
    """All takes by features that can be averaged, and the prices of aligning them."""
    vectors = [take.vectors for take in features]
    if all(v is not None for v in vectors):
        return [
            embedded_sequence(v, t.fps) for v, t in zip(vectors, features, strict=True) if v is not None
        ], PRICES
    poses = [common_pose(take.poses, take.skeleton) for take in features if take.poses is not None]
    joints = shared_joints(*poses)
    refuse_few(joints, "All takes together have")
    is_3d = poses[0].shape[-1] == 4
    sequences = []
    for take, pose in zip(features, poses, strict=True):
        views = [pose_features(pose, joints, take.fps, mirrored=m) for m in mirrors(pose.shape[-1])]
        sequences.append(TakeSequence(views[0], take.fps, *views[1:]))
    return sequences, PRICES_3D if is_3d else PRICES_2D


def _keep(
    session: Session, warp: Alignment, reference: TakeFeatures, query: TakeFeatures, options: AlignOptions
) -> float:
    """Store a warp with how it was made; returns its `pair_cost`."""
    params = {"reference": reference.video.uid, "options": asdict(options)}
    run = new_run("align", warp.method, query.video.uid, params)
    made = Provenance(asdict(options), reference.source, query.source, run.uid)
    with session.project.transaction() as tx:
        runs.start(tx, run)
        alignments.put(tx, warp, run.uid, made)
        runs.finish(tx, run.uid)
    session.announce({query.video.uid, reference.video.uid}, {"alignments", "runs"})
    return pair_cost(warp, reference.video.info.frame_count, query.video.info.frame_count)
