"""Labels of the take on screen: keys and the mouse become commands, changes become what the views show."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.commands import (
    AcceptSuggestions,
    ChangeSet,
    DeleteEvents,
    DeleteInterval,
    MergeIntervals,
    MoveEvent,
    PutEvent,
    PutInterval,
    RejectSuggestions,
    SplitInterval,
)
from app.label_commands import accepted
from app.qt.workspace import Workspace
from models.domain.labels import Event, Interval, Phase, new_uid, phases_from_events
from models.domain.ontology import Ontology
from models.domain.timebase import Span
from storage import labels
from widgets.timeline import Timeline

DEFAULT_TIER = "notes"


class Labelling(QObject):
    """Keeps the labels of the take on screen and edits them."""

    labels_changed = Signal()
    in_out_changed = Signal(object, object)  # frame or None
    selected = Signal(str)  # uid of a label, "" for none

    def __init__(self, workspace: Workspace, timeline: Timeline) -> None:
        super().__init__(workspace)
        self.workspace, self.timeline = workspace, timeline
        self.ontology: Ontology | None = None
        self.events: list[Event] = []
        self.intervals: list[Interval] = []
        self.phases: tuple[Phase, ...] = ()
        self.selection = ""
        self._phase: int | None = None  # place among the phases of the one that was clicked
        self._in: int | None = None
        self._out: int | None = None
        workspace.take_changed.connect(self._on_take_changed)
        workspace.project_changed.connect(self.reload)
        workspace.frame_changed.connect(lambda _frame: self._show_in_out() if self._open_range else None)
        workspace.edited.connect(self._on_edited)
        timeline.phase_selected.connect(self._on_phase_selected)
        timeline.event_selected.connect(self.select)
        timeline.interval_selected.connect(self.select)
        timeline.event_moved.connect(self.move_event)
        timeline.interval_resized.connect(self.resize_interval)
        timeline.in_out_changed.connect(self.set_in_out)
        timeline.delete_requested.connect(self.delete)
        timeline.accept_requested.connect(lambda uid: self.accept([uid]))
        timeline.split_requested.connect(self.split)
        timeline.merge_requested.connect(self.merge)

    def actions(self) -> dict[str, Callable[[], object]]:
        """What the keys of this part do."""
        numbers = {f"label.{n}": (lambda n=n: self.set_by_number(n)) for n in range(1, 10)}
        return {
            **numbers,
            "interval.in": lambda: self.mark(start=True),
            "interval.out": lambda: self.mark(start=False),
            "interval.commit": self.commit_interval,
            "label.split": self.split_at_playhead,
            "label.merge": lambda: self.merge(self.selection),
            "label.delete": lambda: self.delete(self.selection),
            "edge.nudge_back": lambda: self.nudge(-1),
            "edge.nudge_on": lambda: self.nudge(1),
            "edge.previous": lambda: self.go_to_edge(-1),
            "edge.next": lambda: self.go_to_edge(1),
        }

    # ---- what is shown

    def reload(self) -> None:
        """Read the labels of the take on screen and show them."""
        session, take = self.workspace.session, self.workspace.take
        self.ontology = self.workspace.ontology()
        self.events, self.intervals, self.phases = [], [], ()
        if session is not None and take is not None:
            with session.project.reading() as tx:
                self.events, self.intervals = labels.events(tx, take.uid), labels.intervals(tx, take.uid)
            if self.ontology is not None:
                times = take.info.times
                whole = Span(int(times.pts[0]), times.end_pts)
                self.phases = phases_from_events(self.ontology, self.events, whole)
        if self.selection and self._selected() is None:
            self.select("")
        self.timeline.set_events(self.events, self.ontology)
        self.timeline.set_intervals(self.intervals)
        self.timeline.set_phases(self.phases)
        self.labels_changed.emit()

    def select(self, uid: str) -> None:
        """Select a label of the take on screen; "" selects none."""
        self._phase = None
        if uid != self.selection:
            self.selection = uid
            self.timeline.set_selection(uid or None)
            self.selected.emit(uid)

    def _on_phase_selected(self, place: int) -> None:
        self.select("")
        self._phase = place

    def _on_take_changed(self) -> None:
        self._in = self._out = None
        self.select("")
        self._show_in_out()
        self.reload()

    def _on_edited(self, change: ChangeSet) -> None:
        take = self.workspace.take
        mine = take is not None and (take.uid in change.videos or not change.videos)
        if "ontology" in change.kinds or (mine and {"events", "intervals"} & change.kinds):
            self.reload()

    # ---- key events

    def set_by_number(self, number: int) -> None:
        """Put the key event with keyboard key `number` at the playhead."""
        if self.ontology is None:
            return
        chosen = next((event for event in self.ontology.events if event.key == str(number)), None)
        if chosen is None:
            self.workspace.message.emit(f"{self.ontology.title} has no key event on {number}.")
        else:
            self.set_key_event(chosen.uid)

    def set_key_event(self, key_event_uid: str) -> None:
        """Put a key event at the playhead.

        The nearest suggestion of it is replaced; a label that is there already stays.
        """
        take = self.workspace.take
        if take is None or self.ontology is None:
            return
        pts = take.info.times.pts_at(self.workspace.frame)
        same = [event for event in self.events if event.key_event_uid == key_event_uid]
        if any(event.pts == pts and not event.is_suggestion for event in same):
            return
        suggestions = (event for event in same if event.is_suggestion)
        suggestion = min(suggestions, key=lambda event: abs(event.pts - pts), default=None)
        uid = suggestion.uid if suggestion else new_uid()
        name = self.ontology.event(key_event_uid).name
        event = Event(uid, take.uid, key_event_uid, pts, annotator=self.workspace.annotator)
        if self.workspace.do(PutEvent(event, f"set '{name}'")):
            self.workspace.message.emit(f"{name} at frame {self.workspace.frame}")
            self.select(uid)

    def move_event(self, uid: str, frame: int) -> None:
        take = self.workspace.take
        if take is not None:
            self.workspace.do(MoveEvent(uid, take.info.times.pts_at(frame), self.workspace.annotator))

    def accept(self, uids: Sequence[str]) -> None:
        if uids:
            self.workspace.do(AcceptSuggestions(tuple(uids), self.workspace.annotator))

    def reject(self, uids: Sequence[str]) -> None:
        if uids:
            self.workspace.do(RejectSuggestions(tuple(uids)))

    # ---- intervals

    def mark(self, *, start: bool) -> None:
        """Set the in or out point at the playhead; the frame at the out point is inside."""
        if self.workspace.take is None:
            return
        if start:
            self._in = self.workspace.frame
            self._out = self._out if self._out is not None and self._out > self._in else None
        else:
            self._out = self.workspace.frame + 1
            self._in = self._in if self._in is not None and self._in < self._out else None
        self._show_in_out()

    def set_in_out(self, start: int, stop: int) -> None:
        self._in, self._out = (start, stop) if stop > start else (None, None)
        self._show_in_out()

    def commit_interval(self) -> None:
        """Keep the range between in and out (else the playhead) as an interval on the tier of notes."""
        take, (start, stop) = self.workspace.take, self._range()
        if take is None or start is None or stop is None:
            self.workspace.message.emit("Mark a range first: I where it starts, O where it ends.")
            return
        times = take.info.times
        span = Span(times.pts_at(start), times.pts_at(stop))
        number = sum(interval.tier == DEFAULT_TIER for interval in self.intervals) + 1
        interval = Interval(
            new_uid(), take.uid, DEFAULT_TIER, f"range {number}", span, annotator=self.workspace.annotator
        )
        if self.workspace.do(PutInterval(interval)):
            self._in = self._out = None
            self._show_in_out()
            self.select(interval.uid)

    def rename_interval(self, uid: str, name: str, tier: str) -> None:
        interval = next((i for i in self.intervals if i.uid == uid), None)
        if interval is not None and (interval.name, interval.tier) != (name, tier):
            self.workspace.do(PutInterval(replace(interval, name=name, tier=tier), "rename interval"))

    def resize_interval(self, uid: str, start: int, stop: int) -> None:
        take = self.workspace.take
        interval = next((i for i in self.intervals if i.uid == uid), None)
        if take is None or interval is None or stop <= start:
            return
        span = Span(take.info.times.pts_at(start), take.info.times.pts_at(stop))
        if interval.is_suggestion:  # what a person moves is that person's, as with events
            interval = accepted(interval, self.workspace.annotator)
        self.workspace.do(PutInterval(replace(interval, span=span), "change interval"))

    def split(self, uid: str, frame: int) -> None:
        if self.workspace.take is not None:
            self.workspace.do(SplitInterval(uid, self.workspace.take.info.times.pts_at(frame)))

    def split_at_playhead(self) -> None:
        """Split the selected interval, or the one under the playhead."""
        take = self.workspace.take
        if take is None:
            return
        pts = take.info.times.pts_at(self.workspace.frame)
        under = [interval for interval in self.intervals if pts in interval.span]
        chosen = next((i for i in under if i.uid == self.selection), under[0] if under else None)
        if chosen is None:
            self.workspace.message.emit("There is no interval under the playhead to split.")
        else:
            self.split(chosen.uid, self.workspace.frame)

    def merge(self, uid: str) -> None:
        """Merge an interval with the next one on its tier."""
        first = next((i for i in self.intervals if i.uid == uid), None)
        if first is None:
            self.workspace.message.emit("Select the interval that is to be merged with the next one.")
            return
        later = [
            i for i in self.intervals if i.tier == first.tier and i.span.start_pts > first.span.start_pts
        ]
        if later:
            following = min(later, key=lambda i: i.span.start_pts)
            self.workspace.do(MergeIntervals((first.uid, following.uid)))
        else:
            self.workspace.message.emit(f"No interval follows “{first.name}” on its tier.")

    # ---- both

    def delete(self, uid: str) -> None:
        if any(event.uid == uid for event in self.events):
            self.workspace.do(DeleteEvents((uid,)))
        elif any(interval.uid == uid for interval in self.intervals):
            self.workspace.do(DeleteInterval(uid))
        else:
            self.workspace.message.emit("Select a label first: click it on the timeline.")

    def set_note(self, uid: str, note: str) -> None:
        """Change the note of any label of the project."""
        if self.workspace.session is None:
            return
        with self.workspace.session.project.reading() as tx:
            event, interval = labels.find_event(tx, uid), labels.find_interval(tx, uid)
        if event is not None:
            self.workspace.do(PutEvent(replace(event, note=note), "edit note"))
        elif interval is not None:
            self.workspace.do(PutInterval(replace(interval, note=note), "edit note"))

    def nudge(self, frames: int) -> None:
        """Move the selected event, or the edge of the selected interval that is nearest to the playhead."""
        take, chosen = self.workspace.take, self._selected()
        if take is None or chosen is None:
            self.workspace.message.emit("Select a label first.")
            return
        times = take.info.times
        if isinstance(chosen, Event):
            frame = min(max(times.index_at(chosen.pts) + frames, 0), len(times) - 1)
            self.move_event(chosen.uid, frame)
            self.workspace.go_to(frame)
            return
        start, stop = times.index_at(chosen.span.start_pts), self._stop_frame(chosen)
        if abs(self.workspace.frame - start) <= abs(self.workspace.frame - stop):
            start = max(0, start + frames)
        else:
            stop = min(len(times), stop + frames)
        self.resize_interval(chosen.uid, start, stop)

    def go_to_edge(self, direction: int) -> None:
        """Jump to the previous or next label edge."""
        edges = self.edges()
        frame = self.workspace.frame
        place = bisect_left(edges, frame) - 1 if direction < 0 else bisect_right(edges, frame)
        if 0 <= place < len(edges):
            self.workspace.go_to(edges[place])

    def edges(self) -> list[int]:
        """Frames at which a label of the take begins or ends, sorted."""
        take = self.workspace.take
        if take is None:
            return []
        pts = [event.pts for event in self.events]
        pts += [i.span.start_pts for i in self.intervals] + [i.span.end_pts for i in self.intervals]
        found = np.searchsorted(take.info.times.pts, np.array(pts, dtype=np.int64), side="right") - 1
        return sorted({int(np.clip(f, 0, take.info.frame_count - 1)) for f in found})

    def selected_range(self) -> tuple[int, int] | None:
        """Frames [start, stop) of the selected interval or phase, else of the phase under the playhead."""
        take, chosen = self.workspace.take, self._selected()
        if take is None:
            return None
        times = take.info.times
        if isinstance(chosen, Interval):
            return times.index_at(chosen.span.start_pts), self._stop_frame(chosen)
        pts = times.pts_at(self.workspace.frame)
        clicked = (
            self.phases[self._phase] if self._phase is not None and self._phase < len(self.phases) else None
        )
        phase = clicked or next((p for p in self.phases if pts in p.span), None)
        if phase is None:
            return None
        return int(np.searchsorted(times.pts, phase.span.start_pts)), int(
            np.searchsorted(times.pts, phase.span.end_pts)
        )

    def _stop_frame(self, interval: Interval) -> int:
        take = self.workspace.take
        assert take is not None
        return int(np.searchsorted(take.info.times.pts, interval.span.end_pts))

    def _selected(self) -> Event | Interval | None:
        shown: list[Event | Interval] = [*self.events, *self.intervals]
        return next((label for label in shown if label.uid == self.selection), None)

    @property
    def _open_range(self) -> bool:
        """Whether a range was begun that ends, for now, at the playhead."""
        return self._in is not None and self._out is None

    def _range(self) -> tuple[int | None, int | None]:
        """The range that is marked, [start, stop); None where it has no end yet."""
        after = self.workspace.frame + 1
        if self._in is None or self._out is not None or after <= self._in:
            return self._in, self._out
        return self._in, after

    def _show_in_out(self) -> None:
        start, stop = self._range()
        self.timeline.set_in_out(start, stop if start is not None else None)
        self.in_out_changed.emit(self._in, self._out)
