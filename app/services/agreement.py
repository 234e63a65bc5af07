"""How raters agree: people, label transfer and models, each pair over the takes that both labelled."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from app.services.statistics import rater_of
from app.session import Session
from models.domain.agreement import Segment, boundary_errors, cohen_kappa, segment_matches
from models.domain.labels import Event, phases_from_events
from models.domain.ontology import Ontology
from models.domain.phase_report import F1_AT, AgreementRow
from models.domain.timebase import Span
from storage.videos import Video


def agreement_of(session: Session) -> tuple[AgreementRow, ...]:
    """One row per pair of raters that labelled the same take with the current ontology, by their names."""
    ontology = session.ontology()
    known = {key.uid for key in ontology.events}
    labelled: dict[str, dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in session.events():
        if event.key_event_uid in known:
            labelled[rater_of(event)][event.video_uid].append(event)
    videos = {video.uid: video for video in session.videos()}
    rows = []
    for first, second in combinations(sorted(labelled), 2):
        shared = [uid for uid in videos if uid in labelled[first] and uid in labelled[second]]
        if shared:
            pairs = [(videos[uid], labelled[first][uid], labelled[second][uid]) for uid in shared]
            rows.append(_row(ontology, first, second, pairs))
    return tuple(rows)


def _row(
    ontology: Ontology, first: str, second: str, takes: Sequence[tuple[Video, list[Event], list[Event]]]
) -> AgreementRow:
    phases_a, phases_b, errors = [], [], []
    matches, segments = [0] * len(F1_AT), 0
    for video, events_a, events_b in takes:
        a, b = _segments(video, ontology, events_a), _segments(video, ontology, events_b)
        phases_a.append(_frames(a, video.info.frame_count))
        phases_b.append(_frames(b, video.info.frame_count))
        segments += len(a) + len(b)
        matches = [
            count + segment_matches(a, b, overlap) for count, overlap in zip(matches, F1_AT, strict=True)
        ]
        for key in ontology.events:
            moments = [_moments(video, events, key.uid) for events in (events_a, events_b)]
            errors.append(np.abs(boundary_errors(*moments)))
    frames_a, frames_b = np.concatenate(phases_a), np.concatenate(phases_b)
    away = np.concatenate(errors)
    kappa = cohen_kappa(frames_a, frames_b)
    return AgreementRow(
        first,
        second,
        len(takes),
        int(((frames_a >= 0) & (frames_b >= 0)).sum()),
        None if math.isnan(kappa) else kappa,
        len(away),
        float(away.mean()) if len(away) else None,
        float(np.median(away)) if len(away) else None,
        float(away.max()) if len(away) else None,
        tuple(2 * count / segments if segments else None for count in matches),
    )


def frame_phases(video: Video, ontology: Ontology, events: Sequence[Event]) -> NDArray[np.int64]:
    """Phase of every frame of a take under these events, -1 = not labelled."""
    return _frames(_segments(video, ontology, events), video.info.frame_count)


def _segments(video: Video, ontology: Ontology, events: Sequence[Event]) -> list[Segment]:
    times = video.info.times
    whole = Span(times.pts_at(0), times.end_pts)
    return [
        (phase.index, times.index_at(phase.span.start_pts), times.index_at(phase.span.end_pts - 1) + 1)
        for phase in phases_from_events(ontology, events, whole)
    ]


def _frames(segments: Sequence[Segment], count: int) -> NDArray[np.int64]:
    """Phase of every frame, -1 = not labelled."""
    phases = np.full(count, -1, np.int64)
    for phase, start, end in segments:
        phases[start:end] = phase
    return phases


def _moments(video: Video, events: Sequence[Event], key_event_uid: str) -> list[int]:
    return [video.info.times.index_at(e.pts) for e in events if e.key_event_uid == key_event_uid]
