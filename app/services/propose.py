"""The few-shot mode: learn the phases from labelled takes, and propose events in the others.

Each take is decoded through the ontology's order of phases; where an event lies and how sure that is follow
from the posterior (see `models.domain.phase_path`). More accepted labels make better proposals: run it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.commands import PutSuggestions
from app.services.phase_vectors import Rows, vectors_of
from app.session import Session
from models.domain.errors import KnownError
from models.domain.labels import Event, LabelOrigin, frame_phases, new_uid
from models.domain.ontology import Ontology
from models.domain.phase_path import Boundary, boundaries
from models.domain.progress import Progress
from storage import labels, ontologies
from storage.videos import Video

# Seconds over which frames look alike, so that they count as one look; a classifier that has seen few takes
# is surer of itself than it should be. The stated intervals hold the truth about four times in five (derived
# events of Penn Action, training clips; `python -m tests.perf.suggestion_coverage`).
LOOK_S = 0.33
LIKELY = 0.5  # an event is proposed from this probability on
WIDEST = 0.4  # of the take: an interval that is wider to either side says nothing


@dataclass(frozen=True, slots=True)
class Proposals:
    """events: what was proposed; left_out: lines for people; model: what it was learnt on, such as "logistic
    on poses-3d"; examples: labelled takes it was learnt from."""

    events: tuple[Event, ...] = ()
    left_out: tuple[str, ...] = ()
    model: str = ""
    examples: int = 0


def propose_events(
    session: Session,
    report: Callable[[Proposals], object],
    *,
    targets: Sequence[Video] | None = None,
    model: str | None = None,
    kind: str = "logistic",
    store: bool = True,
) -> Iterator[Progress]:
    """Train on people's events of the current ontology and propose events in the takes that lack some.

    targets: None = every take. model: name or file of an encoder (None: the poses themselves).
    store: put the suggestions into the project, one undo step; earlier suggestions of the same key events are
    replaced, people's labels never touched. Raises KnownError when no take is labelled enough.
    """
    from models.run.phase_model import train

    with session.project.reading() as tx:
        ontology = ontologies.current(tx)
        known = {video.uid: labels.events(tx, video.uid) for video in session.videos()}
    takes = [video for video in session.videos()]
    by_people = {uid: [e for e in events if not e.is_suggestion] for uid, events in known.items()}
    phases = {v.uid: frame_phases(ontology, by_people[v.uid], v.info.times) for v in takes}
    labelled = [video for video in takes if len(np.unique(phases[video.uid][phases[video.uid] >= 0])) > 1]
    if not labelled:
        raise KnownError(
            f"No take has key events of '{ontology.title}' to learn from.",
            hint="Label all key events of at least one take, then propose.",
        )
    open_takes = [
        video for video in (takes if targets is None else targets) if _lacks(video, ontology, by_people)
    ]
    total = len(open_takes) + 2
    yield Progress(0, total, "reading the frames' vectors")
    every = list({video.uid: video for video in (*labelled, *open_takes)}.values())
    vectors = yield from vectors_of(session, every, model)
    examples = [video for video in labelled if video.uid in vectors.rows]
    if not examples:
        raise KnownError("The labelled takes have no poses to learn from.", hint="Find their poses first.")
    yield Progress(1, total, f"learning from {len(examples)} takes")
    rows = [side for video in examples for side in vectors.rows[video.uid]]
    targets_of = [phases[video.uid] for video in examples for _ in vectors.rows[video.uid]]
    trained = train(rows, targets_of, len(ontology.phases), "svc" if kind == "svc" else "logistic")
    name = f"{trained.kind} on {vectors.model}"
    found: list[Event] = []
    left_out = list(vectors.left_out)
    for done, video in enumerate(open_takes):
        yield Progress(done + 2, total, f"proposing in {video.name}")
        if video.uid not in vectors.rows:
            continue
        looks = LOOK_S * (1 + 1 / len(examples)) * video.info.times.fps
        marks = decoded(trained.log_probability, vectors.rows[video.uid], looks)
        set_already = {event.key_event_uid for event in by_people[video.uid]}
        absent = []
        for key, mark in zip(ontology.events, marks, strict=True):
            if key.uid in set_already:
                continue
            if mark.present < LIKELY or mark.half_width > WIDEST * video.info.frame_count:
                absent.append(key.name)
            else:
                found.append(_event(video, key.uid, mark, name, len(examples)))
        if absent:
            left_out.append(f"{video.name}: nothing like {', '.join(absent)} was found")
    if found and store:
        text = f"propose {len(found)} events"
        session.history.do(PutSuggestions(tuple(found), (), text))
    report(Proposals(tuple(found), tuple(left_out), name, len(examples)))
    yield Progress(total, total, f"{len(found)} events proposed")


def decoded(
    log_probability: Callable[[Rows], NDArray[np.float64]], sides: Sequence[Rows], frames_per_look: float
) -> list[Boundary]:
    """Where each event lies in a take; of two sides a take may be seen from, the likelier one counts."""
    found = [boundaries(log_probability(rows), frames_per_look) for rows in sides]
    return max(found, key=lambda pair: pair[1])[0]


def _lacks(video: Video, ontology: Ontology, by_people: dict[str, list[Event]]) -> bool:
    """Whether a key event is not set in a take, and there is room for one."""
    there = {event.key_event_uid for event in by_people.get(video.uid, ())}
    return video.info.frame_count > 1 and any(key.uid not in there for key in ontology.events)


def _event(video: Video, key_event_uid: str, mark: Boundary, name: str, examples: int) -> Event:
    count = video.info.frame_count
    width = max(1.0, mark.half_width)
    return Event(
        new_uid(),
        video.uid,
        key_event_uid,
        video.info.times.pts_at(min(mark.frame, count - 1)),
        LabelOrigin.MODEL,
        round(mark.present / (1 + width / max(1.0, 0.1 * count)), 4),
        round(width, 2),
        note=f"from {examples} labelled take{'s' if examples > 1 else ''}",
        model=name,
    )
