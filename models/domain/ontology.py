"""Ontologies: the ordered key events of an action, and the phases between them.

The scheme is that of TCC (Dwibedi et al., CVPR 2019, Table 2): n key events divide an action into n + 1
phases; Start and End of the take are implicit. Key events have an identity (`uid`) that survives renaming.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from models.domain.errors import KnownError

# Okabe & Ito's palette, in the order used for phases (safe for colour-blind readers).
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#F0E442", "#56B4E9", "#E69F00", "#999999")


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """A named moment. key: the keyboard key that sets it at the playhead ("1".."9", or "")."""

    uid: str
    name: str
    color: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Ontology:
    """Ordered key events of an action and names of the phases between them.

    phases: names of the len(events) + 1 intervals from Start to End.
    """

    uid: str
    name: str
    title: str
    events: tuple[KeyEvent, ...]
    phases: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.phases) != len(self.events) + 1:
            raise ValueError(f"{len(self.events)} key events make {len(self.events) + 1} phases")
        if len({event.uid for event in self.events}) != len(self.events):
            raise ValueError("key event uids repeat")

    def position(self, key_event_uid: str) -> int:
        """Place of a key event in the order; KeyError when it is not one of this ontology."""
        for i, event in enumerate(self.events):
            if event.uid == key_event_uid:
                return i
        raise KeyError(key_event_uid)

    def event(self, key_event_uid: str) -> KeyEvent:
        return self.events[self.position(key_event_uid)]

    def phase_color(self, phase: int) -> str:
        return PALETTE[phase % len(PALETTE)]


def default_phase_names(event_names: tuple[str, ...]) -> tuple[str, ...]:
    """Phase names for an action whose phases have no published names."""
    if not event_names:
        return ("whole take",)
    between = tuple(f"{a} → {b}" for a, b in pairwise(event_names))
    return (f"to {event_names[0]}", *between, f"after {event_names[-1]}")


def make_ontology(
    name: str, title: str, event_names: tuple[str, ...], phases: tuple[str, ...] = ()
) -> Ontology:
    """An ontology with palette colours, keys 1..9, and uids derived from the names."""
    events = tuple(
        KeyEvent(f"{name}/{i}", event, PALETTE[i % len(PALETTE)], str(i + 1) if i < 9 else "")
        for i, event in enumerate(event_names)
    )
    return Ontology(name, name, title, events, phases or default_phase_names(event_names))


@cache
def ontology_names() -> tuple[str, ...]:
    """Names of the ontologies that ship with the program."""
    folder = files("resources").joinpath("ontologies")
    return tuple(sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json")))


@cache
def load_ontology(name: str) -> Ontology:
    """A shipped ontology. Raises KnownError when there is none of that name."""
    if name not in ontology_names():
        raise KnownError(
            f"There is no ontology called '{name}'.", hint=f"Known: {', '.join(ontology_names())}."
        )
    data = json.loads(files("resources").joinpath("ontologies", f"{name}.json").read_text("utf-8"))
    return make_ontology(data["name"], data["title"], tuple(data["events"]), tuple(data.get("phases", ())))
