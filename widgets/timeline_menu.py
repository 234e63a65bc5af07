"""What the context menu of the timeline offers for the thing under the mouse."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from widgets.timeline_content import Hit, HitKind, event_frame, span_frames, span_of

if TYPE_CHECKING:
    from widgets.timeline import Timeline

Entry = tuple[str, Callable[[], None] | None]
_SEPARATOR: Entry = ("", None)


def menu_entries(timeline: Timeline, hit: Hit) -> list[Entry]:
    """Texts and what they do; `None` instead of an action is a separator."""
    if timeline.axis is None:
        return []
    times = timeline.axis.times
    if hit.kind is HitKind.EVENT:
        frame = event_frame(timeline.content, hit.uid, times)
        entries: list[Entry] = [(f"Jump to frame {frame}", lambda: timeline.jump_to(frame))]
        if timeline.content.events.events[hit.row].is_suggestion:
            entries.append(("Accept suggestion", lambda: timeline.accept_requested.emit(hit.uid)))
        return [*entries, _SEPARATOR, ("Delete event", lambda: timeline.delete_requested.emit(hit.uid))]
    span = span_of(timeline.content, hit)
    if span is None:
        return [
            (f"Jump to frame {hit.index}", lambda: timeline.jump_to(hit.index)),
            ("Show whole take", timeline.fit),
        ]
    first, stop = span_frames(span, times)
    entries = [
        (f"Jump to start, frame {first}", lambda: timeline.jump_to(first)),
        (f"Jump to end, frame {stop - 1}", lambda: timeline.jump_to(stop - 1)),
    ]
    if not hit.uid:
        return entries
    entries.append(_SEPARATOR)
    interval = timeline.content.interval(hit.uid)
    if interval is not None and interval.is_suggestion:
        entries.append(("Accept suggestion", lambda: timeline.accept_requested.emit(hit.uid)))
    if first < hit.index < stop:
        entries.append(
            (f"Split here, frame {hit.index}", lambda: timeline.split_requested.emit(hit.uid, hit.index))
        )
    return [
        *entries,
        ("Name…", lambda: timeline.rename_requested.emit(hit.uid)),
        ("Merge with next", lambda: timeline.merge_requested.emit(hit.uid)),
        ("Delete interval", lambda: timeline.delete_requested.emit(hit.uid)),
    ]
