"""What the pictures of the compare page show at the moment: the playhead, who is selected, who is loose.

A take is loose while a person moves it alone: it then stays on its own frame, whatever the reference does,
until the two frames are pinned or it is let back into step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from widgets.compare_poses import Placing, TakePoses, laid_on
from widgets.compare_shot import Shot
from widgets.compare_take import CompareTake, TakeClock
from widgets.timeline_axis import format_time


class CompareMode(StrEnum):
    GRID = "grid"
    OVERLAY = "overlay"
    SWIPE = "swipe"
    SPACE = "3D"


@dataclass(slots=True)
class CompareState:
    """takes and clocks belong together. loose: uid of the take that is moved alone, and its frame. shots and
    poses: by uid. opacity: of the take laid over the reference. on_bodies: lay it so that the two people
    cover each other. swipe: where the two are cut, 0..1 of the width.
    """

    takes: tuple[CompareTake, ...] = ()
    clocks: tuple[TakeClock, ...] = ()
    mode: CompareMode = CompareMode.GRID
    playhead: int = 0
    selected: str = ""
    loose: tuple[str, int] | None = None
    shots: dict[str, Shot] = field(default_factory=dict)
    poses: dict[str, TakePoses] = field(default_factory=dict)
    show_poses: bool = False
    opacity: float = 0.5
    on_bodies: bool = False
    swipe: float = 0.5

    def set_takes(self, takes: Sequence[CompareTake], clocks: Sequence[TakeClock]) -> None:
        """Other takes; what is known of takes that stay is kept."""
        self.takes, self.clocks = tuple(takes), tuple(clocks)
        uids = {take.uid for take in takes}
        self.shots = {uid: shot for uid, shot in self.shots.items() if uid in uids}
        if self.selected not in uids:
            self.selected = next((take.uid for take in takes if not take.is_reference), "")
        if self.loose is not None:
            take = self.take(self.loose[0])
            fits = take is not None and not take.is_reference and self.loose[1] < len(take.times)
            self.loose = self.loose if fits else None

    @property
    def index(self) -> int:
        """The playhead, within the reference."""
        return min(max(self.playhead, 0), len(self.clocks[0].frames) - 1) if self.clocks else 0

    @property
    def reference(self) -> CompareTake | None:
        return next((take for take in self.takes if take.is_reference), None)

    def take(self, uid: str) -> CompareTake | None:
        return next((take for take in self.takes if take.uid == uid), None)

    def clock(self, take: CompareTake) -> TakeClock:
        return self.clocks[self.takes.index(take)]

    def pair(self) -> tuple[CompareTake, CompareTake] | None:
        """The reference and the selected take, or the first that is not the reference."""
        reference = self.reference
        others = [take for take in self.takes if not take.is_reference]
        if reference is None or not others:
            return None
        return reference, next((take for take in others if take.uid == self.selected), others[0])

    def shown(self) -> tuple[CompareTake, ...]:
        """The takes whose pictures are on screen."""
        if self.mode is CompareMode.GRID:
            return self.takes
        return (self.pair() or ()) if self.mode in (CompareMode.OVERLAY, CompareMode.SWIPE) else ()

    def frame_of(self, take: CompareTake) -> int:
        """The frame of the take that is to be seen now: its own while it is loose."""
        if self.loose is not None and self.loose[0] == take.uid:
            return self.loose[1]
        return int(self.clock(take).frames[self.index])

    def in_step_frame(self, take: CompareTake) -> int:
        """The frame that the warp gives, loose or not."""
        return int(self.clock(take).frames[self.index])

    def is_loose(self, take: CompareTake) -> bool:
        return self.loose is not None and self.loose[0] == take.uid

    def is_exact(self) -> bool:
        """Whether every picture on screen is the frame that belongs to the playhead."""
        return all(
            (shot := self.shots.get(take.uid)) is not None
            and shot.exact
            and shot.index == self.frame_of(take)
            for take in self.shown()
            if not take.problem
        )

    def placing(self) -> Placing | None:
        """How the selected take is laid on the reference's body; None = as the pictures are."""
        pair = self.pair()
        if not self.on_bodies or pair is None:
            return None
        poses = [self.poses.get(take.uid) for take in pair]
        if poses[0] is None or poses[1] is None:
            return None
        return laid_on(poses[0], self.frame_of(pair[0]), poses[1], self.frame_of(pair[1]))

    # ---- in words

    def badge(self, take: CompareTake) -> tuple[str, str]:
        """What the take does here, and its kind: "reference", "loose", "held" or "runs"."""
        if take.is_reference:
            return "reference", "reference"
        if self.is_loose(take):
            return f"alone {self.frame_of(take) - self.in_step_frame(take):+d}", "loose"
        clock = self.clock(take)
        return clock.badge(self.index), "held" if clock.hold[self.index] else "runs"

    def facts(self, take: CompareTake) -> str:
        """Frame, and time of the reference or error of the match."""
        clock, shot, frame = self.clock(take), self.shots.get(take.uid), self.frame_of(take)
        shown = f"{frame}" if shot is None or (shot.exact and shot.index == frame) else f"≈ {shot.index}"
        if take.is_reference:
            return f"{shown} · {format_time(take.times.seconds_at(frame))}"
        if take.outdated:
            return f"{shown} · out of date"
        error = float(clock.error[self.index])
        if not np.isfinite(error) or self.is_loose(take):
            return shown
        value = f"{error:.1f}" if error >= 10 else f"{error:.2f}"
        return f"{shown} · {clock.error_name} {value}"

    def tip(self, take: CompareTake) -> str:
        """More about a take, for the mouse that rests on it."""
        frame = self.frame_of(take)
        where = f"{take.name}: frame {frame} · {format_time(take.times.seconds_at(frame))}"
        if take.is_reference:
            return f"{where}\nThe other takes follow this one."
        return (
            f"{where} · pts {take.times.pts_at(frame)}\nDouble click makes this take the reference. "
            "Alt+← and Alt+→ move it alone, F8 pins it to the reference's frame."
        )
