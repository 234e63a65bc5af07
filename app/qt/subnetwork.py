"""Analyse ▸ Subnetwork: what a network is made of and what it does with a share of its weights.

Everything is computed in a thread of its own; of several wishes only the newest counts. Loading torch,
reading networks and running them never wait in the window.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from app.commands import ChangeSet
from app.qt.latest import Latest
from models.domain.errors import KnownError
from models.domain.subnetwork import (
    LEVELS,
    Effect,
    FilterPicture,
    KeepCurve,
    LayerOverlap,
    NoEffect,
    ScoreHistogram,
)
from widgets.subnetwork_window import SubnetworkWindow

if TYPE_CHECKING:
    from app.main_window import MainWindow
    from app.services.subnetwork import Look
    from app.services.subnetwork_effect import Effects
    from models.run.thinned import Thinnable

SETTLE_MS = 60  # before a playhead that moves is followed
MODEL, LOOK, SCORES, EFFECT, OTHER = "model", "look", "scores", "effect", "other"


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """Why something could not be computed."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class _Opened:
    """A network in memory. facts: what it is. curve: of its card; instead: how to have one."""

    model: Thinnable
    effects: Effects
    facts: str
    curve: KeepCurve | None
    instead: str

    @property
    def trained(self) -> float:
        return 1.0 if self.model.keep is None else self.model.keep


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A network at one share, ready to be shown."""

    look: Look
    scores: ScoreHistogram
    filters: FilterPicture | None
    overlaps: list[LayerOverlap] | _Problem | None


class Subnetwork(QObject):
    """Controller of the subnetwork window."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window, self._workspace = window, window.workspace
        self.view = SubnetworkWindow(window)
        self._latest = Latest(self)
        self._name = self._other_name = ""
        self._opened: _Opened | None = None
        self._other: Thinnable | None = None
        self._look: Look | None = None
        self._wanted: set[str] = set()  # what was asked and is still to come
        self._settle = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._settle.timeout.connect(self._ask_effect)
        view, workspace = self.view, self._workspace
        view.model_chosen.connect(self.choose)
        view.other_chosen.connect(self.compare_with)
        view.keep_changed.connect(lambda _keep: self._ask())
        view.layer_chosen.connect(self._ask_scores)
        workspace.frame_changed.connect(lambda _frame: self._follow())
        workspace.take_changed.connect(self._follow)
        workspace.edited.connect(self._on_edit)
        workspace.project_changed.connect(self._leave)
        window.posing.selection_changed.connect(lambda *_: self._follow())
        view.finished.connect(lambda _result: self._rest())

    def show(self) -> None:
        """Bring the window up; the models are listed anew."""
        names = self._list()
        self.view.show()
        self.view.raise_()
        self.view.activateWindow()
        self.view.keep.setFocus()
        gone = self._name and self._name not in names and not Path(self._name).suffix
        if gone or not self._name or self._opened is None:
            self.choose(names[0] if gone or not self._name else self._name)
        else:
            self._ask_effect()

    def _list(self) -> list[str]:
        """Name the models there are now; returns their names."""
        from app.services.models import KINDS, known_models

        models = known_models()
        kind = self._opened.model.entry.kind if self._opened is not None else None
        self.view.set_choices(
            [(model.name, KINDS.get(model.kind, model.kind)) for model in models], self._name
        )
        alike = [model.name for model in models if model.kind == kind and model.name != self._name]
        self.view.set_others(alike, self._other_name)
        return [model.name for model in models]

    # ---- what a person chooses

    def choose(self, name: str) -> None:
        """Show another network: a name, or the path of a file."""
        self._name, self._look = name, None
        self._forget(LOOK, SCORES, EFFECT)
        self._let_go()
        self._opened = None
        self._list()

        def read() -> Any:
            from app.services.subnetwork import curve_of, described, how_to_measure, open_model
            from app.services.subnetwork_effect import Effects

            model = open_model(name)
            return _Opened(
                model, Effects(model), described(model), curve_of(model.entry), how_to_measure(model.entry)
            )

        self._ask_for(MODEL, read, self._on_model)

    def compare_with(self, name: str) -> None:
        """Compare masks with another network; "" with none."""
        self._other_name, self._other = name, None
        self._list()
        self._forget(OTHER)
        if not name:
            self.view.set_overlaps(None)
            return
        self.view.set_overlaps(None, "Reading…")

        def read() -> Any:
            from app.services.subnetwork import open_model

            return open_model(name)

        def show(found: Any) -> None:
            if isinstance(found, _Problem):
                self.view.set_overlaps(None, found.text)
            else:
                self._other = found
                self._ask_look()

        self._ask_for(OTHER, read, show)

    def _on_model(self, found: Any) -> None:
        if isinstance(found, _Problem):
            self.view.clear(found.text)
            return
        self._opened, model = found, found.model
        if self._other is not None and self._other.entry.kind != model.entry.kind:
            self.compare_with("")
        self._list()
        self.view.set_model(found.facts, model.trained_sixteenths, found.trained, scored=model.has_scores)
        self._ask()

    # ---- what is computed

    def _ask(self) -> None:
        if self._opened is not None:
            self._show_curve(self._opened)
            self._ask_look()
            self._ask_effect()

    def _ask_look(self) -> None:
        opened, other = self._opened, self._other
        keep, layer = self.view.keep.sixteenths, self.view.layers.layer
        if opened is None:
            return
        model = opened.model

        def look() -> _Shown:
            from app.services.subnetwork import first_filters, histogram, look_at, overlaps

            found = look_at(model, keep)
            names = [row.name for row in found.rows]
            scores = histogram(found, layer if layer in names else names[0])
            agree: list[LayerOverlap] | _Problem | None = None
            if other is not None:
                try:
                    agree = overlaps(found, other)
                except KnownError as error:
                    agree = _problem(error)
            return _Shown(found, scores, first_filters(found), agree)

        self._ask_for(LOOK, look, self._on_look)

    def _on_look(self, shown: Any) -> None:
        if isinstance(shown, _Problem):
            self.view.clear(shown.text)
            return
        self._look = shown.look
        self.view.set_layers(shown.look.rows)
        self.view.set_histogram(shown.scores)
        self.view.set_filters(shown.filters)
        if isinstance(shown.overlaps, _Problem):
            self.view.set_overlaps(None, shown.overlaps.text)
        elif shown.overlaps is not None:
            self.view.set_overlaps(shown.overlaps)

    def _ask_scores(self, layer: str) -> None:
        look = self._look
        if look is None:
            return
        if LOOK in self._wanted:  # another share is on its way: its scores, not those of the last one
            self._ask_look()
            return

        def scores() -> Any:
            from app.services.subnetwork import histogram

            return histogram(look, layer)

        self._ask_for(SCORES, scores, self.view.set_histogram)

    def _show_curve(self, opened: _Opened) -> None:
        sixteenths = self.view.keep.sixteenths
        as_trained = sixteenths == opened.model.trained_sixteenths
        keep = opened.trained if as_trained else sixteenths / LEVELS
        self.view.set_curve(opened.curve, opened.instead, keep, opened.trained)

    # ---- at the playhead

    def _follow(self) -> None:
        if self.view.isVisible():
            self._settle.start()

    def _on_edit(self, change: ChangeSet) -> None:
        if change.kinds & {"tracks", "videos"}:
            self._follow()

    def _ask_effect(self) -> None:
        opened, session, take = self._opened, self._workspace.session, self._workspace.take
        if opened is None or session is None or not self.view.isVisible():
            return
        frame, keep = self._workspace.frame, self.view.keep.sixteenths
        chosen = self._window.posing.selection
        person = chosen.person if chosen is not None else 0

        def run() -> Effect:
            try:
                return opened.effects.of(session, take, frame, person, keep)
            except Exception:
                if self._workspace.session is not session:  # it was closed meanwhile
                    return NoEffect("")
                raise

        def show(found: Any) -> None:
            self.view.set_effect(NoEffect(found.text) if isinstance(found, _Problem) else found)

        self._ask_for(EFFECT, run, show)

    # ---- the thread

    @property
    def busy(self) -> bool:
        """Whether something that was asked is still to come."""
        return bool(self._wanted)

    def _ask_for(self, name: str, work: Callable[[], Any], tell: Callable[[Any], None]) -> None:
        def careful() -> Any:
            try:
                return work()
            except KnownError as error:
                return _problem(error)
            except Exception as error:  # told in the window, which must not wait for ever
                traceback.print_exc()
                return _Problem(f"{type(error).__name__}: {error}")

        def told(result: Any) -> None:
            self._wanted.discard(name)
            tell(result)
            self._say_state()

        self._wanted.add(name)
        self._say_state()
        self._latest.ask(name, careful, told)

    def _forget(self, *names: str) -> None:
        for name in names:
            self._wanted.discard(name)
            self._latest.forget(name)
        self._say_state()

    def _say_state(self) -> None:
        reading, running = self._wanted & {MODEL, OTHER}, self._wanted & {LOOK, EFFECT}
        self.view.state.set_text("Reading…" if reading else "Running…" if running else "")

    def _rest(self) -> None:
        """The window was closed: nobody waits for what is being run, and the video is let go of."""
        self._settle.stop()
        self._forget(EFFECT)
        self._let_go()

    def _leave(self) -> None:
        """Another project is open, or none."""
        self._rest()
        self.view.hide()

    def _let_go(self) -> None:
        """Close the video in the thread that reads it."""
        if self._opened is not None:
            effects = self._opened.effects
            name = f"close {id(effects)}"
            self._latest.ask(name, effects.close, lambda _none: self._latest.forget(name))

    def shut_down(self) -> None:
        """The program ends."""
        self._settle.stop()
        self._forget(MODEL, OTHER, LOOK, SCORES, EFFECT)
        self._latest.shut_down()
        if self._opened is not None:
            self._opened.effects.close()


def _problem(error: KnownError) -> _Problem:
    return _Problem(f"{error.message} {error.hint or ''}".strip())
