"""What a project holds, take by take: for `keyphase info`, the media list, and tests."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from app.services.align_state import out_of_date
from app.session import Session
from models.domain.track import Origin
from storage import alignments, labels, ontologies, tracks
from storage.videos import absolute_path


@dataclass(frozen=True, slots=True)
class TakeOverview:
    """State of one take. aligned_to: names of the references it is aligned to."""

    uid: str
    name: str
    path: str
    frames: int
    fps: float
    width_px: int
    height_px: int
    variable_frame_rate: bool
    decode_failures: int
    missing_file: bool
    people: int
    corrected_joints: int
    has_3d: bool
    aligned_to: tuple[str, ...]
    events: int
    suggestions: int
    intervals: int


def take_overviews(session: Session, *, count_corrections: bool = True) -> list[TakeOverview]:
    """One entry per take, in the order they were added."""
    found = []
    videos = session.videos()
    names = {video.uid: video.name for video in videos}
    with session.project.reading() as tx:
        warps = alignments.all_alignments(tx)
        for video in videos:
            poses = tracks.active(tx, video.uid, 2)
            corrected = 0
            if poses is not None and count_corrections:
                corrected = int((tracks.read(tx, poses.uid).origin == Origin.HUMAN).sum())
            events = labels.events(tx, video.uid)
            suggestions = sum(event.is_suggestion for event in events)
            references = [w.reference_uid for w in warps if w.query_uid == video.uid]
            references += [video.uid] if any(w.reference_uid == video.uid for w in warps) else []
            found.append(
                TakeOverview(
                    uid=video.uid,
                    name=video.name,
                    path=video.path,
                    frames=video.info.frame_count,
                    fps=round(video.info.times.fps, 3),
                    width_px=video.info.width_px,
                    height_px=video.info.height_px,
                    variable_frame_rate=video.info.is_variable_frame_rate,
                    decode_failures=video.info.decode_failures,
                    missing_file=not absolute_path(session.project, video).exists(),
                    people=poses.people if poses else 0,
                    corrected_joints=corrected,
                    has_3d=tracks.active(tx, video.uid, 3) is not None,
                    aligned_to=tuple(names[uid] for uid in references if uid in names),
                    events=len(events) - suggestions,
                    suggestions=suggestions,
                    intervals=len(labels.intervals(tx, video.uid)),
                )
            )
    return found


def project_summary(session: Session) -> dict[str, object]:
    """The project as plain JSON data."""
    with session.project.reading() as tx:
        ontology = ontologies.current(tx)
    names = {video.uid: video.name for video in session.videos()}
    stale = [
        {"reference": names[reference], "take": names[query], "why": why}
        for (reference, query), why in out_of_date(session).items()
    ]
    return {
        "project": str(session.project.path),
        "ontology": {
            "name": ontology.name,
            "title": ontology.title,
            "events": [event.name for event in ontology.events],
            "phases": list(ontology.phases),
        },
        "takes": [asdict(take) for take in take_overviews(session)],
        "out_of_date": stale,
    }
