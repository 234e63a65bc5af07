"""Draw the warp of two takes anew through their anchors, inside the transaction of the edit that set them."""

from __future__ import annotations

from sqlalchemy import Connection

from models.domain.alignment import Alignment
from models.run.anchors import METHOD, Anchors, bend, ordered_anchors, straight
from storage import alignments, anchors
from storage.videos import Video


def rewarp(tx: Connection, reference: Video, query: Video) -> None:
    """Make every kept warp between two takes go through their anchors.

    Without a warp, or with one made of anchors alone, it runs straight from anchor to anchor. Raises
    KnownError when anchors contradict each other.
    """
    kept = [pair for pair in ((reference, query), (query, reference)) if _kept(tx, *pair)]
    for one, other in kept or [(reference, query)]:
        _draw(tx, one, other)


def anchor_frames(tx: Connection, reference: Video, query: Video) -> list[tuple[int, int]]:
    """The pair's anchors as frames, by reference frame. Raises KnownError when they contradict each other."""
    times = reference.info.times, query.info.times
    found = anchors.of_pair(tx, reference.uid, query.uid)
    frames = [(times[0].index_at(a.reference_pts), times[1].index_at(a.query_pts)) for a in found]
    return ordered_anchors(frames, len(times[0]), len(times[1]))


def _kept(tx: Connection, reference: Video, query: Video) -> bool:
    return alignments.provenance(tx, reference.uid, query.uid) is not None


def _draw(tx: Connection, reference: Video, query: Video) -> None:
    pinned = anchor_frames(tx, reference, query)
    old = alignments.get(tx, reference.uid, query.uid)
    made = alignments.provenance(tx, reference.uid, query.uid)
    if old is not None and old.method != METHOD:
        alignments.put(tx, bend(old, pinned, query.info.frame_count), provenance=made)
    elif pinned:
        alignments.put(tx, _by_hand(reference, query, pinned), provenance=made)
    else:
        alignments.remove(tx, reference.uid, query.uid)


def _by_hand(reference: Video, query: Video, pinned: Anchors) -> Alignment:
    lengths = reference.info.frame_count, query.info.frame_count
    speed = query.info.times.fps / reference.info.times.fps
    return straight(reference.uid, query.uid, pinned, lengths, speed)
