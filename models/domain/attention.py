"""A moment of a take that wants a person's look, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """weight_s: seconds in doubt, what the list is sorted by. key_event_uid: "" = the take as such."""

    video_uid: str
    frame: int
    key_event_uid: str
    weight_s: float
    why: str


def ranked(looks: list[Look]) -> list[Look]:
    """The most doubtful first; of one moment of one take only the strongest reason."""
    best: dict[tuple[str, str], Look] = {}
    for look in looks:
        key = (look.video_uid, look.key_event_uid)
        if key not in best or look.weight_s > best[key].weight_s:
            best[key] = look
    return sorted(best.values(), key=lambda look: (-look.weight_s, look.video_uid, look.frame))
