"""Ontologies of a project. Key events keep their uid when they are renamed, so labels follow."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from models.domain.errors import KnownError
from models.domain.ontology import KeyEvent, Ontology
from storage import settings
from storage.schema import events, key_events, ontologies, upsert

_CURRENT = "ontology"
_PUT = upsert(ontologies, keep=("position",))
_PUT_KEY_EVENT = upsert(key_events, keep=("ontology_uid",))


def save(tx: Connection, ontology: Ontology) -> None:
    """Insert an ontology or replace the one with the same uid.

    Raises KnownError when a key event that labels use would be lost, or the name is another ontology's.
    """
    same_name = ontologies.c.name == ontology.name
    if tx.execute(select(ontologies.c.uid).where(same_name, ontologies.c.uid != ontology.uid)).first():
        message = f"There is already an ontology called '{ontology.name}'."
        raise KnownError(message, hint="Choose another name.")
    kept = {event.uid for event in ontology.events}
    foreign = key_events.c.uid.in_(kept) & (key_events.c.ontology_uid != ontology.uid)
    if tx.execute(select(key_events.c.uid).where(foreign)).first():
        raise ValueError("a key event cannot belong to two ontologies")
    for old in tx.execute(select(key_events).where(key_events.c.ontology_uid == ontology.uid)).fetchall():
        if old.uid not in kept:
            _drop(tx, old.uid, old.name)
    row = {
        "uid": ontology.uid,
        "position": _next_position(tx),
        "name": ontology.name,
        "title": ontology.title,
        "phases": list(ontology.phases),
    }
    tx.execute(_PUT, row)
    for position, event in enumerate(ontology.events):
        row = {
            "uid": event.uid,
            "ontology_uid": ontology.uid,
            "position": position,
            "name": event.name,
            "color": event.color,
            "key": event.key,
        }
        tx.execute(_PUT_KEY_EVENT, row)


def get(tx: Connection, uid: str) -> Ontology:
    """The ontology `uid`; KnownError when the project has none such."""
    row = tx.execute(select(ontologies).where(ontologies.c.uid == uid)).first()
    if row is None:
        known = ", ".join(ontology.name for ontology in all_ontologies(tx))
        raise KnownError(f"The project has no ontology '{uid}'.", hint=f"It has: {known}.")
    found = tx.execute(
        select(key_events).where(key_events.c.ontology_uid == uid).order_by(key_events.c.position)
    )
    marks = tuple(KeyEvent(r.uid, r.name, r.color, r.key) for r in found)
    return Ontology(row.uid, row.name, row.title, marks, tuple(row.phases))


def all_ontologies(tx: Connection) -> list[Ontology]:
    """Every ontology of the project, in the order they were added."""
    uids = tx.execute(select(ontologies.c.uid).order_by(ontologies.c.position)).scalars().all()
    return [get(tx, uid) for uid in uids]


def current(tx: Connection) -> Ontology:
    """The ontology that number keys label with."""
    return get(tx, settings.get(tx, _CURRENT, ""))


def set_current(tx: Connection, uid: str) -> None:
    """Choose the ontology that number keys label with; KnownError when the project has none such."""
    get(tx, uid)
    settings.put(tx, _CURRENT, uid)


def remove(tx: Connection, uid: str) -> None:
    """Remove an ontology. Raises KnownError when it is the current one or labels use it."""
    ontology = get(tx, uid)
    if settings.get(tx, _CURRENT) == uid:
        raise KnownError(f"'{ontology.title}' is the current ontology.", hint="Choose another one first.")
    for event in ontology.events:
        _drop(tx, event.uid, event.name)
    tx.execute(delete(ontologies).where(ontologies.c.uid == uid))


def uses(tx: Connection, key_event_uid: str) -> int:
    """How many labels use a key event."""
    return int(tx.execute(select(func.count()).where(events.c.key_event_uid == key_event_uid)).scalar_one())


def _drop(tx: Connection, key_event_uid: str, name: str) -> None:
    used = uses(tx, key_event_uid)
    if used:
        raise KnownError(
            f"'{name}' is used by {used} label{'s' if used > 1 else ''}.",
            hint="Delete these labels first, or confirm that they go with it.",
        )
    tx.execute(delete(key_events).where(key_events.c.uid == key_event_uid))


def _next_position(tx: Connection) -> int:
    return int(tx.execute(select(func.coalesce(func.max(ontologies.c.position) + 1, 0))).scalar_one())
