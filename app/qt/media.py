"""The media list: takes of the project, their pictures and states; adding, renaming, relinking, removing."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.commands import ChangeSet, RemoveVideo, RenameVideo, Together
from app.qt.thumbnailer import Thumbnailer
from app.qt.workspace import Workspace
from app.services.overview import take_overviews
from models.domain.errors import KnownError
from storage.videos import Video, absolute_path
from widgets.media_list import MediaList, Take
from widgets.timeline import Timeline

VIDEO_FILTER = (
    "Videos (*.mp4 *.mov *.avi *.mkv *.webm *.m4v *.mpg *.mpeg *.ts *.mts *.wmv *.gif);;All files (*)"
)


class Media(QObject):
    """Controller of the media list and of the timeline's thumbnails."""

    add_paths = Signal(list)  # files to add to the project
    relink_wanted = Signal(list)  # uids of takes whose file is missing

    def __init__(
        self, workspace: Workspace, view: MediaList, timeline: Timeline, thumbnailer: Thumbnailer
    ) -> None:
        super().__init__(workspace)
        self.workspace, self.view, self.timeline, self.thumbnailer = workspace, view, timeline, thumbnailer
        self._with_poster: set[tuple[str, str]] = set()  # uid and path: a relinked take gets a new one
        self._reference = ""
        # several changes in a row (a job's commits) make one refresh
        self._refresh = QTimer(self, singleShot=True, interval=60)
        self._refresh.timeout.connect(self.reload)
        workspace.project_changed.connect(self._on_project_changed)
        workspace.take_changed.connect(self._on_take_changed)
        workspace.edited.connect(self._on_edited)
        view.selection_changed.connect(self._on_selection)
        view.files_dropped.connect(lambda paths: self.add_paths.emit([Path(p) for p in paths]))
        view.add_requested.connect(self.ask_for_files)
        view.rename_requested.connect(lambda uid, name: workspace.do(RenameVideo(uid, name)))
        view.relink_requested.connect(lambda uid: self.relink_wanted.emit([uid]))
        view.remove_requested.connect(self.remove)
        timeline.thumbnails_wanted.connect(self._on_thumbnails_wanted)
        thumbnailer.poster_ready.connect(view.set_thumbnail)
        thumbnailer.strip_ready.connect(self._on_strip)

    @property
    def selected(self) -> list[str]:
        return self.view.selected

    def set_reference(self, uid: str) -> None:
        self._reference = uid
        self.reload()

    def ask_for_files(self) -> None:
        paths, _ = QFileDialog.getOpenFileNames(self.view, "Add videos", "", VIDEO_FILTER)
        if paths:
            self.add_paths.emit([Path(p) for p in paths])

    def ask_for_folder(self) -> None:
        """A folder of images is a video, too."""
        folder = QFileDialog.getExistingDirectory(self.view, "Add a folder of images")
        if folder:
            self.add_paths.emit([Path(folder)])

    def remove(self, uids: list[str]) -> None:
        """Remove takes from the project (never from disk); undo brings them back."""
        names = [video.name for video in self.workspace.takes if video.uid in uids]
        if not names:
            return
        what = f"“{names[0]}”" if len(names) == 1 else f"{len(names)} takes"
        question = (
            f"Remove {what} with its labels and poses from the project?\nThe video file stays where it is."
        )
        if QMessageBox.question(self.view, "Remove takes", question) == QMessageBox.StandardButton.Yes:
            self.workspace.do(Together(f"remove {what}", tuple(RemoveVideo(uid) for uid in uids)))

    def reload(self) -> None:
        session = self.workspace.session
        if session is None:
            self.view.set_takes(())
            return
        try:
            overviews = take_overviews(session, count_corrections=False)
        except KnownError as error:
            self.workspace.problem.emit(error.message, error.hint)
            return
        self.view.set_takes(
            [
                Take(
                    uid=take.uid,
                    name=take.name,
                    frame_count=take.frames,
                    fps=take.fps,
                    variable=take.variable_frame_rate,
                    missing=take.missing_file,
                    decode_failures=take.decode_failures,
                    poses=take.people > 0,
                    lifted=take.has_3d,
                    aligned=bool(take.aligned_to),
                    labelled=take.events + take.intervals > 0,
                    is_reference=take.uid == self._reference,
                )
                for take in overviews
            ]
        )
        for video in self.workspace.takes:
            if (video.uid, video.path) not in self._with_poster:
                self._with_poster.add((video.uid, video.path))
                self.thumbnailer.want_poster(video.uid, self._path(video), video.fps)
        if self.workspace.take is not None and self.workspace.take.uid not in self.view.selected:
            self.view.select([self.workspace.take.uid])

    def _path(self, video: Video) -> Path:
        assert self.workspace.session is not None
        return absolute_path(self.workspace.session.project, video)

    def _on_project_changed(self) -> None:
        self.thumbnailer.forget()
        self._with_poster.clear()
        self._reference = ""
        self.reload()

    def _on_take_changed(self) -> None:
        self.timeline.set_thumbnails(())
        take = self.workspace.take
        if take is not None and self.workspace.session is not None:
            self.thumbnailer.want_strip(take.uid, self._path(take), take.fps)
            if take.uid not in self.view.selected:
                self.view.select([take.uid])

    def _on_edited(self, change: ChangeSet) -> None:
        if change.frames is None:  # dragging a joint changes no state of a take
            self._refresh.start()

    def _on_selection(self, uids: list[str]) -> None:
        current = self.workspace.take.uid if self.workspace.take else None
        if uids and current not in uids:
            self.workspace.show_take(uids[0])

    def _on_thumbnails_wanted(self, indices: list[int]) -> None:
        take = self.workspace.take
        if take is not None and self.workspace.session is not None and indices:
            self.thumbnailer.want_frames(take.uid, self._path(take), take.fps, indices)

    def _on_strip(self, uid: str, pictures: object) -> None:
        if self.workspace.take is not None and uid == self.workspace.take.uid:
            self.timeline.set_thumbnails(pictures)  # type: ignore[arg-type]
