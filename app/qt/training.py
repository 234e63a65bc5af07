"""Align ▸ Train alignment on these takes: the window, the child process behind it, and what comes of it."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.folders import cache_folder
from app.qt.child_job import ChildJob
from app.services.models import known_models
from app.session import Session
from models.domain.progress import Progress
from models.domain.splits import hold_back
from storage import tracks
from storage.videos import Video
from widgets.dialog_fields import TakeChoice
from widgets.job_panel import JobState, JobStatus, RemainingTime
from widgets.matrix_panel import MatrixPicture
from widgets.training_window import SCRATCH, TrainingState, TrainingWindow

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.services.train_alignment import TrainingPlan

JOB_UID = "-1"  # in the job panel: no number of the job runner's
TITLE = "Train alignment"
MOST_PAIRS = 6  # offered for a look


class Training(QObject):
    """One training at a time, of the open project."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.view = TrainingWindow(window)
        self.child: ChildJob | None = None
        self.plan: TrainingPlan | None = None
        self._pairs: list[tuple[Video, Video]] = []
        self._before: dict[int, MatrixPicture] = {}
        self._first_tau = self._last_tau = math.nan
        self._remaining = RemainingTime()
        self._report = ""
        self._using: tuple[int | None, str] = (None, "")  # number of the job that aligns, the model's name
        self.view.start_requested.connect(self.start)
        self.view.stop_requested.connect(self.stop)
        self.view.use_requested.connect(self.use)
        self.view.discard_requested.connect(self.discard)
        self.view.pair_chosen.connect(lambda _place: self._show_matrices())
        window.job_panel.cancel_requested.connect(lambda uid: self.stop() if uid == JOB_UID else None)
        window.job_panel.details_requested.connect(self._show_report)
        runner = window.runner
        runner.finished.connect(lambda uid: self._on_used(uid, "", ""))
        runner.cancelled.connect(lambda uid: self._on_used(uid, "Stopped before all takes were aligned.", ""))
        runner.failed.connect(lambda uid, message, hint, _report: self._on_used(uid, message, hint))
        window.workspace.project_changed.connect(self._on_project_changed)

    @property
    def busy(self) -> bool:
        return self.child is not None and self.child.running

    def show(self) -> None:
        """Bring the window up; a training that was stopped, even days ago, can go on."""
        if not self.busy and self.view.state in (TrainingState.ASKING, TrainingState.STOPPED):
            self._fill()
            self._find_stopped()
        self.view.show()
        self.view.raise_()

    # ---- what the person asks for

    def start(self) -> None:
        """Train, or go on with what was stopped."""
        from app.services.train_alignment import TrainingPlan

        session = self.window.workspace.session
        if session is None or self.busy:
            return
        if self.view.state is TrainingState.ASKING or self.plan is None:
            choice = self.view.choice
            out = self._folder(session) / f"{_file_name(choice.name)}.safetensors"
            path = session.project.path.resolve()
            self.plan = TrainingPlan(path, choice.take_uids, choice.initial, choice.steps, out)
            shutil.rmtree(out.parent, ignore_errors=True)
            self.view.curves.clear_curves()
            self._first_tau = self._last_tau = math.nan
        self.view.curves.set_length(self.plan.steps)
        self._offer_pairs(self.plan)
        self._remaining = RemainingTime()
        if self.child is not None:
            self.child.deleteLater()
        self.child = ChildJob(self)
        self.child.stepped.connect(self._on_step)
        self.child.finished.connect(self._on_finished)
        self.child.stopped.connect(self._on_stopped)
        self.child.failed.connect(self._on_failed)
        self.view.set_state(TrainingState.TRAINING, "Starting…")
        self._tell_panel(JobState.RUNNING, Progress(0, 0, "starting"))
        self.child.start(self.plan.out.parent, self.plan.as_json())

    def stop(self) -> None:
        """After the current step; what was learned is kept."""
        if self.child is not None and self.busy:
            self.view.set_state(TrainingState.STOPPING, "Stopping after this step…")
            self.child.stop()

    def discard(self) -> None:
        """Forget the training and ask anew."""
        session = self.window.workspace.session
        if session is not None and not self.busy:
            shutil.rmtree(self._folder(session), ignore_errors=True)
            self.plan = None
            self.view.curves.clear_curves()
            self._fill()

    def use(self) -> None:
        """Add the model to the person's own and align the takes with it."""
        plan, reference = self.plan, self.window.workspace.find(self.window.reference())
        if plan is None or not plan.out.is_file():
            return
        takes = [video for video in self.window.workspace.takes if video.uid in plan.takes]
        if reference is None or reference.uid not in plan.takes:
            reference = takes[0]
        name = _free_name(plan.out.stem)

        def job(session: Session) -> Iterator[Progress]:
            from app.services.align import AlignOptions, align_takes
            from app.services.models import add_model

            yield Progress(0, len(takes), f"adding {name}")
            add_model(plan.out, name=name)
            yield from align_takes(session, reference, takes, AlignOptions(model=name))

        self._using = (self.window.tasks.start(f"Align with {name}", job), name)  # type: ignore[arg-type]
        self.view.set_using(True, f"Adding {name} and aligning {len(takes)} takes…")

    def shut_down(self) -> None:
        """The program ends: the child keeps a checkpoint and goes."""
        if self.child is not None:
            self.child.shut_down()

    def _on_used(self, uid: int, message: str, hint: str) -> None:
        """The takes are aligned with the model, or were not. message, hint: why not."""
        using, name = self._using
        if uid != using or self.view.state is not TrainingState.DONE:
            return
        self._using = (None, "")
        if message:
            self.view.set_using(False, f"{message} {hint}".strip(), error=True)
        else:
            self.view.set_using(False, f"Added to your models as {name}. The takes are aligned with it.")

    # ---- what the child says

    def _on_step(self, step: dict[str, Any]) -> None:
        done, total, note = int(step["done"]), int(step["total"]), str(step["note"])
        tau = math.nan if step["tau"] is None else float(step["tau"])
        if math.isnan(self._first_tau) and not math.isnan(tau):
            self._first_tau = tau
            self.view.curves.set_before(tau)
        self._last_tau = self._last_tau if math.isnan(tau) else tau
        self.view.curves.add(done, float(step["loss"]), tau)
        fraction = done / total if total else 0.0
        if self.view.state is TrainingState.TRAINING:
            self.view.set_progress(fraction, note, self._remaining.update(time.monotonic(), fraction))
        self._tell_panel(JobState.RUNNING, Progress(done, total, note))

    def _on_finished(self, step: dict[str, Any]) -> None:
        note = "The model is trained."
        if not math.isnan(self._last_tau):
            note += f" Kendall’s τ {self._first_tau:.2f} → {self._last_tau:.2f}"
            note += " on the takes held back." if self._holds_back() else " on the takes it saw."
        self.view.set_state(TrainingState.DONE, note)
        self._tell_panel(JobState.FINISHED, Progress(int(step["done"]), int(step["total"]), note))
        self.window.workspace.message.emit(note)
        self._show_matrices()

    def _on_stopped(self) -> None:
        self.view.set_state(TrainingState.STOPPED, "Stopped. What was learned so far is kept: it can go on.")
        self._tell_panel(JobState.CANCELLED, Progress(0, 0))

    def _on_failed(self, message: str, hint: str, report: str) -> None:
        self._report = report
        again = self.plan is not None and self.plan.out.with_suffix(".checkpoint").is_file()
        state = TrainingState.STOPPED if again else TrainingState.ASKING
        self.view.set_state(state, f"{message} {hint}".strip(), error=True)
        status = JobStatus(JOB_UID, TITLE, JobState.FAILED, Progress(0, 0), message, hint)
        self.window.job_panel.set_job(status)

    def _show_report(self, uid: str) -> None:
        if uid == JOB_UID:
            self.window.tasks.report_wanted.emit(self.view.note, self._report)

    def _tell_panel(self, state: JobState, progress: Progress) -> None:
        self.window.job_panel.set_job(JobStatus(JOB_UID, TITLE, state, progress))

    # ---- what is shown

    def _fill(self) -> None:
        """Takes, models to start from and a free name; the state to ask from."""
        session = self.window.workspace.session
        if session is None:
            return
        with session.project.reading() as tx:
            posed = {v.uid for v in self.window.workspace.takes if tracks.active(tx, v.uid, 2) is not None}
        takes = [TakeChoice(v.uid, v.name) for v in self.window.workspace.takes if v.uid in posed]
        models = [(m.name, f"{m.name} (learns on)") for m in known_models("pose-encoder")]
        name = _free_name(f"{_file_name(session.project.path.stem)}-alignment")
        self.view.set_choices(takes, [*models, (SCRATCH, "nothing")], name)
        lacking = len(self.window.workspace.takes) - len(takes)
        note = f"{lacking} takes have no poses and are not offered." if lacking else ""
        self.view.set_state(TrainingState.ASKING, note)
        self.view.set_pairs(())
        self.view.set_matrices(None, None)

    def _find_stopped(self) -> None:
        """Take up the training that was stopped in this project, if its file is whole."""
        from app.services.train_alignment import TrainingPlan
        from models.domain.errors import KnownError

        session = self.window.workspace.session
        if session is None:
            return
        try:
            data = json.loads((self._folder(session) / "job.json").read_text("utf-8"))
            plan = TrainingPlan.from_json(data)
        except (OSError, ValueError, KnownError):
            return
        if plan.project == session.project.path.resolve() and plan.out.with_suffix(".checkpoint").is_file():
            self.plan = plan
            self._offer_pairs(plan)
            self.view.set_state(
                TrainingState.STOPPED,
                f"A training on {len(plan.takes)} takes was stopped here: go on, or start anew.",
            )

    def _holds_back(self) -> bool:
        return self.plan is not None and bool(hold_back(self.plan.takes))

    def _offer_pairs(self, plan: TrainingPlan) -> None:
        """Pairs to look at: of takes held back where there are some."""
        held = hold_back(plan.takes)
        self.view.curves.set_held_back(bool(held))
        chosen = held or plan.takes
        videos = [video for video in self.window.workspace.takes if video.uid in chosen]
        self._pairs = list(combinations(videos, 2))[:MOST_PAIRS]
        self._before = {}
        self.view.set_pairs([f"{a.name} × {b.name}" for a, b in self._pairs])
        self._show_matrices()

    def _show_matrices(self) -> None:
        """Compute what is not there yet, off the window's thread."""
        place, session, plan = self.view.pair, self.window.workspace.session, self.plan
        if session is None or plan is None or not 0 <= place < len(self._pairs):
            self.view.set_matrices(None, None)
            return
        pair = self._pairs[place]
        before = plan.initial or None
        after = plan.out if self.view.state is TrainingState.DONE and plan.out.is_file() else None

        def work() -> tuple[MatrixPicture | None, MatrixPicture | None]:
            return (
                _picture(session, *pair, before, "before"),
                None if after is None else _picture(session, *pair, str(after), "after"),
            )

        self.window.latest.ask("training matrices", work, lambda both: self.view.set_matrices(*both))

    def _on_project_changed(self) -> None:
        self.shut_down()
        self.plan = None
        self._pairs = []
        self.view.curves.clear_curves()
        self.view.hide()

    @staticmethod
    def _folder(session: Session) -> Path:
        """Where the project's training lies: it can be made again, so it is a cache."""
        key = hashlib.sha256(str(session.project.path.resolve()).encode()).hexdigest()[:16]
        return cache_folder() / "training" / key


def _picture(
    session: Session, reference: Video, query: Video, model: str | None, title: str
) -> MatrixPicture | None:
    from app.services.alignment_matrix import alignment_matrix
    from models.domain.errors import KnownError

    try:
        found = alignment_matrix(session, reference, query, model)
    except KnownError:
        return None
    return MatrixPicture(title, found.note, found.cost, found.path)


def _file_name(text: str) -> str:
    """Letters, digits, '-' and '_' only."""
    kept = "".join(c if c.isalnum() or c in "-_" else "-" for c in text).strip("-")
    return kept[:80] or "alignment"


def _free_name(wanted: str) -> str:
    """The name, with a number behind it where a model of that name exists."""
    taken = {model.name for model in known_models()}
    if wanted not in taken:
        return wanted
    return next(f"{wanted}-{n}" for n in range(2, 10_000) if f"{wanted}-{n}" not in taken)
