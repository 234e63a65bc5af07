"""Draw the warp of two takes anew through their anchors, inside the transaction of the edit that set them."""

from __future__ import annotations

from sqlalchemy import Connection

from app.services.take_features import (
    TakeFeatures,
    align_pair,
    common_dimensions,
    model_name,
    read_poses,
    read_vectors,
)
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.run.anchors import METHOD, Anchors, bend, ordered_anchors, straight
from models.run.multi_align import AVERAGED
from storage import alignments, anchors, tracks
from storage.alignments import Provenance
from storage.videos import Video

LARGEST_AT_ONCE = 4_000_000  # pairs of frames matched anew while somebody waits: about 0.2 s


def rewarp(tx: Connection, reference: Video, query: Video, *, loosened: bool = False) -> None:
    """Make every kept warp between two takes go through their anchors.

    It is matched anew as it was made, from the poses as they are now. Where these are gone, or the takes are
    too long to wait for it, it is bent; so is one through an average of many takes, which would take long to
    average anew. loosened: an anchor went away; as no bending undoes an earlier one, such a warp is then
    matched anew between the two takes alone, until all takes are aligned again. Without a warp, or with one
    made of anchors alone, it runs straight from anchor to anchor. Raises KnownError when anchors contradict
    each other.
    """
    kept = [pair for pair in ((reference, query), (query, reference)) if _kept(tx, *pair)]
    for one, other in kept or [(reference, query)]:
        _draw(tx, one, other, loosened)


def anchor_frames(tx: Connection, reference: Video, query: Video) -> list[tuple[int, int]]:
    """The pair's anchors as frames, by reference frame. Raises KnownError when they contradict each other."""
    times = reference.info.times, query.info.times
    found = anchors.of_pair(tx, reference.uid, query.uid)
    frames = [(times[0].index_at(a.reference_pts), times[1].index_at(a.query_pts)) for a in found]
    return ordered_anchors(frames, len(times[0]), len(times[1]))


def _kept(tx: Connection, reference: Video, query: Video) -> bool:
    return alignments.provenance(tx, reference.uid, query.uid) is not None


def _draw(tx: Connection, reference: Video, query: Video, loosened: bool) -> None:
    pinned = anchor_frames(tx, reference, query)
    old = alignments.get(tx, reference.uid, query.uid)
    made = alignments.provenance(tx, reference.uid, query.uid)
    if old is not None and made is not None and old.method != METHOD:
        averaged = old.method.startswith(AVERAGED) and not loosened
        anew = None if averaged else _matched(tx, reference, query, pinned, made)
        warp, made = anew or (bend(old, pinned, query.info.frame_count), made)
        alignments.put(tx, warp, provenance=made)
    elif pinned:
        alignments.put(tx, _by_hand(reference, query, pinned), provenance=made)
    else:
        alignments.remove(tx, reference.uid, query.uid)


def _matched(
    tx: Connection, reference: Video, query: Video, pinned: Anchors, made: Provenance
) -> tuple[Alignment, Provenance] | None:
    """The warp by the features it was made from; None where these are gone, or it would take long."""
    if reference.info.frame_count * query.info.frame_count > LARGEST_AT_ONCE:
        return None
    matcher, ends = made.options.get("matcher", "dtw"), made.options.get("ends", "open")
    try:
        one, other = _features(tx, (reference, query), made)
        warp = align_pair(one, other, matcher=matcher, ends=ends, anchors=pinned)
    except KnownError:
        return None
    return warp, Provenance(made.options, one.source, other.source, made.run_uid)


def _features(tx: Connection, videos: tuple[Video, Video], made: Provenance) -> list[TakeFeatures]:
    model = made.options.get("model")
    dimensions = common_dimensions(tx, videos)
    if made.reference.track_uid:
        dimensions = tracks.get(tx, made.reference.track_uid).dimensions
    if model is None:
        return [read_poses(tx, video, dimensions) for video in videos]
    return [read_vectors(tx, video, model_name(model), dimensions) for video in videos]


def _by_hand(reference: Video, query: Video, pinned: Anchors) -> Alignment:
    lengths = reference.info.frame_count, query.info.frame_count
    speed = query.info.times.fps / reference.info.times.fps
    return straight(reference.uid, query.uid, pinned, lengths, speed)
