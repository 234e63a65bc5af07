"""Clips, sound and phases out of the window: what is asked, a picture before, a job, and where it went."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from app.qt.tasks import Steps
from app.services.clip_plan import ClipOptions
from app.services.ways import Ways
from app.session import Session
from models.domain.errors import KnownError
from storage import alignments
from storage.encodings import CODECS, missing_codecs
from storage.sound import sound_codec
from storage.videos import Video
from widgets.clip_dialog import ClipExport, ClipExportDialog, ClipTake, CodecChoice
from widgets.clip_preview import facts
from widgets.compare_state import CompareMode
from widgets.dialog_fields import TakeChoice
from widgets.take_files_dialogs import PhaseFilesDialog, SoundDialog

if TYPE_CHECKING:
    from app.main_window import MainWindow

_PREVIEW, _SIZE = "clip preview", "clip size"


class Exporting(QObject):
    """Controller of what leaves the project as files of pictures and sound."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window, self.workspace = window, window.workspace
        self.tasks, self.latest = window.tasks, window.latest
        self._weighed: tuple[ClipExport, float, tuple[str, ...]] | None = None  # the size last estimated
        self.tasks.panel.show_requested.connect(show_in_folder)
        window.comparing.export_requested.connect(self.page)

    def entries(self, reference: Callable[[], str]) -> list[tuple[str, Callable[[], object]]]:
        """What the menu offers; reference() names the take whose clock is offered first."""
        return [
            ("Export aligned clip…", lambda: self.clip(reference())),
            ("Transfer sound…", lambda: self.sound(reference())),
            ("Export phases as files…", self.phases),
        ]

    def clip(self, reference_uid: str = "") -> None:
        """Ask for a clip, on the clock of that take at first."""
        self._ask_for_clip(lambda dialog: dialog.choose_reference(reference_uid))

    def page(self, reference_uid: str) -> None:
        """Ask for a clip of what the compare page shows: its takes, how they are laid, its poses."""
        state, takes = self.window.compare_view.stage.state, self.window.comparing.compared.others
        laid_over, pair = state.mode is CompareMode.OVERLAY, state.pair()

        def prepare(dialog: ClipExportDialog) -> None:
            dialog.choose_reference(reference_uid)
            dialog.choose_takes([pair[1].uid] if laid_over and pair is not None else takes)
            dialog.choose(layout="overlay" if laid_over else "grid")
            dialog.choose_poses(state.show_poses)

        self._ask_for_clip(prepare)

    def _ask_for_clip(self, prepare: Callable[[ClipExportDialog], object]) -> None:
        session = self.workspace.session
        if session is None:
            return
        lacking = {codec.name for codec in missing_codecs() if codec.name != "h264"}
        codecs = [
            CodecChoice(
                codec.name,
                codec.title,
                codec.suffixes,
                bool(codec.qualities),
                f"{codec.note}; {', '.join(codec.suffixes)}",
                f"This build of PyAV cannot write {codec.title}." if codec.name in lacking else "",
            )
            for codec in CODECS
        ]
        path = session.project.path.with_name(f"{session.project.path.stem}_in_step.mp4")
        dialog = ClipExportDialog(self._takes(session), session.ontology().phases, codecs, path, self.window)
        prepare(dialog)
        dialog.preview_wanted.connect(lambda choice, share: self._preview(session, dialog, choice, share))
        accepted = dialog.exec()
        dialog.preview_wanted.disconnect()  # its timer may still run, and the project may be closed by then
        dialog.deleteLater()
        for asked in (_PREVIEW, _SIZE):
            self.latest.forget(asked)
        if accepted:
            self.export(dialog.choice)

    def export(self, choice: ClipExport) -> None:
        """Start the job that writes a clip."""
        reference, takes = self._videos(choice)

        def job(session: Session) -> Steps:
            from app.services.clips import export_clip

            yield from export_clip(session, reference, takes, choice.path, options_of(choice))

        self.tasks.start(f"Clip · {choice.path.name}", job, choice.path)

    def sound(self, target_uid: str = "") -> None:
        """Ask which take gets the sound of which."""
        session = self.workspace.session
        if session is None:
            return
        takes = self._takes(session)
        sounding = [v.uid for v in self.workspace.takes if _has_sound(session.video_path(v))]
        aligned = {take.uid: [t.uid for t in takes if take.uid in t.aligned] for take in takes}
        choices = [TakeChoice(take.uid, take.name) for take in takes]
        dialog = SoundDialog(choices, sounding, aligned, session.project.path.parent, self.window)
        source = next((uid for uid in sounding if target_uid in aligned[uid]), "")
        dialog.choose(source, target_uid)
        if not dialog.exec():
            return
        c = dialog.choice
        by_uid = {video.uid: video for video in self.workspace.takes}

        def job(session: Session) -> Steps:
            from app.services.sound import transfer_sound
            from models.run.retime_sound import Blocks

            blocks = Blocks(c.block_s, c.fade_s, c.search_s)
            yield from transfer_sound(session, by_uid[c.source_uid], by_uid[c.target_uid], c.path, blocks)

        self.tasks.start(f"Sound · {c.path.name}", job, c.path)

    def phases(self) -> None:
        """Ask which phases become files."""
        session = self.workspace.session
        if session is None:
            return
        takes = [TakeChoice(t.uid, t.name) for t in self._takes(session) if t.has_phases]
        folder = session.project.path.with_name(f"{session.project.path.stem}_phases")
        dialog = PhaseFilesDialog(takes, session.ontology().phases, folder, self.window)
        if not dialog.exec():
            return
        c = dialog.choice
        chosen = [video for video in self.workspace.takes if video.uid in c.take_uids]

        def job(session: Session) -> Steps:
            from app.services.phase_files import PhaseOptions, export_phases

            options = PhaseOptions(
                kind=c.kind,  # type: ignore[arg-type]
                height_px=c.height_px,
                phases=c.phases,
                suggestions=c.suggestions,
                split=c.split,
            )
            yield from export_phases(session, chosen, c.path, options)

        self.tasks.start(f"Phases · {c.path.name}", job, c.path)

    def _preview(self, session: Session, dialog: ClipExportDialog, choice: ClipExport, share: float) -> None:
        """Compose a frame off the window's thread, then encode a little of the clip to tell its size."""
        from app.services.clip_preview import ClipPreview, ClipSize, estimate_size, preview_clip

        reference, takes = self._videos(choice)
        options = options_of(choice)

        def look() -> object:
            return preview_clip(session, reference, takes, choice.path, options, share)

        def weigh() -> object:
            return estimate_size(session, reference, takes, choice.path, options)

        def tell(found: object) -> None:
            if isinstance(found, ClipPreview):
                height, width = found.picture.shape[:2]
                line = facts(found.frame_count, found.duration_s, (width, height), found.files)
                dialog.set_preview(found.picture, line)
                if self._weighed is None or self._weighed[0] != choice:
                    self.latest.ask(_SIZE, partial(_found, weigh), told_size)
                else:
                    dialog.set_size(*self._weighed[1:])
            else:
                dialog.refuse(str(found))

        def told_size(found: object) -> None:
            if isinstance(found, ClipSize):
                self._weighed = (choice, found.size_bytes, found.notes)
                dialog.set_size(found.size_bytes, found.notes)

        self.latest.ask(_PREVIEW, partial(_found, look), tell)

    def _takes(self, session: Session) -> list[ClipTake]:
        """Every take, with those that a warp leads to: either way, or by a common reference."""
        with session.project.reading() as tx:
            ways = Ways(alignments.all_alignments(tx))
        return [
            ClipTake(
                video.uid,
                video.name,
                video.info.frame_count,
                tuple(
                    v.uid
                    for v in self.workspace.takes
                    if v.uid != video.uid and ways.between(video.uid, v.uid) is not None
                ),
                bool(session.phases(video.uid)),
            )
            for video in self.workspace.takes
        ]

    def _videos(self, choice: ClipExport) -> tuple[Video, list[Video]]:
        by_uid = {video.uid: video for video in self.workspace.takes}
        return by_uid[choice.reference_uid], [by_uid[uid] for uid in choice.take_uids]


def options_of(choice: ClipExport) -> ClipOptions:
    """What a person chose, as the exporter takes it."""
    return ClipOptions(
        height_px=choice.height_px,
        burn_labels=choice.burn_labels,
        burn_poses=choice.burn_poses,
        burn_clock=choice.burn_clock,
        layout=choice.layout,  # type: ignore[arg-type]
        timing=choice.timing,  # type: ignore[arg-type]
        phases=choice.phases,
        first=choice.first,
        stop=choice.stop,
        audio=choice.audio,
        codec=choice.codec,
        quality=choice.quality,
        keep_original=choice.keep_original,
        cut_list=choice.cut_list,
    )


def show_in_folder(path: str) -> None:
    """Open the folder that a file lies in, or a folder itself."""
    found = Path(path)
    folder = found if found.is_dir() else found.parent
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


def _found(work: Callable[[], object]) -> object:
    """What a look ahead gives, or why there is nothing, in words."""
    try:
        return work()
    except (KnownError, OSError) as error:
        return str(error)


def _has_sound(path: Path) -> bool:
    try:
        return bool(sound_codec(path))
    except KnownError:  # it is missing: its card says so
        return False
