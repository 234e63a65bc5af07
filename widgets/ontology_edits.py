"""Edits of an ontology as pure functions: each takes an ontology and gives a new one; uids never change.

Phases that still carry their made-up name ("a → b") follow when their events are renamed, moved or removed;
names given by a person stay.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from models.domain.labels import new_uid
from models.domain.ontology import PALETTE, KeyEvent, Ontology, default_phase_names

KEYS = tuple("123456789")


def add_event(ontology: Ontology, name: str) -> Ontology:
    """A new last key event with the next colour and the first free key."""
    used = {event.key for event in ontology.events}
    color = PALETTE[len(ontology.events) % len(PALETTE)]
    event = KeyEvent(new_uid(), name, color, next((key for key in KEYS if key not in used), ""))
    return _with_events(ontology, (*ontology.events, event), (*ontology.phases, ""))


def remove_event(ontology: Ontology, index: int) -> Ontology:
    """Without one key event; the phases around it become one under the name of the first."""
    events = ontology.events[:index] + ontology.events[index + 1 :]
    return _with_events(ontology, events, ontology.phases[: index + 1] + ontology.phases[index + 2 :])


def move_event(ontology: Ontology, index: int, to: int) -> Ontology:
    """A key event at another place in the order; names of phases stay in their places. Clamped."""
    events = list(ontology.events)
    moved = events.pop(index)
    events.insert(min(max(0, to), len(events)), moved)
    return _with_events(ontology, tuple(events), ontology.phases)


def change_event(
    ontology: Ontology,
    index: int,
    *,
    name: str | None = None,
    color: str | None = None,
    key: str | None = None,
) -> Ontology:
    """A key event with another name, colour or key."""
    old = ontology.events[index]
    new = replace(
        old,
        name=old.name if name is None else name,
        color=old.color if color is None else color,
        key=old.key if key is None else key,
    )
    events = (*ontology.events[:index], new, *ontology.events[index + 1 :])
    return _with_events(ontology, events, ontology.phases)


def change_phase(ontology: Ontology, index: int, name: str) -> Ontology:
    """A phase under another name; an empty name gives the made-up one back."""
    name = name or default_phase_names(_names(ontology.events))[index]
    return replace(ontology, phases=(*ontology.phases[:index], name, *ontology.phases[index + 1 :]))


def change_title(ontology: Ontology, title: str) -> Ontology:
    return replace(ontology, title=title)


def problems(ontology: Ontology) -> list[str]:
    """What has to be mended before the ontology can be used, one line each."""
    found = []
    if not ontology.title.strip():
        found.append("The ontology needs a name.")
    if any(not event.name.strip() for event in ontology.events):
        found.append("Every key event needs a name.")
    names = Counter(event.name.strip().casefold() for event in ontology.events if event.name.strip())
    found += [f"Two key events are called “{name}”." for name, count in names.items() if count > 1]
    for key, count in Counter(event.key for event in ontology.events if event.key).items():
        if count > 1:
            who = ", ".join(event.name for event in ontology.events if event.key == key)
            found.append(f"The key {key} is used {count} times: {who}.")
    return found


def _with_events(ontology: Ontology, events: tuple[KeyEvent, ...], phases: tuple[str, ...]) -> Ontology:
    made_up = set(default_phase_names(_names(ontology.events)))
    fresh = default_phase_names(_names(events))
    named = tuple(new if old in made_up or not old else old for old, new in zip(phases, fresh, strict=True))
    return replace(ontology, events=events, phases=named)


def _names(events: tuple[KeyEvent, ...]) -> tuple[str, ...]:
    return tuple(event.name for event in events)
