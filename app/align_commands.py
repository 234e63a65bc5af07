"""Edits of warps: anchors that say which frames of two takes correspond.

See `app.change` for what a command is. The warp goes through the anchors at once, in the same transaction;
undo brings the warp back as it was. Anchors count for the pair, whichever take is the reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from app.change import ChangeSet
from models.domain.errors import KnownError
from storage import anchors, snapshots, videos
from storage.anchors import Anchor
from storage.snapshots import Snapshot


@dataclass(frozen=True, slots=True)
class PutAnchor:
    """Set an anchor, or move the one with its uid; one that pinned either of its frames before gives way.

    pts within a frame count as that frame's. Raises KnownError when the anchor crosses another one, or its
    takes are one and the same.
    """

    anchor: Anchor
    text: str = "set anchor"

    def apply(self, tx: Connection) -> ChangeSet:
        given = self.anchor
        if given.reference_uid == given.query_uid:
            raise KnownError("An anchor connects two takes.", hint="Choose another take beside this one.")
        times = [videos.get(tx, uid).info.times for uid in (given.reference_uid, given.query_uid)]
        before = snapshots.of_pair(tx, given.reference_uid, given.query_uid)
        anchor = replace(
            given,
            reference_pts=times[0].pts_at(times[0].index_at(given.reference_pts)),
            query_pts=times[1].pts_at(times[1].index_at(given.query_pts)),
        )
        for other in anchors.of_pair(tx, anchor.reference_uid, anchor.query_uid):
            if other.reference_pts == anchor.reference_pts or other.query_pts == anchor.query_pts:
                anchors.remove(tx, other.uid)
        anchors.put(tx, anchor)
        return _rewarped(tx, anchor.reference_uid, anchor.query_uid, before, self.text)


@dataclass(frozen=True, slots=True)
class DeleteAnchor:
    """Remove an anchor. Raises KnownError when it is gone already."""

    uid: str
    text: str = "remove anchor"

    def apply(self, tx: Connection) -> ChangeSet:
        anchor = anchors.find(tx, self.uid)
        if anchor is None:
            raise KnownError(
                "This anchor is no longer in the project.", hint="Undo its removal, or set it anew."
            )
        before = snapshots.of_pair(tx, anchor.reference_uid, anchor.query_uid)
        anchors.remove(tx, self.uid)
        return _rewarped(tx, anchor.reference_uid, anchor.query_uid, before, self.text, loosened=True)


@dataclass(frozen=True, slots=True)
class RestorePair:
    """Put back the anchors of two takes and their warps as they were: what undoes an edit of anchors.

    A warp that was made anew since, or whose run is gone, is not brought back: the present one is drawn
    through the anchors instead.
    """

    one_uid: str
    other_uid: str
    snapshot: Snapshot = field(repr=False)
    text: str

    def apply(self, tx: Connection) -> ChangeSet:
        before = snapshots.of_pair(tx, self.one_uid, self.other_uid)
        if _runs(before) == _runs(self.snapshot):
            snapshots.replace_pair(tx, self.one_uid, self.other_uid, self.snapshot)
            change = _changed(self.one_uid, self.other_uid)
            return replace(change, inverse=replace(self, snapshot=before))
        only_anchors = Snapshot(tuple(part for part in self.snapshot.rows if part[0] == "anchors"))
        for anchor in anchors.of_pair(tx, self.one_uid, self.other_uid):
            anchors.remove(tx, anchor.uid)
        snapshots.restore(tx, only_anchors)
        return _rewarped(tx, self.one_uid, self.other_uid, before, self.text)


def _rewarped(
    tx: Connection,
    reference_uid: str,
    query_uid: str,
    before: Snapshot,
    text: str,
    *,
    loosened: bool = False,
) -> ChangeSet:
    """Draw the warp through the anchors as they are now; `before`: what undo puts back."""
    from app.services.rewarp import rewarp

    rewarp(tx, videos.get(tx, reference_uid), videos.get(tx, query_uid), loosened=loosened)
    inverse = RestorePair(reference_uid, query_uid, before, text)
    return replace(_changed(reference_uid, query_uid), inverse=inverse)


def _changed(reference_uid: str, query_uid: str) -> ChangeSet:
    return ChangeSet(frozenset({reference_uid, query_uid}), frozenset({"alignments"}))


def _runs(snapshot: Snapshot) -> set[tuple[str, str, str]]:
    """The warps in it that a run made; one by hand (no run) may come and go."""
    rows = dict(snapshot.rows).get("alignments", ())
    return {(r["reference_uid"], r["query_uid"], r["run_uid"]) for r in rows if r["run_uid"]}
