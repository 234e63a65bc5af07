"""Who labelled what in a project, and how any two of them agree, phase by phase and event by event."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from app.services.agreement import frame_phases
from app.services.statistics import rater_of
from app.session import Session
from models.domain.agreement_by_phase import Account, Agreement, agreement
from models.domain.errors import KnownError
from models.domain.ontology import Ontology


def sources(session: Session) -> list[str]:
    """Everybody who set an event of the current ontology, by name; suggestions last."""
    ontology = session.ontology()
    known = {event.uid for event in ontology.events}
    events = [event for event in session.events() if event.key_event_uid in known]
    found = {(event.is_suggestion, rater_of(event)) for event in events}
    return [name for _, name in sorted(found)]


def agreements(session: Session, names: Sequence[str] = ()) -> list[Agreement]:
    """Every pair of sources (of those named), over the takes that both label.

    Raises KnownError when a name is unknown, fewer than two sources label, or no take is labelled by two.
    """
    known = sources(session)
    for name in names:
        if name not in known:
            raise KnownError(
                f"Nobody called '{name}' set events in this project.",
                hint=f"There are: {', '.join(known)}." if known else "Label some takes first.",
            )
    chosen = list(names) or known
    if len(chosen) < 2:
        who = f"only those of {chosen[0]}" if chosen else "none"
        raise KnownError(
            f"Agreement needs labels from two sources; the project has {who}.",
            hint="Let a second person label under another name, or compare suggestions before accepting.",
        )
    ontology = session.ontology()
    accounts = {name: _accounts(session, name, ontology) for name in chosen}
    found = []
    for first, second in combinations(chosen, 2):
        shared = [uid for uid in accounts[first] if uid in accounts[second]]
        if shared:
            pairs = [(accounts[first][uid], accounts[second][uid]) for uid in shared]
            events = [event.name for event in ontology.events]
            found.append(agreement(first, second, pairs, ontology.phases, events))
    if not found:
        raise KnownError(
            f"No take is labelled by two of {', '.join(chosen)}.",
            hint="Agreement compares labels of the same take.",
        )
    return found


def _accounts(session: Session, name: str, ontology: Ontology) -> dict[str, Account]:
    """What a source says of each take in which it set an event."""
    found = {}
    for video in session.videos():
        own = [event for event in session.events(video.uid) if rater_of(event) == name]
        frames = {
            key.name: tuple(video.info.times.index_at(e.pts) for e in own if e.key_event_uid == key.uid)
            for key in ontology.events
        }
        if any(frames.values()):
            found[video.uid] = Account(frame_phases(video, ontology, own), frames)
    return found
