"""Analyse ▸ Find this moment: the frame on screen in every take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.qt.showing import encoder_choices, go_to_moment
from app.session import Session
from models.domain.progress import Progress
from storage.videos import Video
from widgets.found_moments import SIMILAR, FoundMoments, FoundRow

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from models.run.moments import Match


class Finding(QObject):
    """Controller of the search window."""

    _found = Signal(int, object)  # number of the search, rows
    _pictured = Signal(int, str, int, object)  # number of the search, take uid, frame, image

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.view = FoundMoments(window)
        self._count = 0  # searches so far
        self._job: int | None = None  # of the last one
        self.view.search_requested.connect(self.search)
        self.view.jump_requested.connect(lambda uid, frame: go_to_moment(window, uid, frame))
        self._found.connect(self._on_found)
        self._pictured.connect(self._on_pictured)
        window.workspace.project_changed.connect(self._on_project_changed)
        window.tasks.runner.failed.connect(self._on_failed)

    def show(self) -> None:
        self.view.set_models(encoder_choices())
        self.view.show()
        self.view.raise_()
        self.search()

    def search(self) -> None:
        """Look for the frame on screen."""
        workspace = self.window.workspace
        take, frame = workspace.take, workspace.frame
        if take is None:
            self.view.set_searched("", 0, "There is no take yet: add videos first.")
            return
        self._count += 1
        number, model, top = self._count, self.view.model, self.view.top
        self.view.set_searched(take.name, frame)

        def job(session: Session) -> Iterator[Progress]:
            from app.services.moments import embed_takes, find_frame

            yield from embed_takes(session, session.videos(), model)
            matches = _worth_showing(find_frame(session, take, frame, model, top=top))
            rows = [
                FoundRow(v.uid, v.name, m.frame, v.info.times.seconds_at(m.frame), m.score)
                for v, m in matches
            ]
            self._found.emit(number, rows)
            yield from self._pictures(session, number, [(v, m.frame) for v, m in matches])

        self._job = self.window.tasks.start(f"Find frame {frame} of {take.name}", job)  # type: ignore[arg-type]

    def _pictures(self, session: Session, number: int, wanted: list[tuple[Video, int]]) -> Iterator[Progress]:
        """Decode the picture of every match; a take whose file is missing has none."""
        from app.services.media import open_take
        from models.domain.errors import KnownError

        for done, (video, frame) in enumerate(wanted):
            yield Progress(done, len(wanted), f"pictures · {video.name}")
            try:
                with open_take(session, video) as reader:
                    self._pictured.emit(number, video.uid, frame, reader.frame(frame))
            except KnownError:
                continue
        yield Progress(len(wanted), len(wanted), f"{len(wanted)} matches")

    def _on_found(self, number: int, rows: list[FoundRow]) -> None:
        if number == self._count:
            takes = len({row.take_uid for row in rows})
            text = f"{len(rows)} matches in {takes} takes. Click one to go there."
            self.view.set_rows(rows, text if rows else "No take has poses to look in yet.")

    def _on_pictured(self, number: int, uid: str, frame: int, image: object) -> None:
        if number == self._count:
            self.view.set_picture(uid, frame, image)  # type: ignore[arg-type]

    def _on_failed(self, uid: int, message: str, hint: str, _report: str) -> None:
        if uid == self._job and not self.view.rows:
            self.view.set_rows((), f"{message} {hint}".strip())

    def _on_project_changed(self) -> None:
        self._count += 1
        self.view.hide()
        self.view.set_rows((), "")


def _worth_showing(matches: Sequence[tuple[Video, Match]]) -> list[tuple[Video, Match]]:
    """The best of each take whatever it is, further ones where they are alike at all; best takes first."""
    best: dict[str, float] = {}
    for video, match in matches:
        best[video.uid] = max(match.score, best.get(video.uid, 0.0))
    seen: set[str] = set()
    kept = []
    for video, match in matches:
        if video.uid not in seen or match.score >= SIMILAR:
            kept.append((video, match))
        seen.add(video.uid)
    return sorted(kept, key=lambda found: -best[found[0].uid])
