"""Frames that want a look: found off the window's thread, walked with N and P, mended or kept by key."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.commands import SetJoints
from app.qt.latest import Latest
from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.preferences import Preferences
from app.qt.workspace import Workspace
from models.domain.doubts import Doubt, Finding, Thresholds, find_doubts
from models.domain.mends import LONGEST_BRIDGE, mend
from widgets.canvas_gestures import Selection
from widgets.doubt_list import COLORS, SHAPES, DoubtList, finding_text, frames_text
from widgets.review_panel import ReviewPanel
from widgets.timeline import Timeline
from widgets.timeline_frames import FrameMark, FrameMarks

LANE, NAME = "to check", "doubts"
SETTLE_MS = 120


class Doubting(QObject):
    """Controller of the queue of doubtful frames."""

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        preferences: Preferences,
        latest: Latest,
        panel: ReviewPanel,
        timeline: Timeline,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.playback, self.posing = workspace, playback, posing
        self.preferences, self.latest = preferences, latest
        self.panel, self.timeline = panel, timeline
        self.queue: DoubtList = panel.frames
        self.findings: list[Finding] = []
        self._looking = False  # what is found is not known yet
        self.current: Finding | None = None
        self._kept: dict[str, list[Finding]] = {}  # by track
        self._soon = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._soon.timeout.connect(self._look)
        self.queue.set_limits(_limits_of(preferences.get("doubts")))
        self.queue.limits_changed.connect(self._on_limits)
        self.queue.chosen.connect(self.show_finding)
        self.queue.mend_requested.connect(self.mend)
        self.queue.keep_requested.connect(self.keep)
        self.queue.forget_kept_requested.connect(self.forget_kept)
        panel.frames_chosen.connect(self._on_frames_chosen)
        posing.poses_changed.connect(self._on_poses_changed)
        workspace.take_changed.connect(self._on_take_changed)
        timeline.frame_mark_chosen.connect(lambda lane, row: self.show_finding(row) if lane == LANE else None)

    @property
    def active(self) -> bool:
        """Whether N and P walk these frames."""
        return self.panel.shows_frames

    @property
    def _answers(self) -> bool:
        return self.active and self.timeline.isVisible()  # the compare page has suggestions only

    def actions(self, others: dict[str, Callable[[], object]]) -> dict[str, Callable[[], object]]:
        """N, P, A and X act on the queue that is chosen; others: what they do in the queue of suggestions."""
        mine: dict[str, Callable[[], object]] = {
            "review.next": lambda: self.go(1),
            "review.previous": lambda: self.go(-1),
            "review.accept": lambda: self._with_current(self.keep),
            "review.reject": lambda: self._with_current(self.mend),
        }
        return {id_: partial(self._act, mine[id_], others[id_]) for id_ in mine}

    def _act(self, mine: Callable[[], object], other: Callable[[], object]) -> None:
        (mine if self._answers else other)()

    # ---- walking

    def go(self, step: int) -> None:
        """Show the next or previous finding, round and round; at first from the playhead on."""
        if not self.findings:
            looking = self._looking or self._soon.isActive()
            text = "Still looking through the take." if looking else "Nothing doubtful with these thresholds."
            self.workspace.message.emit(text)
            return
        if self.current in self.findings:
            row = self.findings.index(self.current) + step
        else:
            key = _key(self.current) if self.current else (self.workspace.frame,)
            keys = [_key(finding) for finding in self.findings]
            row = bisect_left(keys, key) if step > 0 else bisect_right(keys, key) - 1
        self.show_finding(row % len(self.findings))

    def show_finding(self, row: int) -> None:
        """Go to a finding's worst frame, with its worst joint selected: Shift+S and Shift+I act on it."""
        finding = self.current = self.findings[row]
        self.playback.scrub(finding.frame)
        self.posing.select(Selection(finding.person, finding.joints[0] if finding.joints else None))
        self.queue.select(row)
        self._show_marks(row)
        skeleton = self.posing.skeleton
        if skeleton is not None:
            text = finding_text(finding, skeleton, self.posing.track.people if self.posing.track else 1)
            place = f"{row + 1} of {len(self.findings)}"
            self.workspace.message.emit(f"{finding.kind.value}: {text}, {frames_text(finding)} · {place}")

    # ---- deciding

    def mend(self, row: int) -> None:
        """The natural mend of a finding, as one undo step."""
        track, info, skeleton = self.posing.track, self.posing.info, self.posing.skeleton
        if track is None or info is None or skeleton is None or not 0 <= row < len(self.findings):
            return
        finding = self.current = self.findings[row]
        edit = mend(track, finding, skeleton)
        if not len(edit):
            why = f"longer than {LONGEST_BRIDGE} frames, or its ends are not seen"
            self.workspace.message.emit(f"Not mended: {why}. Correct some frames, then Shift+I.")
            return
        text = f"mend {finding.kind.value}, {frames_text(finding)}"
        self.workspace.do(SetJoints(info.uid, edit.places, edit.values, edit.origin, text))

    def keep(self, row: int) -> None:
        """A finding is right as it is: off the list, also the next time this project is opened."""
        if self.posing.info is None or not 0 <= row < len(self.findings):
            return
        self.current = self.findings[row]
        kept = self._kept_here()
        kept.append(self.current)
        self._save_kept(kept)
        self._look()

    def forget_kept(self) -> None:
        """Show again what was kept."""
        self._save_kept([])
        self._look()

    def _with_current(self, decide: Callable[[int], None]) -> None:
        if self.current in self.findings:
            decide(self.findings.index(self.current))
        else:
            self.workspace.message.emit("Choose a frame first: N goes to the next one.")

    # ---- finding

    def _look(self) -> None:
        track, skeleton, limits = self.posing.track, self.posing.skeleton, self.queue.limits
        if not self.active:
            return
        if track is None or skeleton is None:
            self.latest.forget(NAME)
            self._take([])
        else:
            self._looking = True
            self.latest.ask(NAME, lambda: find_doubts(track, skeleton, limits), self._take)

    def _take(self, found: list[Finding]) -> None:
        self._looking = False
        kept = self._kept_here()
        left = (finding for finding in found if not any(_covers(k, finding) for k in kept))
        self.findings = sorted(left, key=_key)
        self.current = next((f for f in self.findings if _same(f, self.current)), self.current)
        row = self.findings.index(self.current) if self.current in self.findings else -1
        counts = Counter(finding.kind for finding in self.findings)
        people = self.posing.track.people if self.posing.track else 1
        self.queue.set_findings(
            self.findings, self.posing.skeleton, people, dict(counts), len(found) - len(self.findings), row
        )
        self._show_marks(row)

    def _show_marks(self, row: int) -> None:
        skeleton, track = self.posing.skeleton, self.posing.track
        if not self.active or skeleton is None or track is None:
            self.timeline.set_frame_marks(LANE, None)
            return
        marks = [
            FrameMark(
                finding.frame,
                finding.start,
                finding.stop,
                SHAPES[finding.kind],
                COLORS[finding.kind],
                f"{finding.kind.value}: {finding_text(finding, skeleton, track.people)}",
            )
            for finding in self.findings
        ]
        self.timeline.set_frame_marks(LANE, FrameMarks.of(LANE, marks), row)

    def _on_frames_chosen(self, frames: bool) -> None:
        if frames:
            self._look()
        else:
            self._show_marks(-1)

    def _on_poses_changed(self) -> None:
        if self.active:
            self._soon.start()

    def _on_take_changed(self) -> None:
        self.current = None
        self.findings = []
        self._kept.clear()
        self._on_poses_changed()

    def _on_limits(self, limits: Thresholds) -> None:
        numbers = {"confidence": limits.confidence, "jitter": limits.jitter, "flip": limits.flip}
        self.preferences.put("doubts", numbers | {"kinds": sorted(kind.value for kind in limits.kinds)})
        self._look()

    # ---- what was kept, remembered in the project

    def _kept_here(self) -> list[Finding]:
        session, info = self.workspace.session, self.posing.info
        if session is None or info is None:
            return []
        if info.uid not in self._kept:
            saved = session.setting(f"kept doubts/{info.uid}", [])
            self._kept[info.uid] = [
                Finding(Doubt(kind), person, tuple(joints), start, stop, start, 0.0)
                for kind, person, joints, start, stop in saved
            ]
        return self._kept[info.uid]

    def _save_kept(self, kept: list[Finding]) -> None:
        session, info = self.workspace.session, self.posing.info
        if session is None or info is None or session.project.read_only:
            return
        self._kept[info.uid] = kept
        rows = [[k.kind.value, k.person, list(k.joints), k.start, k.stop] for k in kept]
        session.put_setting(f"kept doubts/{info.uid}", rows)


def _key(finding: Finding) -> tuple[int, ...]:
    return finding.frame, finding.start, finding.person


def _same(finding: Finding, before: Finding | None) -> bool:
    """Whether a finding is the one of before, although something near it was edited."""
    if before is None:
        return False
    mine, other = ((f.kind, f.person, f.joints[:1], f.frame) for f in (finding, before))
    return mine == other


def _covers(kept: Finding, finding: Finding) -> bool:
    """Whether a finding is (part of) one that was kept: same kind and person, frame and joints in it."""
    return (
        (kept.kind, kept.person) == (finding.kind, finding.person)
        and kept.start <= finding.frame < kept.stop
        and set(finding.joints) <= set(kept.joints)
    )


def _limits_of(saved: Any) -> Thresholds:
    """Thresholds from the preferences; what is not understood keeps its default."""
    standard = Thresholds()
    if not isinstance(saved, dict):
        return standard
    numbers = {
        name: float(saved[name]) if isinstance(saved.get(name), (int, float)) else getattr(standard, name)
        for name in ("confidence", "jitter", "flip")
    }
    names = saved.get("kinds")
    known = {kind.value: kind for kind in Doubt}
    kinds = frozenset(known[n] for n in names if n in known) if isinstance(names, list) else standard.kinds
    return Thresholds(**numbers, kinds=kinds)
