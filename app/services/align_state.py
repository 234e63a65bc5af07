"""What is to be said of alignments: takes that may not show the action, and warps that are out of date."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from app.session import Session
from storage import alignments, tracks

DOUBTFUL = 1.6
"""A take whose cost is so many times the median of the other takes' is suspected not to show the action.

On Penn Action's training clips, by poses, 1.6 suspects 3.3 % of the clips of an action and 42 % of clips of
another one (2.0: 0 % and 26 %): a hint, not a verdict. See `tests/perf/doubtful_takes.py`."""
FEWEST_TO_COMPARE = 3  # takes aligned, before the cost of one tells anything


def doubts(costs: dict[str, float]) -> list[str]:
    """A line for each take that may not show the action, by the costs of all takes aligned (by name).

    See `DOUBTFUL` for how much that says.
    """
    lines = []
    for name, cost in costs.items():
        others = [c for other, c in costs.items() if other != name]
        if len(costs) >= FEWEST_TO_COMPARE and cost > DOUBTFUL * float(np.median(others)):
            times = cost / max(float(np.median(others)), 1e-9)
            lines.append(f"'{name}' may not show the same action: it costs {times:.1f} times what others do")
    return lines


def out_of_date(
    session: Session, pairs: Collection[tuple[str, str]] | None = None
) -> dict[tuple[str, str], str]:
    """Why a warp, by (reference uid, query uid), no longer follows from what is known; those that do are left
    out. Warps of pictures, by hand, and of versions that did not keep track are never out of date.

    pairs: only these are looked at, for every take in them is read; None = all.
    """
    stale: dict[tuple[str, str], str] = {}
    with session.project.reading() as tx:
        now: dict[str, int | None] = {}
        names = {video.uid: video.name for video in session.videos()}
        for pair, made in alignments.all_provenance(tx).items():
            if pairs is not None and pair not in pairs:
                continue
            for uid, source in zip(pair, (made.reference, made.query), strict=True):
                if not source.track_uid:
                    continue
                if source.track_uid not in now:
                    active = [t for d in (2, 3) if (t := tracks.active(tx, uid, d)) is not None]
                    there = any(track.uid == source.track_uid for track in active)
                    now[source.track_uid] = (
                        tracks.checksum(tracks.read(tx, source.track_uid)) if there else None
                    )
                crc = now[source.track_uid]
                if crc is None:
                    stale[pair] = f"the poses of '{names[uid]}' are others now"
                elif crc != source.crc:
                    stale[pair] = f"the poses of '{names[uid]}' were corrected"
    return stale
