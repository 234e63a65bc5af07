"""Analyse ▸ Map of the takes: the embeddings of all takes on a plane, linked with the players."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from app.qt.showing import encoder_choices, go_to_moment
from app.session import Session
from models.domain.progress import Progress
from widgets.embedding_map_view import EmbeddingMapView, MapPath

if TYPE_CHECKING:
    from app.main_window import MainWindow

METHODS = (
    ("pca", "PCA (distances are true)"),
    ("tsne", "t-SNE (neighbours are true)"),
    ("umap", "UMAP (neighbours are true)"),
)


class TakeMap(QObject):
    """Controller of the map."""

    _computed = Signal(object)  # list of MapPath

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.window = window
        self.view = EmbeddingMapView(METHODS, window)
        self._job: int | None = None
        self.view.method_chosen.connect(lambda _method: self.compute())
        self.view.jump_requested.connect(lambda uid, frame: go_to_moment(window, uid, frame))
        self._computed.connect(self._on_computed)
        workspace = window.workspace
        workspace.frame_changed.connect(lambda _frame: self._show_playheads())
        workspace.take_changed.connect(self._show_playheads)
        workspace.project_changed.connect(self._on_project_changed)
        window.comparing.moved.connect(self._show_playheads)
        window.comparing.reloaded.connect(self._show_playheads)
        window.tasks.runner.failed.connect(self._on_failed)

    def show(self) -> None:
        self.view.show()
        self.view.raise_()
        self.compute()

    def compute(self) -> None:
        """Draw the map anew from what the project holds now."""
        method = self.view.method
        self.view.set_paths((), "Drawing the map…")
        model = next(iter(encoder_choices()), ("", ""))[0]

        def job(session: Session) -> Iterator[Progress]:
            from app.services.moments import embed_takes, map_takes

            videos = session.videos()
            yield from embed_takes(session, videos, model)
            yield Progress(0, 1, "drawing the map")
            placed = map_takes(session, videos, model, method)  # type: ignore[arg-type]
            paths = []
            for video, points in placed:
                colors = [""] * len(points)
                times = video.info.times
                for phase in session.phases(video.uid):
                    first, stop = times.index_at(phase.span.start_pts), times.index_at(phase.span.end_pts - 1)
                    colors[first : stop + 1] = [phase.color] * (stop + 1 - first)
                paths.append(MapPath(video.uid, video.name, points, tuple(colors[: len(points)])))
            self._computed.emit(paths)
            yield Progress(1, 1, f"{len(paths)} takes")

        self._job = self.window.tasks.start("Map of the takes", job)  # type: ignore[arg-type]

    def _on_computed(self, paths: list[MapPath]) -> None:
        known = [path for path in paths if self.window.workspace.find(path.uid) is not None]
        text = f"{len(known)} takes. A ring marks where each take is now; a click goes to the nearest frame."
        ontology = self.window.workspace.ontology()
        phases = (
            [(name, ontology.phase_color(k)) for k, name in enumerate(ontology.phases)] if ontology else []
        )
        self.view.set_paths(known, text, phases)
        self._show_playheads()

    def _show_playheads(self) -> None:
        if not self.view.isVisible():
            return
        window = self.window
        if window.comparing.active:
            self.view.set_playheads(window.compare_view.frames_at(window.comparing.frame))
        elif window.workspace.take is not None:
            self.view.set_playheads({window.workspace.take.uid: window.workspace.frame})

    def _on_failed(self, uid: int, message: str, hint: str, _report: str) -> None:
        if uid == self._job and not self.view.paths:
            self.view.set_paths((), f"{message} {hint}".strip())

    def _on_project_changed(self) -> None:
        self.view.hide()
        self.view.set_paths((), "")
