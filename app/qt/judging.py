"""Prediction beside truth: which poses of the take are compared, computed off the window's thread, shown on
the picture, in numbers and as a curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer

from app.qt.curves import Curves
from app.qt.latest import Latest
from app.qt.playback import Playback
from app.qt.posing import Posing
from app.qt.preferences import Preferences
from app.qt.workspace import Workspace
from app.session import Session
from models.domain.judgement import Judgement, Scores, judge, partners
from models.domain.mapping import map_keypoints
from models.domain.skeleton import load_skeleton
from models.domain.track import KeypointTrack, Origin
from storage import predictions, runs, tracks
from storage.tracks import TrackInfo
from widgets.canvas_gestures import Selection
from widgets.judge_panel import JointRow, JudgePanel, Side
from widgets.judged_overlay import Judged
from widgets.video_canvas import VideoCanvas

NAME, SETTLE_MS = "judgement", 150
MODEL, SHOWN, CORRECTIONS = "model", "shown", "corrections"
TOPS = {"torso lengths": 0.5, "px": 20.0}  # error of the brightest colour


@dataclass(frozen=True, eq=False, slots=True)
class _Result:
    """A judgement with the poses it compares and how it came about."""

    key: tuple[str, str, str]  # shown track, judged, truth
    judgement: Judgement
    predicted: NDArray[np.float32]  # the partner of each true person
    take: Scores
    joints: tuple[Scores, ...]
    shares: dict[str, list[float | None]]  # by unit: mean error of each joint as a share of the scale
    note: str


class Judging(QObject):
    """Controller of the comparison with the truth."""

    def __init__(
        self,
        workspace: Workspace,
        playback: Playback,
        posing: Posing,
        preferences: Preferences,
        latest: Latest,
        panel: JudgePanel,
        canvas: VideoCanvas,
        curves: Curves,
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.playback, self.posing = workspace, playback, posing
        self.preferences, self.latest = preferences, latest
        self.panel, self.canvas, self.curves = panel, canvas, curves
        self.result: _Result | None = None
        self._sides = (MODEL, CORRECTIONS)
        self._tracks: list[TrackInfo] = []
        self._soon = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._soon.timeout.connect(self.compare)
        panel.set_unit(str(preferences.get("error unit", "torso lengths")))
        panel.shown_changed.connect(self._on_shown)
        panel.sides_changed.connect(self._on_sides)
        panel.unit_changed.connect(self._on_unit)
        panel.joint_chosen.connect(self._on_joint)
        posing.poses_changed.connect(self._soon.start)
        posing.selection_changed.connect(self._on_selection)
        workspace.take_changed.connect(self._on_take_changed)
        playback.frame_shown.connect(self.show_frame)

    def toggle(self) -> None:
        """Show the comparison on the picture, or leave it."""
        self.panel.set_shown(not self.panel.shown)
        self._on_shown(self.panel.shown)

    # ---- computing

    def compare(self) -> None:
        """Compare the chosen poses anew; only while somebody looks at it."""
        session, info, track = self.workspace.session, self.posing.info, self.posing.track
        if session is None or info is None or track is None:
            self._list_sides(None)
            self._take(None)
            return
        self._list_sides(session)
        judged, truth = self._sides
        if not (self.panel.shown or self.panel.isVisible()):
            return
        if not truth:
            self.latest.forget(NAME)
            self._take(None)
            return
        key = (info.uid, judged, truth)
        self.latest.ask(NAME, lambda: _judged(session, track, key), self._take)

    def _take(self, result: _Result | None) -> None:
        self.result = result
        if result is None:
            self.panel.set_note("Correct joints, find poses again with another model, or import a truth.")
            self.panel.set_scores(None, None, ())
        else:
            self.panel.set_note(result.note)
            scores = result.judgement.scores(slice(self._frame, self._frame + 1))
            self.panel.set_scores(scores, result.take, self._rows(result))
        self._show_curve()
        self.show_frame(self._frame)

    def _rows(self, result: _Result) -> list[JointRow]:
        """One row per joint; the colour is that of its mean error over the take."""
        names = result.judgement.skeleton.joints
        shares = result.shares[self.panel.unit]
        return [
            JointRow(name, result.joints[joint], self._here_px(joint), shares[joint])
            for joint, name in enumerate(names)
        ]

    def _here_px(self, joint: int) -> float | None:
        if self.result is None or not 0 <= self._frame < len(self.result.judgement.error_px):
            return None
        person = self.posing.selection.person if self.posing.selection else 0
        judgement = self.result.judgement
        mine = np.flatnonzero(judgement.match[self._frame] == person)
        error = judgement.error_px[self._frame, mine, joint]
        return float(error[0]) if len(error) and np.isfinite(error[0]) else None

    # ---- showing

    @property
    def _frame(self) -> int:
        return self.playback.shown if self.playback.shown >= 0 else self.workspace.frame

    def show_frame(self, frame: int) -> None:
        """The errors of the frame whose picture is on the canvas."""
        result, info = self.result, self.posing.info
        if result is None or info is None or not 0 <= frame < len(result.predicted):
            self.canvas.set_judged(None)
            return
        if self.panel.isVisible() and not self.playback.playing:
            scores = result.judgement.scores(slice(frame, frame + 1))
            self.panel.set_scores(scores, result.take, self._rows(result))
        if not self.panel.shown:
            self.canvas.set_judged(None)
            return
        judgement, unit = result.judgement, self.panel.unit
        error = judgement.error_px[frame]
        if unit != "px":
            error = error / judgement.torso_px[frame][:, None]
        judged, truth = self._sides
        self.canvas.set_judged(
            Judged(
                result.predicted[frame, ..., :2],
                judgement.truth[frame, ..., :2],
                error,
                unit,
                TOPS[unit],
                judgement.skeleton,
                draws_prediction=judged not in (SHOWN, MODEL, info.uid),
                draws_truth=truth not in (SHOWN, CORRECTIONS, info.uid),
            )
        )

    def _show_curve(self) -> None:
        if self.result is None or not self.panel.shown:
            self.curves.set_error(None)
            return
        chosen = self.posing.selection or Selection(0)
        self.curves.set_error(("error, torsos", self.result.judgement.error_of(chosen.person, chosen.joint)))

    # ---- choosing

    def _list_sides(self, session: Session | None) -> None:
        """What can be compared in this take; a choice that is gone falls back to the usual one."""
        info, take = self.posing.info, self.workspace.take
        if session is None or info is None or take is None or self.posing.track is None:
            self.panel.set_sides((), (), ("", ""))
            return
        with session.project.reading() as tx:
            self._tracks = tracks.of_video(tx, take.uid, 2)
            models = {run.uid: run for run in runs.all_runs(tx, take.uid)}
        others: list[Side] = []
        for track in self._tracks:
            run = models.get(track.run_uid or "")
            if track.uid == info.uid or (run is not None and not run.finished):
                continue
            made = f"{run.model}, {run.created_at[5:16].replace('T', ' ')}" if run else "by hand or imported"
            number = sum(side.text.startswith(made) for side in others)
            others.append(Side(track.uid, f"{made} ({number + 1})" if number else made))
        judged = [Side(MODEL, "the model, before corrections"), Side(SHOWN, "the shown poses"), *others]
        truths = [Side(SHOWN, "the shown poses"), *others]
        corrected = bool((self.posing.track.origin == Origin.HUMAN).any())
        if corrected:
            truths.insert(0, Side(CORRECTIONS, "the corrections"))
        ids = [side.id for side in truths]
        left, right = self._sides
        if left not in {side.id for side in judged}:
            left = MODEL
        if right not in ids or (right == SHOWN and left in (SHOWN, MODEL) and not corrected):
            right = CORRECTIONS if corrected else (others[-1].id if others else "")
        self._sides = (left, right)
        self.panel.set_sides(judged, truths, self._sides)

    def _on_sides(self, judged: str, truth: str) -> None:
        self._sides = (judged, truth)
        self.compare()

    def _on_shown(self, shown: bool) -> None:
        if shown and self.result is None:
            self.compare()
        self._show_curve()
        self.show_frame(self._frame)

    def _on_unit(self, unit: str) -> None:
        self.preferences.put("error unit", unit)
        self._take(self.result)

    def _on_joint(self, joint: int) -> None:
        skeleton = self.posing.skeleton
        name = self.result.judgement.skeleton.joints[joint] if self.result else ""
        if skeleton is not None and name in skeleton.joints:
            person = self.posing.selection.person if self.posing.selection else 0
            self.posing.select(Selection(person, skeleton.index(name)))

    def _on_selection(self, selection: Selection | None) -> None:
        joint = selection.joint if selection is not None and selection.joint is not None else -1
        self.panel.select_joint(joint)
        if self.panel.shown:
            self._show_curve()

    def _on_take_changed(self) -> None:
        self.result = None
        self.canvas.set_judged(None)
        self._soon.start()


def _judged(session: Session, shown: KeypointTrack, key: tuple[str, str, str]) -> _Result:
    """The comparison of two sides, in the skeleton of the shown poses."""
    shown_uid, judged, truth = key
    skeleton = load_skeleton(shown.skeleton)

    def values(id_: str) -> NDArray[np.float32]:
        if id_ == SHOWN:
            return shown.values
        if id_ == CORRECTIONS:
            human = shown.origin == Origin.HUMAN
            return np.where(human[..., None], shown.values, np.float32(np.nan))
        with session.project.reading() as tx:
            if id_ == MODEL:
                return predictions.predicted(tx, shown_uid, shown).values
            other = tracks.read(tx, id_)
        return map_keypoints(other.values, other.skeleton, shown.skeleton)

    mine = (MODEL, SHOWN, CORRECTIONS)
    guess, true = values(judged), values(truth)
    body = shown.values if truth == CORRECTIONS else None
    same = judged in mine and truth in mine
    judgement = judge(guess, true, skeleton, same_people=same, body=body)
    note = ""
    if truth == CORRECTIONS:
        note = "Only corrected joints count: often the hardest, so overall the poses are better than this."
    joints = tuple(judgement.scores(joint=joint) for joint in range(len(skeleton)))
    units = {"px": judgement.error_px, "torso lengths": judgement.error_px / judgement.torso_px[..., None]}
    shares = {
        unit: [_mean(error[..., j], TOPS[unit]) for j in range(len(skeleton))]
        for unit, error in units.items()
    }
    return _Result(key, judgement, partners(guess, judgement.match), judgement.scores(), joints, shares, note)


def _mean(error: NDArray[np.float64], top: float) -> float | None:
    """Mean of the errors that were found as a share of `top`."""
    found = error[np.isfinite(error)]
    return float(found.mean()) / top if len(found) else None
