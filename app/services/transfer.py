"""Copy the key events of one take to others along their alignment, as suggestions for review."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.commands import DeleteEvents, PutEvents, Together
from app.session import Session
from models.domain.alignment import Alignment
from models.domain.errors import KnownError
from models.domain.labels import Event, LabelOrigin, new_uid
from storage import alignments, labels
from storage.videos import Video


def transfer_events(session: Session, source: Video, targets: Sequence[Video]) -> list[Event]:
    """Suggest the source's events in every target; one undo step. Returns the suggestions.

    Earlier suggestions of the same key events are replaced; a person's labels are never touched, and no
    suggestion is made for a key event that a person has already set in the target. Raises KnownError when
    the source has no events or a target is not aligned to it.
    """
    with session.project.reading() as tx:
        originals = [event for event in labels.events(tx, source.uid) if not event.is_suggestion]
        if not originals:
            raise KnownError(f"Take '{source.name}' has no events to transfer.", hint="Label it first.")
        suggested: list[Event] = []
        replaced: list[str] = []
        for target in (video for video in targets if video.uid != source.uid):
            alignment = alignments.get(tx, source.uid, target.uid)
            if alignment is None:
                reverse = alignments.get(tx, target.uid, source.uid)
                alignment = reverse.inverse() if reverse else None
            if alignment is None:
                raise KnownError(
                    f"Take '{target.name}' is not aligned to '{source.name}'.",
                    hint=f"Run 'align' with '{source.name}' as the reference first.",
                )
            present = labels.events(tx, target.uid)
            set_by_people = {event.key_event_uid for event in present if not event.is_suggestion}
            chosen = [event for event in originals if event.key_event_uid not in set_by_people]
            names = {event.key_event_uid for event in chosen}
            replaced += [e.uid for e in present if e.is_suggestion and e.key_event_uid in names]
            suggested += [transferred(event, alignment, source, target) for event in chosen]
    if suggested:
        put = PutEvents(tuple(suggested))
        text = f"transfer {len(suggested)} events from {source.name}"
        session.history.do(Together(text, (DeleteEvents(tuple(replaced)), put) if replaced else (put,)))
    return suggested


def transferred(event: Event, alignment: Alignment, source: Video, target: Video) -> Event:
    """The event at the matching frame of the target, with how sure the alignment is of it.

    Uncertainty in frames: half the width of the match plus the cycle error around it. Confidence:
    1 / (1 + uncertainty as a share of a tenth of the take), so that ±10 % of the take gives one half.
    """
    frame = source.info.times.index_at(event.pts)
    index = min(alignment.map_index(frame), target.info.frame_count - 1)
    first, last = alignment.matches(frame)
    near = np.abs(alignment.path[:, 0] - frame) <= 3
    errors = alignment.cycle_error[near]
    cycle = float(np.nanmedian(errors)) if np.isfinite(errors).any() else 0.0
    uncertainty = max(1.0, (last - first) / 2 + cycle)
    confidence = 1 / (1 + uncertainty / max(1.0, 0.1 * target.info.frame_count))
    return Event(
        new_uid(),
        target.uid,
        event.key_event_uid,
        target.info.times.pts_at(index),
        LabelOrigin.TRANSFERRED,
        round(event.confidence * confidence, 4),
        round(uncertainty, 2),
        event.annotator,
        f"from {source.name}",
    )
