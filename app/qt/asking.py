"""Questions before jobs: which takes, which model, which file; and where missing videos went."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QWidget

from app.qt.tasks import Tasks
from app.qt.workspace import Workspace
from app.services.align_state import out_of_date
from app.services.exchange import EXPORT_FORMATS
from app.services.media import check_candidate, find_moved, missing_videos, relink
from app.services.models import encoders, known_models
from app.services.overview import take_overviews
from models.domain.errors import KnownError
from widgets.align_dialog import AlignDialog
from widgets.dialog_fields import TakeChoice
from widgets.dialogs import known_error_dialog
from widgets.project_dialogs import FrameRateDialog
from widgets.relink_dialog import Candidate, MissingVideo, RelinkDialog
from widgets.run_dialogs import (
    DecoderChoice,
    DeviceChoice,
    ExportFormat,
    LabelExportDialog,
    ModelChoice,
    PoseRunDialog,
)

#: Names as in `models.run.pose2d.DECODERS`, which would load torch.
DECODERS = (
    DecoderChoice("", "the network’s own decoder", "the one it was made for"),
    DecoderChoice("dark", "DARK", "fits a bell curve to every heatmap: finer than its pixels"),
    DecoderChoice("udp", "UDP", "DARK, and the mirrored picture without its sideways shift"),
    DecoderChoice("peak", "peak", "as published with HRNet: the highest pixel, moved by a quarter"),
)


class Asking(QObject):
    """Dialogs of the window; what they answer becomes a job or an edit."""

    def __init__(self, workspace: Workspace, tasks: Tasks, window: QWidget) -> None:
        super().__init__(workspace)
        self.workspace, self.tasks, self.window = workspace, tasks, window

    def actions(self) -> dict[str, Callable[[], object]]:
        return {"file.export": self.export_labels}

    def add_paths(self, paths: Sequence[Path]) -> None:
        """Add files at once; ask for the frame rate of folders of images."""
        files = [path for path in paths if not path.is_dir()]
        if files:
            self.tasks.add(files)
        for folder in (path for path in paths if path.is_dir()):
            count = sum(p.suffix.lower() in (".jpg", ".jpeg", ".png") for p in folder.iterdir())
            dialog = FrameRateDialog(folder.name, count, self.window)
            if dialog.exec() and dialog.fps is not None:
                self.tasks.add([folder], fps=dialog.fps)

    def run_poses(self, uids: Sequence[str]) -> None:
        """Ask for model and device, then find poses in takes; if none is named, those without are ticked."""
        session = self.workspace.session
        if session is None:
            return
        takes = [
            TakeChoice(
                t.uid, t.name, "has poses" if t.people else "", t.uid in uids if uids else not t.people
            )
            for t in take_overviews(session, count_corrections=False)
        ]
        models = [ModelChoice(m.name, m.note) for m in known_models("pose2d")]
        devices = [
            DeviceChoice("auto", "a graphics card if there is one, else the processor"),
            DeviceChoice("cpu", f"{os.cpu_count()} processor cores"),
            DeviceChoice("cuda", "an NVIDIA graphics card"),
        ]
        dialog = PoseRunDialog(takes, models, devices, DECODERS, self.window)
        if dialog.exec():
            choice = dialog.choice
            self.tasks.poses(
                choice.take_uids,
                model=choice.model,
                device=choice.device,
                people=choice.people,
                decoder=choice.decoder or None,
            )

    def align(self, reference_uid: str = "") -> None:
        """Ask which takes to align to what and how; takes without poses are not ticked."""
        session = self.workspace.session
        if session is None:
            return
        stale = {query for _, query in out_of_date(session)}
        takes = []
        for t in take_overviews(session, count_corrections=False):
            note = "alignment out of date" if t.uid in stale else ""
            takes.append(TakeChoice(t.uid, t.name, note if t.people else "no poses yet", bool(t.people)))
        models = [ModelChoice(m.name, m.note) for m in encoders()]
        dialog = AlignDialog(takes, models, self.window)
        dialog.choose_reference(reference_uid)
        if dialog.exec():
            self.tasks.align_as(dialog.choice)

    def export_labels(self) -> None:
        session = self.workspace.session
        if session is None:
            return
        formats = [ExportFormat(f.name, f.title, f.suffix, f.losses) for f in EXPORT_FORMATS]
        stem = session.project.path.with_suffix("")
        dialog = LabelExportDialog(formats, stem.with_name(f"{stem.name}_labels"), self.window)
        if dialog.exec():
            self.tasks.export_labels(dialog.choice.format, dialog.choice.path)

    def import_labels(self) -> None:
        session = self.workspace.session
        if session is None:
            return
        path, _ = QFileDialog.getOpenFileName(self.window, "Import labels", "", "Labels (*.json *.csv)")
        if not path:
            return
        self.tasks.import_labels(Path(path))

    def relink(self, uids: Sequence[str] = ()) -> None:
        """Find the files of takes that are missing (all of them when none is named)."""
        session = self.workspace.session
        if session is None:
            return
        gone = missing_videos(session)
        wanted = [v for v in self.workspace.takes if v.uid in uids] if uids else gone
        if not wanted:
            self.workspace.message.emit("No video is missing.")
            return
        by_uid = {video.uid: video for video in wanted}

        def find(folder: Path, missing: Sequence[str]) -> Mapping[str, Candidate]:
            found = find_moved([by_uid[uid] for uid in missing if uid in by_uid], folder)
            return {uid: Candidate(path, same_content=True) for uid, path in found.items()}

        def check(uid: str, path: Path) -> Candidate:
            same, note = check_candidate(by_uid[uid], path)
            return Candidate(path, same, note)

        items = [MissingVideo(v.uid, v.name, v.path) for v in wanted]
        # only close by without being asked: a project may lie in a home folder
        close = find_moved(wanted, session.project.path.parent, depth=1)
        nearby = {uid: Candidate(path, same_content=True) for uid, path in close.items()}
        dialog = RelinkDialog(items, find, check, self.window, candidates=nearby)
        if dialog.exec():
            for uid, path in dialog.choice.paths.items():
                self._try(lambda uid=uid, path=path: relink(session, uid, path))  # type: ignore[misc]

    def _try(self, step: Callable[[], object]) -> bool:
        try:
            step()
        except KnownError as error:
            known_error_dialog(error, self.window).exec()
            return False
        except OSError as error:
            message = f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
            known_error_dialog(KnownError(message), self.window).exec()
            return False
        return True
