"""Phases across the takes of a project: durations, curves of angles and speeds on the phase axis, agreement.

Who labelled a take is its rater: a person's name ("unnamed" for nobody's), "transfer", or the model's name.
Suggestions count only when asked for. Where several raters set the same key event in a take, that take is
read from the one who set most, people before suggestions; where they share the work, all labels are read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from app.services.smooth import smoothed_poses
from app.session import Session
from models.domain.angles import angle_joints, joint_angles
from models.domain.labels import Event, LabelOrigin, phases_from_events
from models.domain.ontology import Ontology
from models.domain.phase_report import ANGLE, SPEED, Curves, LabelledTake, PhaseRow, PhaseStatistics, Quantity
from models.domain.phase_statistics import (
    AXIS_POINTS,
    Floats,
    PhaseSpan,
    band_of,
    durations_by_phase,
    on_phase_axis,
    outlying,
    outlying_curves,
    phase_edges,
    speed_of,
    summarize,
)
from models.domain.scores import torso_px
from models.domain.skeleton import Skeleton
from models.domain.timebase import Span
from models.domain.track import KeypointTrack
from storage import skeletons, tracks
from storage.videos import Video

UNNAMED, TRANSFER = "unnamed", "transfer"
_NOTHING = "No take has phases yet: set the key events of '{title}' first."
_SUGGESTED = "Only suggestions so far: accept them, or count suggestions, too."
_ONE = "One take only: there is no spread to show yet."
_MORE = " Other takes have suggestions: accept them, or count suggestions, too."


def rater_of(event: Event) -> str:
    """Who set an event."""
    if event.origin is LabelOrigin.TRANSFERRED:
        return TRANSFER
    if event.origin is LabelOrigin.MODEL:
        return event.model or "model"
    return event.annotator or ("imported" if event.origin is LabelOrigin.IMPORTED else UNNAMED)


def phase_statistics(
    session: Session, *, rater: str = "", include_suggestions: bool = False
) -> PhaseStatistics:
    """Statistics of the current ontology. rater: read this one's labels only, "" = as the module says."""
    ontology = session.ontology()
    known = {key.uid for key in ontology.events}
    by_take: dict[str, list[Event]] = defaultdict(list)
    for event in session.events():
        if event.key_event_uid in known:
            by_take[event.video_uid].append(event)
    takes, left_out = [], []
    videos = session.videos()
    for video in videos:
        chosen, whose = _chosen(by_take[video.uid], rater, include_suggestions)
        spans = _spans(video, ontology, chosen)
        if spans:
            takes.append(LabelledTake(video.uid, video.name, whose, spans))
        else:
            left_out.append(video.name)
    names = {video.uid: video.name for video in videos}
    every = [span for take in takes for span in take.spans]
    groups = durations_by_phase(every, len(ontology.phases))
    rows = tuple(_row(ontology, phase, spans, names) for phase, spans in enumerate(groups))
    suggested = any(event.is_suggestion for events in by_take.values() for event in events)
    note = ""
    if not takes:
        note = _SUGGESTED if suggested and not rater else _NOTHING.format(title=ontology.title)
    elif len(takes) == 1:
        note = _ONE + (_MORE if suggested and left_out and not rater and not include_suggestions else "")
    raters = tuple(sorted({rater_of(event) for events in by_take.values() for event in events}))
    edges = phase_edges(every, len(ontology.phases))
    return PhaseStatistics(ontology, tuple(takes), tuple(left_out), raters, edges, rows, note)


def quantities(session: Session, statistics: PhaseStatistics) -> tuple[Quantity, ...]:
    """What curves the labelled takes have: angles, then speeds; 3D before 2D."""
    found: dict[Quantity, None] = {}
    for kind in (ANGLE, SPEED):
        for dimensions in (3, 2):
            for take in statistics.takes:
                skeleton = _skeleton_of(session, take.uid, dimensions)
                joints = () if skeleton is None else skeleton.joints
                if kind == ANGLE and skeleton is not None:
                    joints = tuple(angle_joints(skeleton))
                found |= dict.fromkeys(Quantity(kind, joint, dimensions) for joint in joints)
    return tuple(found)


def usual_quantities(found: Sequence[Quantity]) -> tuple[Quantity, ...]:
    """What is looked at unless more is asked for: angles, speeds of hands and feet; in 3D if known."""
    best = max((quantity.dimensions for quantity in found), default=0)
    ends = ("wrist", "ankle")
    return tuple(q for q in found if q.dimensions == best and (q.kind == ANGLE or q.joint.endswith(ends)))


def curves_of(session: Session, statistics: PhaseStatistics, wanted: Sequence[Quantity]) -> list[Curves]:
    """Curves of quantities over the phase axis; each track is read once."""
    rows: dict[Quantity, list[tuple[LabelledTake, Floats]]] = {quantity: [] for quantity in wanted}
    for dimensions in sorted({quantity.dimensions for quantity in wanted}):
        for take in statistics.takes:
            found = _person(session, take.uid, dimensions)
            if found is None:
                continue
            points, skeleton = found
            seconds = session.video(take.uid).info.times.seconds
            angles = joint_angles(points, skeleton)
            body = _torso(points, skeleton) if dimensions == 2 else 1.0
            for quantity in wanted:
                if quantity.dimensions != dimensions:
                    continue
                if quantity.kind == ANGLE and quantity.joint in angles:
                    signal: NDArray[np.floating] = angles[quantity.joint]
                elif quantity.kind == SPEED and quantity.joint in skeleton.joints:
                    signal = speed_of(points[:, skeleton.index(quantity.joint)], seconds) / body
                else:
                    continue
                rows[quantity].append((take, on_phase_axis(signal, take.spans, statistics.edges)))
    return [_curves(quantity, found, len(statistics.takes)) for quantity, found in rows.items()]


def _curves(quantity: Quantity, rows: list[tuple[LabelledTake, Floats]], takes: int) -> Curves:
    rows = [(take, row) for take, row in rows if np.isfinite(row).any()]
    values = np.stack([row for _, row in rows]) if rows else np.zeros((0, AXIS_POINTS))
    names = tuple(take.name for take, _ in rows)
    odd = outlying_curves(values) if len(rows) else np.zeros(0, dtype=bool)
    note = f"Not known in {takes - len(rows)} of {takes} takes." if len(rows) < takes else ""
    return Curves(
        quantity,
        tuple(take.uid for take, _ in rows),
        names,
        values,
        band_of(values),
        tuple(name for name, out in zip(names, odd, strict=True) if out),
        note,
    )


def _chosen(events: Iterable[Event], rater: str, include_suggestions: bool) -> tuple[list[Event], str]:
    """The events to read of a take, and whose they are."""
    groups: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        whose = rater_of(event)
        if whose == rater or (not rater and (include_suggestions or not event.is_suggestion)):
            groups[whose].append(event)
    if not groups:
        return [], ""
    keys = [{event.key_event_uid for event in group} for group in groups.values()]
    if sum(map(len, keys)) == len(set().union(*keys)):  # nobody set what another set, too
        return [event for group in groups.values() for event in group], " + ".join(sorted(groups))
    best = min(groups, key=lambda name: (groups[name][0].is_suggestion, -len(groups[name]), name))
    return groups[best], best


def _spans(video: Video, ontology: Ontology, events: Sequence[Event]) -> tuple[PhaseSpan, ...]:
    times = video.info.times
    whole = Span(times.pts_at(0), times.end_pts)
    total_s = float(whole.duration_pts * times.time_base)
    spans = []
    for phase in phases_from_events(ontology, events, whole):
        duration_s = float(phase.span.duration_pts * times.time_base)
        start, end = times.index_at(phase.span.start_pts), times.index_at(phase.span.end_pts - 1) + 1
        spans.append(PhaseSpan(video.uid, phase.index, start, end, duration_s, duration_s / total_s))
    return tuple(spans)


def _row(ontology: Ontology, phase: int, spans: tuple[PhaseSpan, ...], names: dict[str, str]) -> PhaseRow:
    seconds = [span.duration_s for span in spans]
    odd = outlying(seconds)
    outliers = dict.fromkeys(names[span.take_uid] for span, out in zip(spans, odd, strict=True) if out)
    return PhaseRow(
        ontology.phases[phase],
        ontology.phase_color(phase),
        summarize(seconds),
        summarize([span.share for span in spans]),
        spans,
        tuple(outliers),
    )


def _skeleton_of(session: Session, take_uid: str, dimensions: int) -> Skeleton | None:
    with session.project.reading() as tx:
        info = tracks.active(tx, take_uid, dimensions)
        return None if info is None else skeletons.get(tx, info.skeleton)


def _person(session: Session, take_uid: str, dimensions: int) -> tuple[Floats, Skeleton] | None:
    """Points (T, J, 2 px or 3 m) of the person seen most in a take; smoothed where that is chosen."""
    found = session.track(take_uid, dimensions)
    if found is None or found[1].people == 0:
        return None
    track: KeypointTrack = found[1]
    if dimensions == 2:
        track = smoothed_poses(session, take_uid) or track
    person = int(track.seen.sum(axis=(0, 2)).argmax())
    with session.project.reading() as tx:
        skeleton = skeletons.get(tx, track.skeleton)
    return track.values[:, person, :, :dimensions].astype(np.float64), skeleton


def _torso(points: Floats, skeleton: Skeleton) -> float:
    """Median torso length, px; NaN where the skeleton or the poses have no torso."""
    lengths = torso_px(points, skeleton)
    known = lengths[np.isfinite(lengths)]
    return float(np.median(known)) if len(known) else float("nan")
