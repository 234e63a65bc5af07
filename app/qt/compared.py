"""Which takes stand on the compare page, read from the project as the page wants them.

Every take aligned to the reference can be shown; of many, a person chooses, and the project remembers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from app.services.align_state import out_of_date
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.labels import phases_from_events
from models.domain.ontology import Ontology
from models.domain.timebase import Span
from storage import alignments, anchors, labels, ontologies
from storage.videos import Video, absolute_path
from widgets.compare_take import CompareTake, Pin

MOST_TAKES = 9


@dataclass(frozen=True, slots=True)
class Compared:
    """takes: for the page, the reference first. videos, warps: of those by uid. aligned: uid and name of
    every take that could be shown beside the reference."""

    takes: tuple[CompareTake, ...] = ()
    videos: dict[str, Video] = field(default_factory=dict)
    warps: dict[str, Alignment] = field(default_factory=dict)
    aligned: tuple[tuple[str, str], ...] = ()

    @property
    def others(self) -> list[str]:
        """Uids of the takes beside the reference."""
        return list(self.warps)


def read_compared(
    session: Session, reference: Video, videos: Sequence[Video], faults: dict[str, str]
) -> Compared:
    """The reference and the chosen takes that are aligned to it. faults: uid -> why it has no picture."""
    chosen = chosen_takes(session, reference.uid)
    taken: dict[str, Video] = {reference.uid: reference}
    warps: dict[str, Alignment] = {}
    aligned: list[tuple[str, str]] = []
    with session.project.reading() as tx:
        ontology = ontologies.current(tx)
        for video in videos:
            warp = alignments.get(tx, reference.uid, video.uid) if video.uid != reference.uid else None
            if warp is None:
                continue
            aligned.append((video.uid, video.name))
            if (chosen is None or video.uid in chosen) and len(taken) < MOST_TAKES:
                taken[video.uid], warps[video.uid] = video, warp
        stale = out_of_date(session, {(reference.uid, uid) for uid in warps})
        takes = tuple(
            _take(
                session,
                tx,
                video,
                reference,
                warps.get(uid),
                ontology,
                faults.get(uid, ""),
                (reference.uid, uid) in stale,
            )
            for uid, video in taken.items()
        )
    return Compared(takes, taken, warps, tuple(aligned))


def chosen_takes(session: Session, reference_uid: str) -> list[str] | None:
    """Uids a person chose to see beside this reference; None = nobody chose."""
    found = session.setting(_key(reference_uid))
    return [uid for uid in found if isinstance(uid, str)] if isinstance(found, list) else None


def choose_takes(session: Session, reference_uid: str, uids: Sequence[str]) -> None:
    """Remember which takes to show beside this reference."""
    session.put_setting(_key(reference_uid), list(uids))


def best_reference(session: Session, preferred: str) -> str:
    """The preferred take where others are aligned to it, else the one that most are aligned to; "" = none."""
    with session.project.reading() as tx:
        references = [warp.reference_uid for warp in alignments.all_alignments(tx)]
    if preferred in references:
        return preferred
    return max(dict.fromkeys(references), key=references.count, default=preferred)


def _key(reference_uid: str) -> str:
    return f"compare/shown/{reference_uid}"


def _take(
    session: Session,
    tx: Connection,
    video: Video,
    reference: Video,
    warp: Alignment | None,
    ontology: Ontology,
    fault: str,
    outdated: bool,
) -> CompareTake:
    times = video.info.times
    events = tuple(labels.events(tx, video.uid))
    phases = phases_from_events(ontology, events, Span(int(times.pts[0]), times.end_pts))
    path = absolute_path(session.project, video)
    if not path.exists():
        fault = f"{video.name}: the file is not where it was ({path.name}). File ▸ Find missing videos…"
    return CompareTake(
        video.uid,
        video.name,
        times,
        warp,
        events,
        phases,
        pins=_pins(tx, reference, video) if warp is not None else (),
        outdated=outdated,
        problem=fault,
        size_px=(video.info.width_px, video.info.height_px),
    )


def _pins(tx: Connection, reference: Video, video: Video) -> tuple[Pin, ...]:
    times, own = reference.info.times, video.info.times
    return tuple(
        Pin(anchor.uid, times.index_at(anchor.reference_pts), own.index_at(anchor.query_pts))
        for anchor in anchors.of_pair(tx, reference.uid, video.uid)
    )
