"""Analyse ▸ How takes differ: every aligned take against the others, on the clock of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from app.qt.compared import best_reference
from app.qt.showing import go_to_moment
from app.session import Session
from models.domain.progress import Progress
from storage.videos import Video
from widgets.deviation_view import DeviationCurves, DeviationView, PeakRow, TypicalRow

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.services.moments import Differences


FEWEST_TO_JUDGE = 4  # takes, from which on `typicality` gives a z


class Differing(QObject):
    """Controller of the window; it computes anew whenever it is asked for."""

    _computed = Signal(object)  # Differences

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.view = DeviationView(window)
        self._result: Differences | None = None
        self._job: int | None = None
        self.view.take_chosen.connect(self._show_take)
        self.view.jump_requested.connect(lambda uid, frame: go_to_moment(window, uid, frame))
        self.view.export_requested.connect(self._export)
        self._computed.connect(self._on_computed)
        workspace = window.workspace
        workspace.frame_changed.connect(self._on_frame)
        workspace.take_changed.connect(lambda: self._on_frame(workspace.frame))
        window.comparing.moved.connect(lambda: self._on_frame(workspace.frame))
        workspace.project_changed.connect(self._on_project_changed)
        window.tasks.runner.failed.connect(self._on_failed)

    def show(self) -> None:
        self._result = None
        self.view.set_takes((), "Comparing…")
        self.view.show()
        self.view.raise_()
        reference = self._reference()
        if reference is None:
            self.view.set_takes((), "There is no take yet: add videos first.")
            return

        def job(session: Session) -> Iterator[Progress]:
            from app.services.moments import differences

            yield Progress(0, 1, f"comparing with {reference.name}")
            self._computed.emit(differences(session, reference))
            yield Progress(1, 1, "compared")

        self._job = self.window.tasks.start(f"How takes differ from {reference.name}", job)  # type: ignore[arg-type]

    def _reference(self) -> Video | None:
        """That of the compare page; before it was opened, the one it would open with."""
        workspace, session = self.window.workspace, self.window.workspace.session
        chosen = workspace.find(self.window.comparing.reference_uid)
        if chosen is not None or session is None:
            return chosen
        return workspace.find(best_reference(session, self.window.current_take()))

    def _on_computed(self, result: Differences) -> None:
        names = {video.uid: video.name for video in self.window.workspace.takes}
        if any(one.uid not in names for one in result.found):
            return
        self._result = result
        rows = [TypicalRow(uid, names[uid], total, z) for uid, total, z in result.ranked]
        self.view.set_takes(rows, self._note(result, names[result.reference_uid]))
        odd = rows[-1].uid if rows else ""
        take = self.window.workspace.take
        self.view.choose(take.uid if take and take.uid in {row.uid for row in rows} else odd)

    @staticmethod
    def _note(result: Differences, reference: str) -> str:
        kind = (
            "3D poses, turned to one direction"
            if result.found[0].is_3d
            else "2D poses: another camera is a difference too; lift all takes to 3D to leave it out"
        )
        text = f"{len(result.found)} takes on the clock of {reference} · {kind}."
        if len(result.found) < FEWEST_TO_JUDGE:
            text += f" None is called an outlier among fewer than {FEWEST_TO_JUDGE}."
        if result.left_out:
            named = ", ".join(f"{name} ({why})" for name, why in list(result.left_out.items())[:4])
            more = f" and {len(result.left_out) - 4} more" if len(result.left_out) > 4 else ""
            text += f" Left out: {named}{more}."
        return text

    def _show_take(self, uid: str) -> None:
        result = self._result
        one = next((one for one in result.found if one.uid == uid), None) if result else None
        video = self.window.workspace.find(uid)
        if result is None or one is None or video is None:
            self.view.set_curves(None)
            return
        times = video.info.times
        peaks = tuple(
            PeakRow(
                peak.take_frame,
                times.seconds_at(min(peak.take_frame, len(times) - 1)),
                f"{result.joints[peak.joint]} {peak.joint_value:.1f} off",
            )
            for peak in one.peaks
        )
        curves = DeviationCurves(
            uid, result.seconds, one.curve, one.per_joint, result.joints, result.take_frames[uid], peaks
        )
        self.view.set_curves(curves)
        self._on_frame(self.window.workspace.frame)

    def _on_frame(self, frame: int) -> None:
        take, window, shown = self.window.workspace.take, self.window, self.view.shown
        if not self.view.isVisible() or shown is None:
            return
        if window.comparing.active:
            frames = window.compare_view.frames_at(window.comparing.frame)
            if shown.uid in frames:
                self.view.set_playhead(shown.uid, frames[shown.uid])
        elif take is not None:
            self.view.set_playhead(take.uid, frame)

    def _export(self) -> None:
        session, result = self.window.workspace.session, self._result
        if session is None or result is None:
            return
        start = str(session.project.path.with_name("differences.csv"))
        chosen, _ = QFileDialog.getSaveFileName(self.view, "Export as CSV", start, "*.csv")
        if chosen:
            from app.services.moments import write_differences

            out = Path(chosen)
            write_differences(session, result, out)
            self.window.workspace.message.emit(f"Wrote {out.name}.")

    def _on_failed(self, uid: int, message: str, hint: str, _report: str) -> None:
        if uid == self._job and self._result is None:
            self.view.set_takes((), f"{message} {hint}".strip())

    def _on_project_changed(self) -> None:
        self._result = None
        self.view.hide()
        self.view.set_takes((), "")
