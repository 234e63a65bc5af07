"""Jobs the person starts: adding, poses, 3D, alignment, transfer, clips, proxies; shown in the job panel.

Services are imported inside the jobs: the window starts without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from app.qt.job_runner import JobRunner
from app.qt.playback import proxy_folder
from app.qt.workspace import Workspace
from app.session import Session
from models.domain.progress import Progress
from storage import tracks
from storage.videos import Video, absolute_path
from widgets.align_dialog import AlignRun
from widgets.job_panel import JobPanel, JobState, JobStatus

Steps = Generator[Progress, None, None]


class Tasks(QObject):
    """Starts jobs on the open project and reports them."""

    busy_changed = Signal(bool)
    proxy_ready = Signal(str)
    report_wanted = Signal(str, str)  # what happened, report to copy

    def __init__(self, workspace: Workspace, runner: JobRunner, panel: JobPanel) -> None:
        super().__init__(workspace)
        self.workspace, self.runner, self.panel = workspace, runner, panel
        self._jobs: dict[int, JobStatus] = {}
        self._reports: dict[int, str] = {}
        self._results: dict[int, str] = {}
        runner.submitted.connect(self._on_submitted)
        runner.progressed.connect(self._on_progress)
        runner.finished.connect(lambda uid: self._on_end(uid, JobState.FINISHED))
        runner.cancelled.connect(lambda uid: self._on_end(uid, JobState.CANCELLED))
        runner.failed.connect(self._on_failed)
        panel.cancel_requested.connect(lambda uid: runner.cancel(int(uid)))
        panel.details_requested.connect(self._show_details)

    @property
    def busy(self) -> bool:
        return any(not job.state.is_over for job in self._jobs.values())

    # ---- what can be done

    def add(self, paths: Sequence[Path], fps: Fraction | None = None) -> None:
        def job(session: Session) -> Steps:
            from app.services.media import add_videos

            yield from add_videos(session, paths, fps=fps, pass_over=True)

        self._start(f"Add {paths[0].name}" if len(paths) == 1 else f"Add {len(paths)} videos", job)

    def poses(
        self,
        uids: Sequence[str],
        *,
        model: str | None = None,
        device: str = "auto",
        people: int = 2,
        decoder: str | None = None,
    ) -> None:
        for video in self._videos(uids):

            def job(session: Session, video: Video = video) -> Steps:
                from app.services.pose import estimate_poses

                yield from estimate_poses(
                    session, video.uid, model=model, device=device, max_people=people, decoder=decoder
                )

            self._start(f"Poses · {video.name}", job)

    def follow(
        self, uid: str, frame: int, *, box: tuple[float, ...] | None = None, person: int | None = None
    ) -> None:
        def job(session: Session) -> Steps:
            from app.services.follow import follow_person
            from app.services.lift import lift_take

            drawn = None if box is None else np.array(box, dtype=np.float32)
            yield from follow_person(session, uid, start=frame, box=drawn, person=person)
            if session.track(uid, 3) is not None:
                yield from lift_take(session, uid)  # somebody who was added has no 3D yet

        for video in self._videos([uid]):
            self._start(f"Follow person · {video.name}", job)

    def lift(self, uids: Sequence[str], *, smoothed: bool = False) -> None:
        for video in self._videos(uids):

            def job(session: Session, video: Video = video) -> Steps:
                from app.services.lift import lift_take

                yield from lift_take(session, video.uid, smoothed=smoothed)

            self._start(f"3D · {video.name}", job)

    def align(self, reference_uid: str, uids: Sequence[str] = ()) -> None:
        """Align takes (all others when none are named) to a reference."""
        for reference in self._videos([reference_uid]):
            chosen = self._videos(uids) if uids else self._with_poses()
            others = [v for v in chosen if v.uid != reference.uid]
            if not others:
                self.workspace.message.emit("Aligning needs at least two takes with poses.")
                return
            left_out = 0 if uids else len(self.workspace.takes) - 1 - len(others)

            def job(
                session: Session,
                reference: Video = reference,
                others: Sequence[Video] = others,
                left_out: int = left_out,
            ) -> Steps:
                from app.services.align import align_takes

                last = Progress(0, 1, "")
                for last in align_takes(session, reference, others):
                    yield last
                if left_out:
                    yield Progress(1, 1, f"{last.note}; {left_out} without poses left out")

            self._start(f"Align to {reference.name}", job)

    def align_as(self, choice: AlignRun) -> None:
        """Align takes as the dialog says."""
        takes, references = self._videos(choice.take_uids), self._videos([choice.reference_uid])

        def job(session: Session) -> Steps:
            from app.services.align import AlignOptions, align_takes

            ends: Any = "open" if choice.open_ends else "closed"
            how: Any = choice.matcher
            mode: Any = choice.mode
            options = AlignOptions(choice.model or None, how, ends, mode)
            yield from align_takes(session, references[0] if references else None, takes, options)

        name = references[0].name if references else f"the {choice.mode} take"
        name = "the average take" if choice.mode == "barycentre" else name
        self._start(f"Align to {name}", job)

    def everything(self, reference_uid: str) -> None:
        """Poses, 3D and alignment of all takes that lack them: one click from videos to takes in step."""

        for reference in self._videos([reference_uid]):

            def job(session: Session, reference: Video = reference) -> Steps:
                from app.services.align import align_takes
                from app.services.lift import lift_take
                from app.services.overview import take_overviews
                from app.services.pose import estimate_poses

                for take in take_overviews(session, count_corrections=False):
                    if not take.people and not take.missing_file:
                        yield from estimate_poses(session, take.uid)
                    if not take.has_3d and not take.missing_file:
                        yield from lift_take(session, take.uid)
                yield from align_takes(session, reference, session.videos())

            self._start("Poses, 3D and alignment", job)

    def transfer(self, source_uids: Sequence[str], target_uids: Sequence[str] | None = None) -> None:
        """Suggest the labels of takes in others (None = all that have poses); what no way leads to is aligned
        first."""
        sources = self._videos(source_uids)
        chosen = self._with_poses() if target_uids is None else self._videos(target_uids)
        others = [video for video in chosen if video.uid not in source_uids]
        if not sources or not others:
            self.workspace.message.emit("No other take has poses to which labels could be transferred.")
            return

        def job(session: Session) -> Steps:
            from app.services.align import align_takes
            from app.services.transfer import transfer_labels
            from app.services.ways import Ways
            from storage import alignments

            with session.project.reading() as tx:
                ways = Ways(alignments.all_alignments(tx))
            for source in sources:
                loose = [v for v in others if ways.between(source.uid, v.uid) is None]
                if loose:
                    yield from align_takes(session, source, loose)
            with session.project.reading() as tx:
                ways = Ways(alignments.all_alignments(tx))
            reached = [v for v in others if any(ways.between(s.uid, v.uid) for s in sources)]
            made = transfer_labels(session, sources, reached or others)
            lost = [f"{v.name} left out: it cannot be aligned" for v in others if v not in reached]
            yield Progress(1, 1, "; ".join((f"{len(made.labels)} suggestions", *made.left_out, *lost)))

        names = sources[0].name if len(sources) == 1 else f"{len(sources)} takes"
        self._start(f"Transfer labels of {names}", job)

    def export_labels(self, format_name: str, out: Path) -> None:
        """Write labels (and poses, as the format has it) to a file."""

        def job(session: Session) -> Steps:
            from app.services.exchange import export_file

            yield Progress(0, 1, f"writing {out.name}")
            export_file(session, format_name, out)
            yield Progress(1, 1, f"labels written to {out.name}")

        self._start(f"Export · {out.name}", job)

    def import_labels(self, path: Path) -> None:
        """Read labels from a file; one undo step."""

        def job(session: Session) -> Steps:
            from app.services.exchange import import_file

            yield Progress(0, 1, f"reading {path.name}")
            report = import_file(session, path)
            yield Progress(1, 1, " ".join(report["lines"]))

        self._start(f"Import · {path.name}", job)

    def proxy(self, uid: str) -> None:
        """A small copy for quick scrubbing, in the background."""
        for video in self._videos([uid]):

            def job(session: Session, video: Video = video) -> Steps:
                from storage.proxy import build_proxy

                yield from build_proxy(absolute_path(session.project, video), proxy_folder())
                self.proxy_ready.emit(video.uid)

            self._start(f"Preview copy · {video.name}", job)

    def start(self, title: str, job: Callable[[Session], Steps], result: Path | None = None) -> int | None:
        """Run a job of another part of the window on the open project; its number. result: what it will have
        written."""
        uid = self._start(title, job)
        if result is not None and uid is not None:
            self._results[uid] = str(result)
        return uid

    def run(self, title: str, steps: Callable[[], Steps]) -> None:
        """Start a job of another part of the window."""
        self.runner.submit(title, steps)

    # ---- how it goes

    def _start(self, title: str, job: object) -> int | None:
        session = self.workspace.session
        if session is None:
            return None
        return self.runner.submit(title, lambda: job(session))  # type: ignore[operator]

    def _videos(self, uids: Iterable[str]) -> list[Video]:
        wanted = set(uids)
        return [video for video in self.workspace.takes if video.uid in wanted]

    def _with_poses(self) -> list[Video]:
        """Takes that can be aligned."""
        session = self.workspace.session
        if session is None:
            return []
        with session.project.reading() as tx:
            return [video for video in self.workspace.takes if tracks.active(tx, video.uid, 2)]

    def _on_submitted(self, uid: int, title: str) -> None:
        self._show(uid, JobStatus(str(uid), title))
        self.busy_changed.emit(True)

    def _on_progress(self, uid: int, progress: Progress) -> None:
        if uid in self._jobs:
            title, result = self._jobs[uid].title, self._results.get(uid, "")
            self._show(uid, JobStatus(str(uid), title, JobState.RUNNING, progress, result=result))

    def _on_end(self, uid: int, state: JobState) -> None:
        job = self._jobs[uid]
        result = self._results.get(uid, "")
        self._show(uid, JobStatus(str(uid), job.title, state, job.progress, result=result))
        if state == JobState.FINISHED:
            self.workspace.message.emit(f"Done: {job.title}")
        self.busy_changed.emit(self.busy)

    def _on_failed(self, uid: int, message: str, hint: str, report: str) -> None:
        job = self._jobs[uid]
        self._reports[uid] = report
        self._show(uid, JobStatus(str(uid), job.title, JobState.FAILED, job.progress, message, hint))
        self.workspace.message.emit(f"{job.title}: {message}")
        self.busy_changed.emit(self.busy)

    def _show(self, uid: int, status: JobStatus) -> None:
        self._jobs[uid] = status
        self.panel.set_job(status)

    def _show_details(self, uid: str) -> None:
        job = self._jobs.get(int(uid))
        if job is None:  # a job in a process of its own: its controller answers
            return
        self.report_wanted.emit(f"{job.error} {job.hint}".strip(), self._reports.get(int(uid), ""))
