"""How raters agree: people, label transfer and models, each pair over the takes that both labelled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations

from app.services.statistics import rater_of
from app.session import Session
from models.domain.agreement_by_phase import Account, Agreement, agreement
from models.domain.errors import KnownError
from models.domain.labels import Event, frame_phases
from models.domain.ontology import Ontology
from storage.videos import Video

Accounts = dict[str, dict[str, Account]]  # by rater and take


def agreement_of(session: Session) -> list[Agreement]:
    """One for each pair of raters that set events of the current ontology in the same take."""
    return _pairs(session.ontology(), _accounts(session))


def agreement_between(session: Session, names: Sequence[str] = ()) -> list[Agreement]:
    """As `agreement_of`, of the raters named (none = all). Raises KnownError when a name is unknown, fewer
    than two raters label, or no take is labelled by two."""
    accounts = _accounts(session)
    for name in names:
        if name not in accounts:
            raise KnownError(
                f"Nobody called '{name}' set events in this project.",
                hint=f"There are: {', '.join(accounts)}." if accounts else "Label some takes first.",
            )
    chosen = {name: accounts[name] for name in names or accounts}
    if len(chosen) < 2:
        who = f"only those of {next(iter(chosen))}" if chosen else "none"
        raise KnownError(
            f"Agreement needs labels from two sources; the project has {who}.",
            hint="Let a second person label under another name, or compare suggestions before accepting.",
        )
    found = _pairs(session.ontology(), chosen)
    if not found:
        raise KnownError(
            f"No take is labelled by two of {', '.join(chosen)}.",
            hint="Agreement compares labels of the same take.",
        )
    return found


def _pairs(ontology: Ontology, accounts: Accounts) -> list[Agreement]:
    found = []
    for first, second in combinations(accounts, 2):
        pairs = [
            (own, accounts[second][uid]) for uid, own in accounts[first].items() if uid in accounts[second]
        ]
        if pairs:
            events = [key.name for key in ontology.events]
            found.append(agreement(first, second, pairs, ontology.phases, events))
    return found


def _accounts(session: Session) -> Accounts:
    """What each rater says of the takes in which they set an event: people by name, suggestions last."""
    ontology = session.ontology()
    known = {key.uid for key in ontology.events}
    labelled: dict[tuple[bool, str], dict[str, list[Event]]] = defaultdict(lambda: defaultdict(list))
    for event in session.events():
        if event.key_event_uid in known:
            labelled[event.is_suggestion, rater_of(event)][event.video_uid].append(event)
    videos = session.videos()
    return {
        name: {v.uid: _account(v, ontology, by_take[v.uid]) for v in videos if v.uid in by_take}
        for (_, name), by_take in sorted(labelled.items())
    }


def _account(video: Video, ontology: Ontology, events: Sequence[Event]) -> Account:
    times = video.info.times
    frames = {
        key.name: tuple(times.index_at(e.pts) for e in events if e.key_event_uid == key.uid)
        for key in ontology.events
    }
    return Account(frame_phases(ontology, events, times), frames)
